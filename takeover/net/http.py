"""httpx over connections that are opened inside a Pod."""

import math
import ssl
import threading
import time
import typing
from collections.abc import Iterator
from contextlib import contextmanager

import httpcore
import httpx

from takeover.net.stream import ByteStream, Connect
from takeover.net.tls import TlsStream

LONGEST = 60.0
"""Seconds that a whole exchange may take; more where a longer timeout for reading is given."""
MOST_BYTES = 64 << 20
"""Of an answer's body."""
MOST_PACKED_BYTES = 1 << 20
"""Of one that is compressed: it may become a thousand times as long."""

_TIMEOUT = 10.0


def client(connect: Connect, base_url: str = "", tls: ssl.SSLContext | None = None) -> httpx.Client:
    """An httpx client whose connections are opened by `connect`. One connection is kept for requests in sequence.

    Args:
        connect: see there.
        base_url: comes before URLs that have no host.
        tls: whom to trust behind https://, and with which certificate; None: who has one of a public authority.
    """
    return httpx.Client(transport=_Transport(connect, tls), base_url=base_url, timeout=_TIMEOUT, trust_env=False)


class _Clock(threading.local):
    """Until when the exchange may last in which this thread is, on the monotonic clock."""

    until = math.inf

    def left(self, timeout: float | None) -> float:
        """As many seconds of a timeout as are left. Raises: TimeoutError."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return min(_TIMEOUT if timeout is None else timeout, left)

    @contextmanager
    def translating(self, on_timeout: type[Exception], on_error: type[Exception]) -> Iterator[None]:
        """Gives the streams' errors the names that httpcore has for them."""
        try:
            yield
        except TimeoutError as error:
            is_over = self.until <= time.monotonic()
            raise on_timeout("the whole exchange took too long" if is_over else str(error)) from error
        except OSError as error:
            raise on_error(str(error)) from error


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: ByteStream, clock: _Clock) -> None:
        self._stream = stream
        self._clock = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with self._clock.translating(httpcore.ReadTimeout, httpcore.ReadError):
            return self._stream.receive(max_bytes, self._clock.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if buffer:
            with self._clock.translating(httpcore.WriteTimeout, httpcore.WriteError):
                self._stream.send(buffer, self._clock.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        with self._clock.translating(httpcore.ConnectTimeout, httpcore.ConnectError):
            try:
                secure = TlsStream(self._stream, ssl_context, server_hostname)
                secure.shake_hands(self._clock.left(timeout))
                return _Stream(secure, self._clock)
            except BaseException:
                self.close()
                raise

    def get_extra_info(self, info: str) -> typing.Any:
        match info:
            case "client_addr":
                return self._stream.local_address
            case "ssl_object":
                return self._stream.tls if isinstance(self._stream, TlsStream) else None
            case _:
                return None


class _Backend(httpcore.NetworkBackend):
    def __init__(self, connect: Connect, clock: _Clock) -> None:
        self._connect = connect
        self._clock = clock

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 - httpcore's signature
        socket_options: typing.Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        with self._clock.translating(httpcore.ConnectTimeout, httpcore.ConnectError):
            return _Stream(self._connect(host, port, self._clock.left(timeout)), self._clock)


class _Transport(httpx.BaseTransport):
    def __init__(self, connect: Connect, tls: ssl.SSLContext | None) -> None:
        self._clock = _Clock()
        self._pool = httpcore.ConnectionPool(ssl_context=tls, network_backend=_Backend(connect, self._clock))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        read = request.extensions.get("timeout", {}).get("read")
        self._clock.until = until = time.monotonic() + max(LONGEST, read or 0.0)
        with _as_httpx(request):
            answer = self._pool.handle_request(
                httpcore.Request(
                    method=request.method,
                    url=httpcore.URL(
                        scheme=request.url.raw_scheme,
                        host=request.url.raw_host,
                        port=request.url.port,
                        target=request.extensions.get("target", request.url.raw_path),
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        assert isinstance(answer.stream, typing.Iterable)
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(answer, request, self._clock, until),
            extensions=answer.extensions,
        )

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response, request: httpx.Request, clock: _Clock, until: float) -> None:
        self._answer = answer
        self._request = request
        self._clock = clock
        self._until = until
        is_packed = any(name.lower() == b"content-encoding" for name, _ in answer.headers)
        self._most = MOST_PACKED_BYTES if is_packed else MOST_BYTES

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx(self._request):
            parts, length = self._answer.iter_stream(), 0
            while True:
                self._clock.until = self._until  # another exchange may have been in between
                part = next(parts, None)
                if part is None:
                    return
                length += len(part)
                if length > self._most:
                    raise httpx.ReadError(f"the answer is longer than {self._most} bytes", request=self._request)
                yield part

    def close(self) -> None:
        self._answer.close()


@contextmanager
def _as_httpx(request: httpx.Request) -> Iterator[None]:
    """Httpcore's errors as httpx names them: the same names."""
    try:
        yield
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
        kind: type[httpx.RequestError] = getattr(httpx, type(error).__name__)
        raise kind(str(error), request=request) from error
