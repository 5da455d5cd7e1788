"""Peers that we did not write, as processes or threads on loopback, and a client's connection to them."""

import contextlib
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from tenacity import Retrying, retry_if_exception_type, retry_if_result, stop_after_delay, wait_fixed

from takeover.envoy.releases import resolve
from takeover.net.stream import ByteStream
from takeover.node.stream import SocketStream

Dial = Callable[[int], ByteStream]


@pytest.fixture
def dial() -> Iterator[Dial]:
    """Opens connections to ports of loopback."""
    with contextlib.ExitStack() as closing:

        def dialled(port: int) -> ByteStream:
            connection = socket.create_connection(("127.0.0.1", port), 10)
            closing.callback(connection.close)
            return SocketStream(connection)

        yield dialled


@pytest.fixture(scope="session")
def greeter() -> Iterator[int]:
    """Python's own socket server: the port of one that sends back what comes until its client ends."""
    import socketserver
    import threading

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while data := self.request.recv(1 << 16):
                self.request.sendall(data)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join(10)


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
def envoy(tmp_path_factory: pytest.TempPathFactory, greeter: int) -> Iterator[int]:
    """A real Envoy's port: it answers /, ends tunnels (CONNECT) at the echo, and refuses what begins with /no."""
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
            "match": {"prefix": "/"},
            "direct_response": {"status": 200, "body": {"inline_string": "hello\n"}},
        },
    ]
    config = {
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        "static_resources": {
            "listeners": [_manager("web", routes, upgrade_configs=[{"upgrade_type": "CONNECT"}])],
            "clusters": [_cluster("echo", greeter)],
        },
    }
    yield from _running(folder, config)


def _running(folder: Path, config: dict[str, object]) -> Iterator[int]:
    """Starts it and yields the port of its only listener."""
    import httpx

    written, address = folder / "envoy.yaml", folder / "address"
    written.write_text(yaml.safe_dump(config))
    command = [str(resolve(None)[0].path), "-c", str(written), "--admin-address-path", str(address)]
    command += ["--disable-hot-restart", "--concurrency", "1", "--log-path", str(folder / "log")]
    with subprocess.Popen(command) as process:
        try:
            Retrying(retry=retry_if_result(lambda text: not text), wait=wait_fixed(0.01), stop=stop_after_delay(20))(
                lambda: address.exists() and address.read_text()
            )
            with httpx.Client(base_url=f"http://{address.read_text()}", trust_env=False) as client:

                def port() -> int | None:
                    listeners = client.get("/listeners?format=json").json().get("listener_statuses", [])
                    ready = client.get("/ready").status_code == 200
                    if not listeners or not ready:
                        return None
                    return int(listeners[0]["local_address"]["socket_address"]["port_value"])

                found = Retrying(
                    retry=retry_if_result(lambda port: port is None) | retry_if_exception_type(httpx.HTTPError),
                    wait=wait_fixed(0.01),
                    stop=stop_after_delay(20),
                )(port)
            assert found is not None
            yield found
        finally:
            process.kill()
