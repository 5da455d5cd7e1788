"""What changed of TLS between two observations of the same probe."""

from collections.abc import Iterator

from msgspec import UNSET, UnsetType

from takeover.model.tls import PeerCertificate, TlsObserved

KIND = "tls"
HANDSHAKE = "TLS handshake"
"""Where that is otherwise, all else of TLS is."""


def facts(tls: TlsObserved | UnsetType) -> Iterator[tuple[str, str]]:
    """What was seen of it, each with its name; nothing where there was no TLS."""
    if tls is UNSET:
        return
    yield HANDSHAKE, _handshake(tls)
    yield "TLS alert", tls.alert
    yield "TLS version", tls.version
    yield "TLS cipher", tls.cipher
    yield "TLS protocol (ALPN)", tls.alpn
    yield "TLS session", "resumed" if tls.resumed else ""
    yield "peer's certificate", "" if tls.certificate is None else _certificate(tls.certificate)


def tls_changes(was: TlsObserved | UnsetType, now: TlsObserved | UnsetType) -> Iterator[tuple[str, str, str]]:
    """Of what, what it was and what it is; nothing where one side had no connection, which is told by that."""
    if was is UNSET or now is UNSET:
        return
    for (name, before), (_, after) in zip(facts(was), facts(now), strict=True):
        if before != after:
            yield name, before, after
            if name == HANDSHAKE:
                return


def _handshake(tls: TlsObserved) -> str:
    if tls.version and not tls.failure:
        return "done"
    told = "done, then " if tls.version else ""
    return told + (f"alert {tls.alert}" if tls.failure == "alert" else tls.failure)


def _certificate(certificate: PeerCertificate) -> str:
    names = "".join(f"\n{each}" for each in certificate.names)
    return f"{certificate.subject}\nsigned by {certificate.issuer}{names}"
