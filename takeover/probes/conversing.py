"""What a probe says over its connections, and what comes back."""

import contextlib
from collections.abc import Callable

from takeover.model.document import OtherConnection
from takeover.model.tls import TlsObserved
from takeover.net.raw import End
from takeover.net.stream import ByteStream
from takeover.probes.layers.connection import Connection, opened
from takeover.probes.probe import Probe
from takeover.probes.protocols.contract import Exchange


class Spoken:
    """One connection, from its beginning to what is known of its end.

    Attributes:
        exchange: None where none came about.
        end: how the connection ended.
        fault: why there was no connection, if that is no answer; empty else.
    """

    def __init__(self) -> None:
        self.exchange: Exchange | None = None
        self.end: End = "closed"
        self.fault = ""
        self._connection: Connection | None = None

    @property
    def tls(self) -> TlsObserved | None:
        """What was seen of TLS; None where there was none."""
        return None if self._connection is None else self._connection.tls

    def speak(self, probe: Probe, connect: Callable[[], ByteStream]) -> None:
        """Opens the connection, sends the probe and takes in what comes until that is all."""
        try:
            self._connection = connection = opened(
                probe.layers, connect, probe.within, lambda stream: probe.protocol.exchange(probe, stream).run()
            )
        except ConnectionRefusedError:
            self.end = "refused"
        except ConnectionResetError:
            self.end = "reset"
        except OSError as error:
            self.end, self.fault = "refused", str(error)
        else:
            if connection.end is not None:
                self.end = connection.end
                return
            self.exchange = probe.protocol.exchange(probe, connection.stream)
            self.exchange.run()
            self.end = self.exchange.end

    @property
    def may_be_under_way(self) -> bool:
        """Whether Envoy may have a request of it yet that will be over by itself."""
        return self.exchange is not None and self.exchange.end == "open" and not self.exchange.answer.has_no_end

    def look_for_the_end(self) -> None:
        """Takes in what came meanwhile."""
        if self.exchange is not None:
            if self.exchange.end == "open":
                self.exchange.look_for_the_end()
            self.end = self.exchange.end

    def close(self) -> None:
        """Closes the connection."""
        if self._connection is not None:
            self._connection.stream.close()

    def as_other(self) -> OtherConnection:
        """What is told of one beside the one that is observed."""
        answer, tls = self.exchange and self.exchange.answer, self.tls
        return OtherConnection(
            answer.status if answer else None,
            bool(answer and (answer.status is not None or answer.body)),
            self.end,
            "" if tls is None else tls.alert,
        )


def converse(probe: Probe, connect: Callable[[], ByteStream], settle: Callable[[], None], spoken: list[Spoken]) -> None:
    """Opens a probe's connections one after the other, each kept while the next ones do the same, and closes them all.

    Args:
        probe: what is said over each.
        connect: opens one.
        settle: waits until Envoy has done with what is under way.
        spoken: takes them, in order: the last one is what is observed. It has them also where `settle` raises.
    """
    with contextlib.ExitStack() as closing:
        for _ in range(probe.connections):
            spoken.append(Spoken())
            closing.callback(spoken[-1].close)
            spoken[-1].speak(probe, connect)
            if spoken[-1].fault:
                return
        try:
            if any(each.may_be_under_way for each in spoken):
                settle()
        finally:
            for each in spoken:
                each.look_for_the_end()
