"""Peers that we did not write, as processes or threads on loopback, and a client's connection to them."""

import contextlib
import dataclasses
import socket
import socketserver
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

import httpx
import pytest
import yaml
from tenacity import Retrying, retry_if_exception_type, retry_if_result, stop_after_delay, wait_fixed

from takeover.envoy.releases import resolve
from takeover.net.stream import ByteStream
from takeover.node.stream import SocketStream
from takeover.probes.protocols.contract import Exchange
from tests.probes.reading import read_one

Dial = Callable[[int], ByteStream]


@pytest.fixture
def dial() -> Iterator[Dial]:
    """Opens connections to ports of loopback."""
    with contextlib.ExitStack() as closing:

        def dialled(port: int) -> ByteStream:
            connection = socket.create_connection(("127.0.0.1", port), 60)
            closing.callback(connection.close)
            return SocketStream(connection)

        yield dialled


class _Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(1 << 16):
            self.request.sendall(data)


@pytest.fixture(scope="session")
def echo() -> Iterator[int]:
    """The port of a server that sends back what comes until its client ends."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Echo) as server:
        server.daemon_threads = True
        with _serving(server):
            yield server.server_address[1]


@pytest.fixture(scope="session")
def websockets() -> Iterator[int]:
    """The port of a server of the library `websockets`: it says back what it is told; /ws/token is for who has one."""
    from websockets.exceptions import ConnectionClosed
    from websockets.http11 import Request, Response
    from websockets.sync.server import ServerConnection, serve

    def say_back(connection: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            for message in connection:
                connection.send(message)

    def check(connection: ServerConnection, request: Request) -> Response | None:
        if request.path == "/ws/token" and "authorization" not in request.headers:
            return connection.respond(HTTPStatus.UNAUTHORIZED, "a token, please\n")
        return None

    with serve(say_back, "127.0.0.1", 0, process_request=check, compression=None) as server, _serving(server):
        yield server.socket.getsockname()[1]


@pytest.fixture(scope="session")
def grpc_server() -> Iterator[int]:
    """The port of a server of grpcio, which is C and its own HTTP/2: /echo.Echo/Unary, /Each, /Fail and /Wait."""
    import grpc

    def unary(message: bytes, context: grpc.ServicerContext) -> bytes:
        seen = dict(context.invocation_metadata())
        context.set_trailing_metadata((("x-seen", str(seen.get("x-mine", ""))),))
        return message

    def each(messages: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        context.send_initial_metadata(())
        yield from messages

    def fail(_: bytes, context: grpc.ServicerContext) -> bytes:
        context.abort(grpc.StatusCode.PERMISSION_DENIED, "not you")
        raise AssertionError

    def wait(message: bytes, context: grpc.ServicerContext) -> bytes:
        over = threading.Event()
        context.add_callback(over.set)
        over.wait(60)
        return message

    handlers = {
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
        "Each": grpc.stream_stream_rpc_method_handler(each),
        "Fail": grpc.unary_unary_rpc_method_handler(fail),
        "Wait": grpc.unary_unary_rpc_method_handler(wait),
    }
    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("echo.Echo", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port
    server.stop(None).wait(60)


class _Server(Protocol):
    def serve_forever(self) -> None: ...

    def shutdown(self) -> None: ...


@contextlib.contextmanager
def _serving(server: _Server) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield
    server.shutdown()
    thread.join(60)


def _manager(name: str, routes: list[dict[str, object]], **more: object) -> dict[str, object]:
    return {
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "hcm",
                        "typed_config": {
                            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3"
                            ".HttpConnectionManager",
                            "stat_prefix": name,
                            "delayed_close_timeout": "0.01s",
                            "http2_protocol_options": {"allow_connect": True},
                            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
                            "http_filters": [
                                {
                                    "name": "router",
                                    "typed_config": {
                                        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
                                    },
                                }
                            ],
                            **more,
                        },
                    }
                ]
            }
        ],
    }


def _cluster(name: str, port: int) -> dict[str, object]:
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    return {
        "name": name,
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }


@pytest.fixture(scope="session")
def envoy(tmp_path_factory: pytest.TempPathFactory, echo: int, websockets: int, grpc_server: int) -> Iterator[int]:
    """A real Envoy's port: it answers /, ends tunnels (CONNECT) at the echo unless x-refuse is there, leads /ws on."""
    folder = tmp_path_factory.mktemp("envoy")
    routes: list[dict[str, object]] = [
        {
            "match": {"connect_matcher": {}, "headers": [{"name": "x-refuse", "present_match": True}]},
            "direct_response": {"status": 403, "body": {"inline_string": "no tunnel\n"}},
        },
        {
            "match": {"connect_matcher": {}},
            "route": {
                "cluster": "echo",
                "timeout": "0s",
                "upgrade_configs": [{"upgrade_type": "CONNECT", "connect_config": {}}],
            },
        },
        {
            "match": {"prefix": "/echo.Echo"},
            "route": {"cluster": "grpc", "max_stream_duration": {"grpc_timeout_header_max": "0s"}},
        },
        {"match": {"prefix": "/ws"}, "route": {"cluster": "websockets", "timeout": "0s"}},
        {
            "match": {"prefix": "/"},
            "direct_response": {"status": 200, "body": {"inline_string": "hello\n"}},
        },
    ]
    grpc = _cluster("grpc", grpc_server)
    options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    grpc["typed_extension_protocol_options"] = {
        options: {
            "@type": f"type.googleapis.com/{options}",
            "explicit_http_config": {"http2_protocol_options": {}},
        }
    }
    upgrades = [{"upgrade_type": "CONNECT"}, {"upgrade_type": "websocket"}]
    config = {
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        "static_resources": {
            "listeners": [_manager("web", routes, upgrade_configs=upgrades)],
            "clusters": [_cluster("echo", echo), _cluster("websockets", websockets), grpc],
        },
    }
    yield from _running(folder, config)


def _running(folder: Path, config: dict[str, object]) -> Iterator[int]:
    """Starts it and yields the port of its only listener."""
    written, address = folder / "envoy.yaml", folder / "address"
    written.write_text(yaml.safe_dump(config))
    command = [str(resolve(None)[0].path), "-c", str(written), "--admin-address-path", str(address)]
    command += ["--disable-hot-restart", "--concurrency", "1", "--log-path", str(folder / "log")]
    with subprocess.Popen(command) as process:
        try:
            Retrying(retry=retry_if_result(lambda text: not text), wait=wait_fixed(0.01), stop=stop_after_delay(60))(
                lambda: address.exists() and address.read_text()
            )
            with httpx.Client(base_url=f"http://{address.read_text()}", trust_env=False, timeout=60) as client:

                def port() -> int | None:
                    listeners = client.get("/listeners?format=json").json().get("listener_statuses", [])
                    ready = client.get("/ready").status_code == 200
                    if not listeners or not ready:
                        return None
                    return int(listeners[0]["local_address"]["socket_address"]["port_value"])

                found = Retrying(
                    retry=retry_if_result(lambda port: port is None) | retry_if_exception_type(httpx.HTTPError),
                    wait=wait_fixed(0.01),
                    stop=stop_after_delay(60),
                )(port)
            assert found is not None
            yield found
        finally:
            process.kill()


Exchanged = Callable[[str, int], Exchange]


@pytest.fixture
def exchanged(tmp_path: Path, dial: Dial) -> Exchanged:
    """The exchange of a probe with those fields, with a peer at that port."""

    def exchange(text: str, port: int) -> Exchange:
        probe = read_one(tmp_path, text)
        if "within:" not in text:  # what comes is not to be in time, and what does not come is said to be waited for
            probe = dataclasses.replace(probe, within=60.0)
        exchange: Exchange = probe.protocol.exchange(probe, dial(port))
        exchange.run()
        return exchange

    return exchange
