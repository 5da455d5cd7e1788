"""A real Envoy on loopback whose configuration comes from a control plane."""

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from takeover.envoy.releases import resolve
from takeover.evidence.quiescence import waited_for
from tests.peers.control_plane import LOOPBACK, Json, Plane

LABELS = ["ads", "delta-ads", "separate", "delta-separate"]
"""ADS or a stream for each type, by state of the world or by delta."""


def source(label: str) -> Json:
    """Where resources come from, as a ConfigSource."""
    if label.endswith("ads"):
        return {"ads": {}, "resource_api_version": "V3"}
    return {"api_config_source": api(label), "resource_api_version": "V3"}


def api(label: str) -> Json:
    return {
        "api_type": "DELTA_GRPC" if label.startswith("delta") else "GRPC",
        "transport_api_version": "V3",
        "grpc_services": [{"envoy_grpc": {"cluster_name": "control-plane"}}],
    }


class Envoy:
    """One that runs."""

    def __init__(self, process: "subprocess.Popen[bytes]", admin: str, log: Path) -> None:
        self.process = process
        self.admin = httpx.Client(base_url=f"http://{admin}", trust_env=False, timeout=60)
        self.log = log

    def port(self, listener: str) -> int:
        """Of a listener that Envoy has, 0 if it has none of the name."""
        for each in self.admin.get("/listeners", params={"format": "json"}).json().get("listener_statuses", ()):
            if each["name"] == listener:
                return int(each["local_address"]["socket_address"]["port_value"])
        return 0

    def stat(self, name: str) -> int:
        """A counter or gauge."""
        [line] = self.admin.get("/stats", params={"filter": f"^{name}$"}).text.splitlines()
        return int(line.rpartition(" ")[2])

    def get(self, listener: str, path: str = "/", **also: Any) -> httpx.Response:
        return httpx.get(f"http://{LOOPBACK}:{self.port(listener)}{path}", trust_env=False, timeout=60, **also)

    def status(self, listener: str, path: str = "/", **also: Any) -> int:
        """Of one request over a connection of its own; 0 where nobody answers."""
        try:
            return self.get(listener, path, **also).status_code
        except httpx.TransportError:
            return 0


def bootstrap(plane: Plane, label: str, node: str, **also: Any) -> Json:
    host, _, port = plane.xds.rpartition(":")
    address = {"socket_address": {"address": host, "port_value": int(port)}}
    http2 = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    static = {
        "name": "control-plane",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {
            http2: {
                "@type": f"type.googleapis.com/{http2}",
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        },
        "load_assignment": {
            "cluster_name": "control-plane",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }
    dynamic = {"cds_config": source(label), "lds_config": source(label)}
    if label.endswith("ads"):
        dynamic["ads_config"] = api(label)
    return {
        "node": {"id": node, "cluster": "tests"},
        "admin": {"address": {"socket_address": {"address": LOOPBACK, "port_value": 0}}},
        "dynamic_resources": dynamic,
        "static_resources": {"clusters": [static]},
        **also,
    }


@contextlib.contextmanager
def envoy(plane: Plane, label: str = "ads", node: str = "envoy", **also: Any) -> Iterator[Envoy]:
    """The installed Envoy.

    Args:
        plane: what configures it.
        label: one of `LABELS`.
        node: its id.
        also: what else its bootstrap has.
    """
    with (
        tempfile.TemporaryDirectory() as name,
        started(Path(name), bootstrap(plane, label, node, **also)) as made,
    ):
        yield made


@contextlib.contextmanager
def started(folder: Path, config: dict[str, Any]) -> Iterator[Envoy]:
    """The installed Envoy with that bootstrap, which is written into the folder, as its log is."""
    file, admin, log = folder / "envoy.json", folder / "admin", folder / "log"
    file.write_text(json.dumps(config))
    command = [str(resolve(None)[0].path), "-c", str(file), "--admin-address-path", str(admin)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--concurrency", "1", "--disable-hot-restart", "-l", "warning"], stderr=output
        )
    try:

        def missing() -> str:
            assert process.poll() is None, log.read_text()
            return "" if admin.exists() and admin.read_text() else "no admin address"

        assert not waited_for(missing, 60)
        made = Envoy(process, admin.read_text(), log)
        with made.admin:
            yield made
        assert process.poll() is None, log.read_text()
    finally:
        process.kill()
        process.wait()


def until(status: int, envoy: Envoy, listener: str, path: str = "/", **also: Any) -> None:
    """Waits until a request is answered so."""

    def missing() -> str:
        now = envoy.status(listener, path, **also)
        return "" if now == status else f"{listener}{path} answers {now}"

    why = waited_for(missing, 60)
    assert not why, f"{why}\n{envoy.log.read_text()}"
