"""A probe's connection with what lies below its protocol: a header in front, hands that are shaken."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from takeover.model.tls import TlsObserved
from takeover.net import tls_alerts
from takeover.net.prefixed import PrefixedStream
from takeover.net.raw import End
from takeover.net.stream import ByteStream

if TYPE_CHECKING:
    from takeover.net.observed_tls import ObservedTls
    from takeover.probes.layers.tls import Tls


@dataclass(frozen=True)
class Layers:
    """What lies below a probe's protocol.

    Args:
        proxy: what is sent before all else.
        tls: what is offered; None: no TLS.
    """

    proxy: bytes = b""
    tls: "Tls | None" = None


PLAIN: Final = Layers()
"""Nothing."""


@dataclass
class Connection:
    """A connection that is open.

    Args:
        stream: what the protocol speaks over.
        end: how it ended, where it did before the protocol had its turn.
    """

    stream: ByteStream
    end: End | None = None
    _tls: "ObservedTls | None" = None
    _hello: TlsObserved | None = field(default=None)

    @property
    def tls(self) -> TlsObserved | None:
        """What was seen of TLS; None where there is none."""
        return self._hello if self._tls is None else self._tls.observed


def opened(
    layers: Layers, connect: Callable[[], ByteStream], within: float, exchange: Callable[[ByteStream], None]
) -> Connection:
    """A new connection.

    Args:
        layers: what lies below.
        connect: opens one.
        within: seconds for each handshake.
        exchange: what is said over the first one, where the session of that is to be resumed: many a server gives a
            ticket only with an answer.

    Raises: what `connect` raises.
    """
    with contextlib.ExitStack() as closing:

        def connected() -> ByteStream:
            stream = connect()
            if layers.proxy:
                stream = PrefixedStream(stream, layers.proxy)
            closing.callback(stream.close)
            return stream

        if layers.tls is None:
            connection = Connection(connected())
        elif layers.tls.hello:
            connection = _greeted(connected(), layers.tls.hello, within)
        else:
            connection = _secured(layers.tls, connected, within, exchange)
        closing.pop_all()
        return connection


def _secured(
    tls: "Tls", connect: Callable[[], ByteStream], within: float, exchange: Callable[[ByteStream], None]
) -> Connection:
    from takeover.net.observed_tls import ObservedTls

    context = tls.context()
    secure = ObservedTls(connect(), context, tls.offer.server_name)
    end = secure.shake_hands(within)
    if tls.offer.resume and end is None:
        exchange(secure)
        session = secure.session(within)
        secure = ObservedTls(connect(), context, tls.offer.server_name, session)
        end = secure.shake_hands(within)
    return Connection(secure, end, secure)


def _greeted(stream: ByteStream, hello: bytes, within: float) -> Connection:
    """A connection on which these bytes were the handshake: what the peer says to them, and that is all."""
    from takeover.net.observed_tls import end_of

    with contextlib.suppress(ConnectionResetError, BrokenPipeError, TimeoutError):  # what comes back tells the rest
        stream.send(hello)
    received, observed, deadline = b"", TlsObserved(), time.monotonic() + within
    record = None
    try:
        while record is None:
            data = stream.receive(1 << 14, max(0.001, deadline - time.monotonic()))
            received += data
            record = tls_alerts.first_record(received)
            if not data and record is None:
                return Connection(stream, "closed", None, TlsObserved("closed"))
    except ValueError as error:
        observed.failure = str(error)
    except TimeoutError:
        return Connection(stream, "open", None, TlsObserved("unanswered"))
    except (ConnectionResetError, BrokenPipeError):
        return Connection(stream, "reset", None, TlsObserved("reset"))
    match record:
        case tls_alerts.ALERT, content:
            observed = TlsObserved("alert", tls_alerts.alert_name(content))
        case tls_alerts.HANDSHAKE, _:
            return Connection(stream, "open", None, TlsObserved("server hello"))
        case (kind, _):
            observed.failure = f"a record of type {kind}"
        case None:
            pass
    return Connection(stream, end_of(stream), None, observed)
