"""Clients inside a scenario's Pods: what they ask for over HTTP, and connections for whoever speaks himself."""

import contextlib
import functools
import ssl
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from takeover.engines.contract import Deployment, Pod
from takeover.net import raw
from takeover.net.connections import Connections
from takeover.net.prefixed import PrefixedStream
from takeover.net.stream import ByteStream, Connect
from takeover.net.tls import TlsStream

if TYPE_CHECKING:
    import httpx

_CONNECT_TIMEOUT = 10.0


class NoAnswerError(AssertionError):
    """The client saw no answer where the test asked for one: the test has failed."""


class Clients:
    """Those of one deployment. A place is a Pod as the manifest names it, and a container of it."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self._connections = Connections()

    def pod(self, name: str) -> Pod:
        """The Pod `NAME` of the namespace default, or `NAMESPACE/NAME`; of a Deployment's, `NAME-0` and so on."""
        return self.deployment.pod(name)

    def new_http(
        self, pod: str, container: str = "", tls: ssl.SSLContext | None = None, proxy: bytes = b""
    ) -> "httpx.Client":
        """A client in that container (the first one, if none is named), with a connection of its own: use `with`.

        Args:
            pod: where it is.
            container: likewise.
            tls: whom it trusts behind https://, and its own certificate; None: who has one of a public authority.
            proxy: a PROXY header before all else of each connection, see `takeover.net.proxy_protocol`.
        """
        from takeover.net import http

        return http.client(self._connect_from(pod, container, proxy), tls=tls)

    def ask(
        self,
        pod: str,
        url: str,
        container: str = "",
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        proxy: bytes = b"",
        server_name: str = "",
    ) -> "httpx.Response":
        """One request from that container, over a connection of its own that ends with the answer.

        Args:
            pod: where the client is.
            url: http:// or https://.
            container: likewise; the Pod's first one, if none is named.
            method: the request's.
            headers: likewise.
            tls: see `new_http`.
            proxy: likewise.
            server_name: behind https:// the server that is meant, if not the URL's host.

        Raises: NoAnswerError when none comes.
        """
        import httpx

        extensions = {"sni_hostname": server_name} if server_name else {}
        with self.new_http(pod, container, tls, proxy) as client:
            try:
                return client.request(method, url, headers=headers, extensions=extensions)
            except httpx.TransportError as error:
                message = f"no answer to {method} {url} from {pod}: {type(error).__name__} {error}"
                if "CERTIFICATE_VERIFY_FAILED" in message:
                    message += "; say whom to trust, for instance tls=ssl.create_default_context(cafile=…)"
                raise NoAnswerError(message) from None

    def connect(
        self,
        pod: str,
        host: str,
        port: int,
        container: str = "",
        *,
        tls: ssl.SSLContext | None = None,
        server_name: str = "",
        proxy: bytes = b"",
        source_address: str = "",
    ) -> ByteStream:
        """A TCP connection from that container.

        Args:
            pod: where the client is.
            host: where it goes.
            port: likewise.
            container: of the Pod; its first one, if none is named.
            tls: whom it trusts, and its own certificate; None: there is no TLS.
            server_name: the server that is meant, if not `host`.
            proxy: a PROXY header before all else, see `takeover.net.proxy_protocol`.
            source_address: the address of the Pod's from which it comes; empty: the kernel chooses one.

        Raises: ssl.SSLError where hands are not shaken, and Python's own exceptions where there is no connection.
        """
        stream = self._connect_from(pod, container, proxy, source_address)(host, port, _CONNECT_TIMEOUT)
        if tls is None:
            return stream
        try:
            secure = TlsStream(stream, tls, server_name or host)
            secure.shake_hands(_CONNECT_TIMEOUT)
        except BaseException:
            stream.close()
            raise
        return secure

    def converse(
        self,
        pod: str,
        host: str,
        port: int,
        data: bytes,
        container: str = "",
        enough: Callable[[bytes], bool] = lambda _: False,
        *,
        tls: ssl.SSLContext | None = None,
        server_name: str = "",
        proxy: bytes = b"",
    ) -> raw.Conversation:
        """Sends raw bytes over a connection of their own and takes what comes back until it ends or is `enough`.

        Args: see `connect`.
        """
        try:
            stream = self.connect(pod, host, port, container, tls=tls, server_name=server_name, proxy=proxy)
        except ConnectionRefusedError:
            return raw.Conversation(b"", "refused")
        with contextlib.closing(stream):
            return raw.converse(stream, data, enough=enough)

    def _connect_from(self, pod: str, container: str, proxy: bytes = b"", source_address: str = "") -> Connect:
        found = self.pod(pod)
        where = found.container(container or next(iter(found.containers)))
        dial = functools.partial(where.connect, source_address=source_address) if source_address else where.connect
        connect = self._connections.counting(dial, f"{pod}/{where.name}")
        return (lambda *to: PrefixedStream(connect(*to), proxy)) if proxy else connect
