"""A client's end of TLS that judges nothing, and remembers what it saw."""

import contextlib
import ssl
import time
from typing import Any

from msgspec.structs import replace

from takeover.model.tls import PeerCertificate, TlsObserved
from takeover.net import bounds
from takeover.net.raw import End
from takeover.net.stream import ByteStream
from takeover.net.tls import TlsStream
from takeover.net.tls_alerts import ALERT, CLOSE_NOTIFY, alert_name

UNTIL_THE_END = 2.0
"""Seconds until who refused a handshake has closed the connection."""


class ObservedTls:
    """See `takeover.net.stream.ByteStream`: to a protocol a peer that refuses by an alert is one that ends.

    Args:
        stream: an open connection.
        context: this one's alone, or another's that has ended.
        server_name: the name that is asked for; empty: none.
        session: to be resumed.
    """

    def __init__(
        self, stream: ByteStream, context: ssl.SSLContext, server_name: str, session: ssl.SSLSession | None = None
    ) -> None:
        self._stream = stream
        self._alert, self._failure, self._chosen = "", "", TlsObserved()
        self._is_over = False
        # No other way leads to alerts that end nothing, and to those whose names OpenSSL does not know.
        context._msg_callback = self._take_message  # type: ignore[attr-defined]
        self._secure = TlsStream(stream, context, server_name or None, session)
        self._tls = self._secure.tls
        self.local_address = stream.local_address

    @property
    def observed(self) -> TlsObserved:
        """What was seen so far."""
        return replace(self._chosen, failure=self._failure, alert=self._alert)

    def shake_hands(self, timeout: float) -> End | None:
        """Waits for that at most `timeout` seconds. None; where hands were not shaken, how the connection ended."""
        try:
            self._secure.shake_hands(timeout)
        except ssl.SSLError as error:
            if self._is_end(error):
                self._failure = "closed"
                return "closed"
            self._fail(error)
            return end_of(self._stream)
        except TimeoutError:
            self._failure = "unanswered"
            return "open"
        except (ConnectionResetError, BrokenPipeError):
            self._failure = "reset"
            return "reset"
        self._chosen = self._what_was_chosen()
        return None

    def _what_was_chosen(self) -> TlsObserved:
        """To be asked while hands are shaken: an alert later on takes it away."""
        cipher, resumed = self._tls.cipher(), bool(self._tls.session_reused)
        der = None if resumed else self._tls.getpeercert(binary_form=True)
        return TlsObserved(
            version=self._tls.version() or "",
            cipher=cipher[0] if cipher else "",
            alpn=self._tls.selected_alpn_protocol() or "",
            resumed=resumed,
            certificate=None if der is None else _certificate(der),
        )

    def session(self, timeout: float) -> ssl.SSLSession | None:
        """The session, once it can be resumed; it ends the connection. What the peer gives within that time counts."""
        deadline = time.monotonic() + timeout
        with contextlib.suppress(OSError):
            while self._tls.version() == "TLSv1.3" and not (self._tls.session and self._tls.session.has_ticket):
                if not self.receive(1, max(0.001, deadline - time.monotonic())):
                    break
        session = self._tls.session
        with contextlib.suppress(OSError):
            self.end()
            while self.receive(1 << 16, max(0.001, deadline - time.monotonic())):
                pass
        self.close()
        return session

    def send(self, data: bytes, timeout: float | None = None) -> None:
        """Sends all of `data`."""
        if self._is_over:
            raise BrokenPipeError("TLS is over")
        try:
            self._secure.send(data, timeout)
        except ssl.SSLError as error:
            self._fail(error)
            raise BrokenPipeError("TLS is over") from None

    def receive(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Waits for at least one byte; b"" at the end, whether it was said (close_notify) or not."""
        if not self._is_over:
            try:
                return self._secure.receive(max_bytes, timeout)
            except ssl.SSLError as error:
                if self._is_end(error):
                    self._is_over = True
                else:
                    self._fail(error)
        while self._stream.receive(max_bytes, timeout):
            pass
        return b""

    def end(self, last: bytes = b"") -> None:
        """Says that we are done behind `last`, and ends our direction."""
        self._secure.end(last)

    def reset(self) -> None:
        """Resets the connection."""
        self._is_over = True
        self._secure.reset()

    def close(self) -> None:
        """Closes the connection; one that is still open in order."""
        if not self._is_over:
            self._is_over = True
            with contextlib.suppress(OSError):
                self._secure.end()
        self._secure.close()

    def _is_end(self, error: ssl.SSLError) -> bool:
        """Whether the peer ended the connection and did not say so first."""
        # CPython before 3.11.4 calls both ends by one name.
        return isinstance(error, ssl.SSLEOFError) or (isinstance(error, ssl.SSLZeroReturnError) and not self._alert)

    def _fail(self, error: ssl.SSLError) -> None:
        self._is_over = True
        if self._alert and self._alert != CLOSE_NOTIFY:
            self._failure = "alert"
        else:
            self._failure = (error.reason or "no TLS").lower().replace("_", " ")

    def _take_message(self, of: Any, direction: str, _version: Any, kind: int, _type: Any, data: bytes) -> None:
        if kind == ALERT and direction == "read" and of is self._tls:
            self._alert = alert_name(data)


def end_of(stream: ByteStream) -> End:
    """How the connection ends, from which nothing more is wanted; "open" if it does not soon."""
    deadline = time.monotonic() + UNTIL_THE_END
    received = 0
    try:
        while data := bounds.receive(stream, deadline, received):
            received += len(data)
    except TimeoutError:
        return "open"
    except bounds.EndlessError:
        return "endless"
    except (ConnectionResetError, BrokenPipeError):
        return "reset"
    return "closed"


def _certificate(der: bytes) -> PeerCertificate:
    from cryptography import x509

    try:
        certificate = x509.load_der_x509_certificate(der)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        listed = [f"{_KINDS.get(type(each).__name__, type(each).__name__)}:{_value(each)}" for each in names]
    except x509.ExtensionNotFound:
        listed = []
    except ValueError as error:
        return PeerCertificate(f"cannot be read: {error}", "")
    return PeerCertificate(certificate.subject.rfc4514_string(), certificate.issuer.rfc4514_string(), listed)


_KINDS = {
    "DNSName": "DNS",
    "IPAddress": "IP",
    "UniformResourceIdentifier": "URI",
    "RFC822Name": "email",
    "DirectoryName": "name",
    "RegisteredID": "id",
}


def _value(name: Any) -> str:
    from cryptography import x509

    match name:
        case x509.DirectoryName():
            return name.value.rfc4514_string()
        case x509.RegisteredID():
            return name.value.dotted_string
        case x509.OtherName():
            return name.value.hex()
        case _:
            return str(name.value)
