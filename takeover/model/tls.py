"""What was seen of TLS on a connection, as a record."""

import msgspec


class PeerCertificate(msgspec.Struct, forbid_unknown_fields=True):
    """A certificate, without what differs each time that it is made: its number, its times, its key.

    Args:
        subject: as RFC 4514 writes it; likewise `issuer`.
        names: its subject alternative names, each as "KIND:NAME" (`DNS:a.example`, `URI:spiffe://…`).
    """

    subject: str
    issuer: str
    names: list[str] = []


class TlsObserved(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What a client saw of TLS.

    Args:
        failure: why hands were not shaken: `alert`, `closed`, `reset`, `unanswered`, or what our library says of what
            came; of a hello that was sent as bytes also `server hello`: the server would have gone on.
        alert: the last one of the peer, by its name; `close_notify`: it ended its direction in order.
        version: for instance "TLSv1.3"; empty where hands were not shaken.
        cipher: as OpenSSL calls it.
        alpn: the protocol that the peer chose; empty: none.
        resumed: whether the session was an earlier one; then no certificate is sent.
        certificate: the peer's own; it is not judged.
    """

    failure: str = ""
    alert: str = ""
    version: str = ""
    cipher: str = ""
    alpn: str = ""
    resumed: bool = False
    certificate: PeerCertificate | None = None
