"""httpx over connections that are opened inside a Pod."""

import ssl
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpcore
import httpx

from takeover.net.stream import ByteStream
from takeover.net.tls import TlsStream

Connect = Callable[[str, int, float], ByteStream]
"""Opens a connection to (host, port) within a number of seconds, as `Container.connect` does."""

_TIMEOUT = 10.0


def client(connect: Connect, base_url: str = "", tls: ssl.SSLContext | None = None) -> httpx.Client:
    """An httpx client whose connections are opened by `connect`. One connection is kept for requests in sequence.

    Args:
        connect: see there.
        base_url: comes before URLs that have no host.
        tls: whom to trust behind https://, and with which certificate; None: who has one of a public authority.
    """
    return httpx.Client(transport=_Transport(connect, tls), base_url=base_url, timeout=_TIMEOUT, trust_env=False)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _translated(httpcore.ReadTimeout, httpcore.ReadError):
            return self._stream.receive(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if buffer:
            with _translated(httpcore.WriteTimeout, httpcore.WriteError):
                self._stream.send(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        with _translated(httpcore.ConnectTimeout, httpcore.ConnectError):
            try:
                return _Stream(TlsStream(self._stream, ssl_context, server_hostname, timeout))
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
    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 - httpcore's signature
        socket_options: typing.Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        with _translated(httpcore.ConnectTimeout, httpcore.ConnectError):
            return _Stream(self._connect(host, port, _TIMEOUT if timeout is None else timeout))


class _Transport(httpx.BaseTransport):
    def __init__(self, connect: Connect, tls: ssl.SSLContext | None) -> None:
        self._pool = httpcore.ConnectionPool(ssl_context=tls, network_backend=_Backend(connect))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
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
            answer.status, headers=answer.headers, stream=_Body(answer, request), extensions=answer.extensions
        )

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response, request: httpx.Request) -> None:
        self._answer = answer
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx(self._request):
            yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


@contextmanager
def _translated(on_timeout: type[Exception], on_error: type[Exception]) -> Iterator[None]:
    """The streams' errors as httpcore names them."""
    try:
        yield
    except TimeoutError as error:
        raise on_timeout(str(error)) from error
    except OSError as error:
        raise on_error(str(error)) from error


@contextmanager
def _as_httpx(request: httpx.Request) -> Iterator[None]:
    """Httpcore's errors as httpx names them: the same names."""
    try:
        yield
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
        kind: type[httpx.RequestError] = getattr(httpx, type(error).__name__)
        raise kind(str(error), request=request) from error
