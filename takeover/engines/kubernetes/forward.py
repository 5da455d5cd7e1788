"""A port-forward as a byte stream."""

import asyncio
import threading
import time
from collections.abc import Callable

from takeover.engines.kubernetes import streams
from takeover.engines.kubernetes.api import Api
from takeover.engines.kubernetes.background import Background
from takeover.engines.kubernetes.relay import DEFAULT_TIMEOUT


class ForwardStream:
    """A connection to a port on a Pod's loopback, through the API server: a `ByteStream` for admin ports.

    A port-forward knows neither half close nor resets: `end()` only forbids to send more, and a reset is an end.
    """

    def __init__(self, background: Background, api: Api, namespace: str, pod: str, port: int) -> None:
        self._background = background
        self._where = f"port {port} of Pod {pod}"
        self._changed = threading.Condition()
        self._received = bytearray()
        self._failure: Exception | None = None
        self._over = False
        self._ended = False
        self._open: streams.Forwarding | None = None
        self._task = background.start(self._serve(api, namespace, pod, port))
        try:
            with self._changed:
                self._wait(time.monotonic() + DEFAULT_TIMEOUT, lambda: self._open is not None or self._over, "open")
                if self._failure is not None:
                    raise self._failure
        except BaseException:
            self.close()
            raise

    @property
    def local_address(self) -> tuple[str, int]:
        """The loopback; a port-forward does not tell the port (0)."""
        return "127.0.0.1", 0

    def send(self, data: bytes, timeout: float | None = None) -> None:
        """Sends all of `data`; see `ByteStream.send`."""
        if self._ended or self._over or self._open is None:
            raise self._failure or BrokenPipeError(f"the connection to {self._where} has ended")
        sending = self._background.start(self._open.send(data))
        try:
            sending.result(DEFAULT_TIMEOUT if timeout is None else timeout)
        except TimeoutError:
            sending.cancel()
            raise TimeoutError(f"{self._where} did not take our data in time") from None
        except ConnectionError:
            # The kubelet says why on the connection's way back.
            with self._changed:
                self._wait(time.monotonic() + DEFAULT_TIMEOUT, lambda: self._over, "end")
            raise self._failure or BrokenPipeError(f"the connection to {self._where} has ended") from None

    def receive(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Waits for at least one byte; see `ByteStream.receive`."""
        deadline = time.monotonic() + (DEFAULT_TIMEOUT if timeout is None else timeout)
        with self._changed:
            self._wait(deadline, lambda: bool(self._received) or self._over, "send a byte")
            if self._received:
                data = bytes(self._received[:max_bytes])
                del self._received[:max_bytes]
                return data
            if self._failure is not None:
                raise self._failure
            return b""

    def end(self, last: bytes = b"") -> None:
        """Sends no more behind `last`."""
        if last:
            self.send(last)
        self._ended = True

    def reset(self) -> None:
        """Closes."""
        self.close()

    def close(self) -> None:
        """Closes both directions; a second call does nothing."""
        self._task.cancel()

    def _wait(self, deadline: float, ready: Callable[[], bool], what: str) -> None:
        if not self._changed.wait_for(ready, max(0.0, deadline - time.monotonic())):
            raise TimeoutError(f"{self._where} did not {what} in time")

    async def _serve(self, api: Api, namespace: str, pod: str, port: int) -> None:
        failure: Exception | None = None
        try:
            async with streams.forwarding(api, namespace, pod, port) as open_port:
                with self._changed:
                    self._open = open_port
                    self._changed.notify_all()
                said = await open_port.receive(self._take)
                if said:
                    kind = ConnectionRefusedError if "refused" in said else ConnectionError
                    failure = kind(f"{self._where}: {' '.join(said.split())}")
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - goes to the thread that uses the stream
            failure = error
        finally:
            with self._changed:
                self._failure = failure
                self._over = True
                self._changed.notify_all()

    def _take(self, data: bytes) -> None:
        with self._changed:
            self._received += data
            self._changed.notify_all()
