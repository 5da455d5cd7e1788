"""What comes over a connection, piece by piece, and how that ends."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable

from takeover.net import bounds
from takeover.net.raw import End
from takeover.net.stream import ByteStream


class Incoming(ABC):
    """Takes in what comes; what it means is for the protocol to say.

    Attributes:
        end: how the connection ended; "open" as long as it has not.
    """

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._length = 0
        self.end: End = "open"

    @abstractmethod
    def _take(self, data: bytes) -> None:
        """What came next, at least one byte."""

    def receive_until(self, is_enough: Callable[[], bool], deadline: float) -> None:
        """Takes in what comes until that is enough, or the connection ends, or the monotonic clock shows `deadline`."""
        try:
            while self.end == "open" and not is_enough():
                data = bounds.receive(self._stream, deadline, self._length)
                self._length += len(data)
                if data:
                    self._take(data)
                else:
                    self.end = "closed"
        except TimeoutError:
            return
        except (ConnectionResetError, BrokenPipeError):
            self.end = "reset"
        except bounds.EndlessError:
            self.end = "endless"

    def look(self, seconds: float) -> None:
        """Takes in all that comes within so many seconds."""
        self.receive_until(lambda: False, time.monotonic() + seconds)


class ReceivedBytes(Incoming):
    """All that came, as it came."""

    def __init__(self, stream: ByteStream) -> None:
        super().__init__(stream)
        self.data = b""

    def _take(self, data: bytes) -> None:
        self.data += data
