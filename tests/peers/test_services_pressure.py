"""Pressure that the services begin and end, on a real Envoy whose requests are refused meanwhile."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from takeover.evidence.quiescence import waited_for
from takeover.peers.services import admin, http, pressure
from tests.peers.control_plane import LOOPBACK
from tests.peers.real_envoy import Envoy, started

_TYPE = "type.googleapis.com/envoy.extensions"
_MANAGER = {
    "@type": f"{_TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager",
    "stat_prefix": "a",
    "http_filters": [{"name": "router", "typed_config": {"@type": f"{_TYPE}.filters.http.router.v3.Router"}}],
    "route_config": {
        "virtual_hosts": [
            {
                "name": "a",
                "domains": ["*"],
                "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 204}}],
            }
        ]
    },
}


@pytest.fixture
def envoy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Envoy]:
    """One whose monitor `one` reads a file that the services write."""
    (tmp_path / "one").write_text("0")
    monitor = {
        "@type": f"{_TYPE}.resource_monitors.injected_resource.v3.InjectedResourceConfig",
        "filename": str(tmp_path / "one"),
    }
    trigger = {"name": "one", "threshold": {"value": 0.8}}
    address = {"socket_address": {"address": LOOPBACK, "port_value": 0}}
    filters = [{"name": "http", "typed_config": _MANAGER}]
    bootstrap = {
        "node": {"id": "a", "cluster": "b"},
        "admin": {"address": address},
        "overload_manager": {
            "refresh_interval": "0.005s",
            "resource_monitors": [{"name": "one", "typed_config": monitor}],
            "actions": [{"name": "envoy.overload_actions.stop_accepting_requests", "triggers": [trigger]}],
        },
        "static_resources": {
            "listeners": [{"name": "front", "address": address, "filter_chains": [{"filters": filters}]}]
        },
    }
    with started(tmp_path, bootstrap) as made:
        monkeypatch.setattr(admin, "ADMIN", (made.admin.base_url.host, made.admin.base_url.port))
        monkeypatch.setattr(pressure, "FOLDER", str(tmp_path))
        assert not waited_for(lambda: "" if made.port("front") else "no listener", 60)
        yield made


def put(name: str, written: str) -> bytes:
    return http.answer(f"PUT /pressure/{name} HTTP/1.1\r\nhost: a".encode(), written.encode()).split(b"\r\n")[0]


def test_what_is_answered_holds_from_then_on(envoy: Envoy) -> None:
    url = f"http://{LOOPBACK}:{envoy.port('front')}/"
    with httpx.Client(trust_env=False, timeout=60) as client:  # one connection, which is open when the pressure begins
        assert client.get(url).status_code == 204
        for _ in range(10):
            assert put("one", "0.8") == b"HTTP/1.1 200 OK"
            assert client.get(url).status_code == 503
            assert put("one", "0.79") == b"HTTP/1.1 200 OK"
            assert client.get(url).status_code == 204
        assert put("one", "1") == b"HTTP/1.1 200 OK"
        assert client.get(url).status_code == 503
        pressure.end()
        assert client.get(url).status_code == 204


@pytest.mark.parametrize("written", ["", "much", "nan"])
def test_what_is_no_pressure_is_not_written(envoy: Envoy, tmp_path: Path, written: str) -> None:
    assert put("one", written).startswith(b"HTTP/1.1 400")
    assert (tmp_path / "one").read_text() == "0"
    assert envoy.stat("overload.one.pressure") == 0


def test_a_name_leads_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pressure, "FOLDER", str(tmp_path))
    assert put("..", "0.5").startswith(b"HTTP/1.1 400")
    assert put("a%2fb", "0.5").startswith(b"HTTP/1.1 400")
    assert not list(tmp_path.iterdir())


def test_what_envoy_does_not_read_is_said(envoy: Envoy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pressure, "_LONGEST", 0.1)
    assert put("another", "0.5").startswith(b"HTTP/1.1 504")
    assert envoy.stat("overload.one.pressure") == 0
