"""TLS as the upstream speaks it: a certificate that is right, or wrong in one thing, as the port or the SNI says.

A port says one by its name (`speaking.TLS_PORTS`). The first label of the SNI is one of `NAMES`
(expired.hostile.test), or alert-NUMBER, which ends the handshake by that alert. A client's certificate is asked for,
and may be missing; one that `ca.pem` has not signed ends the handshake.
"""

import functools
import os
import socket
import ssl

from takeover.peers.hostile import hello, witness
from takeover.peers.hostile.connections import Connection

CERTIFICATES = ("right", "expired", "other-name", "untrusted", "wrong-usage")
NAMES = (*CERTIFICATES, "no-alpn")
"""What an SNI can choose."""
_ALERT = "alert-"
_FOLDER = os.environ.get("HOSTILE_CERTIFICATES", "/etc/hostile")


class _Socket(ssl.SSLSocket):
    """One that tells the end of TLS from the end of the connection."""

    sni: str | None = None
    chosen = ""
    how_ended = witness.CLOSE_NOTIFY

    def recv(self, size: int = 1024, flags: int = 0) -> bytes:
        # OpenSSL calls both an end without a word and a reset an unexpected end.
        if not self.pending() and not socket.socket.recv(self, 1, socket.MSG_PEEK):
            self.how_ended = witness.FIN
            return b""
        try:
            return super().recv(size, flags)
        except ssl.SSLEOFError:
            self.how_ended = witness.FIN
            return b""


def encrypt(connection: Connection, name: str) -> str:
    """Speaks TLS on the connection from here on. Returns the protocol that ALPN chose; empty for none.

    Args:
        name: what counts where no SNI says something else.

    Raises: OSError where the handshake fails.
    """
    return speak(connection, _context(name), name)


def speak(connection: Connection, context: ssl.SSLContext, name: str) -> str:
    """The same by a context that `server_context` has made.

    Args:
        name: what is told of the certificate, where no SNI chooses another.

    Raises: OSError where the handshake fails.
    """
    offered = hello.peek(connection)
    encrypted = context.wrap_socket(
        connection.socket, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=False
    )
    assert isinstance(encrypted, _Socket)
    encrypted.chosen = name
    connection.socket = encrypted
    try:
        encrypted.do_handshake()
    except OSError as error:
        told = {"sni": encrypted.sni, "certificate": encrypted.chosen, "failure": _reason(error)}
        connection.seen.note("tls", {**told, "offered": offered})
        if isinstance(error, ssl.SSLEOFError):
            connection.seen.ended(witness.FIN)
        connection.failed(error)
        connection.end_in_order()
        raise
    connection.seen.note("tls", {**_told(encrypted), "offered": offered})
    connection.before_close = functools.partial(_say_end, encrypted)
    return encrypted.selected_alpn_protocol() or ""


def _say_end(encrypted: _Socket) -> None:
    encrypted.settimeout(0)  # the peer's own end is not waited for
    if encrypted.family != socket.AF_UNIX:
        # The end itself goes out with it: a peer that ends at the word would do so now before, now after the end.
        encrypted.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    encrypted.unwrap()


def _reason(error: OSError) -> str:
    return str(getattr(error, "verify_message", "") or getattr(error, "reason", "") or error.strerror or error)


def _told(encrypted: _Socket) -> dict[str, object]:
    cipher = encrypted.cipher()
    return {
        "sni": encrypted.sni,
        "certificate": encrypted.chosen,
        "alpn": encrypted.selected_alpn_protocol(),
        "version": encrypted.version(),
        "cipher": cipher and cipher[0],
        "resumed": encrypted.session_reused,
        "client_certificate": _client_certificate(encrypted),
    }


def _client_certificate(encrypted: ssl.SSLSocket) -> dict[str, object] | None:
    parts: dict[str, object] = dict(encrypted.getpeercert() or {})
    if not parts:
        return None
    subject, names = parts.get("subject", ()), parts.get("subjectAltName", ())
    assert isinstance(subject, tuple)
    assert isinstance(names, tuple)
    return {
        "subject": ", ".join(f"{name}={value}" for group in subject for name, value in group),
        "names": [f"{kind}:{value}" for kind, value in names],
        "serial": parts.get("serialNumber"),
    }


def server_context() -> ssl.SSLContext:
    """One without a certificate, whose connections are told of."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # The server keeps sessions itself: tickets that hold them are of several lengths by chance, which Envoy counts.
    context.options |= ssl.OP_NO_TICKET
    context.sslsocket_class = _Socket
    context.sni_callback = _note
    return context


def _note(encrypted: ssl.SSLObject | socket.socket, sni: str | None, _: ssl.SSLContext) -> None:
    assert isinstance(encrypted, _Socket)
    encrypted.sni = sni


@functools.cache
def _context(name: str) -> ssl.SSLContext:
    context = server_context()
    context.load_cert_chain(f"{_FOLDER}/{name if name in CERTIFICATES else 'right'}.pem")
    context.load_verify_locations(f"{_FOLDER}/ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED if name == "demanding" else ssl.CERT_OPTIONAL
    if name == "tls-1.2":
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    if name == "tls-1.3":
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    if name != "no-alpn":
        context.set_alpn_protocols(["h2", "http/1.1"])
    context.sni_callback = _choose
    return context


def _choose(encrypted: ssl.SSLObject | socket.socket, sni: str | None, _: ssl.SSLContext) -> int | None:
    """Takes the SNI. Returns an alert's number, if that is what it asks for."""
    assert isinstance(encrypted, _Socket)
    encrypted.sni = sni
    wanted = (sni or "").partition(".")[0]
    if wanted in NAMES:
        encrypted.chosen = wanted
        encrypted.context = _context(wanted)
    number = wanted.removeprefix(_ALERT)
    return int(number) if wanted != number and number.isdigit() else None
