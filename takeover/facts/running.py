"""What a running Envoy tells of itself: its extensions, and the statistics that the scenarios' configs give it."""

import contextlib
import operator
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import yaml
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from takeover.errors import TakeoverError
from takeover.scenario.loader import ENVOY_CONFIG, Scenario, names

_DEADLINE = 30.0


def extensions_and_stats(binary: Path) -> tuple[list[str], list[str]]:
    """The extensions as CATEGORY/NAME, and the names of all statistics, each sorted.

    It runs with the listeners and clusters of all scenarios together; nothing is listened on, and its admin API is a
    socket in a folder of its own. Statistics that come with the first request only are not among them.

    Raises: TakeoverError when it does not serve.
    """
    with tempfile.TemporaryDirectory(prefix="takeover-") as name, _running(binary, Path(name)) as admin:
        node = admin.get("/server_info").raise_for_status().json()["node"]
        lines = admin.get("/stats").raise_for_status().text.splitlines()
    extensions = {f"{each['category']}/{each['name']}" for each in node["extensions"]}
    return sorted(extensions), sorted({line.rpartition(": ")[0] or line for line in lines})


@contextlib.contextmanager
def _running(binary: Path, folder: Path) -> Iterator[httpx.Client]:
    """An Envoy of its own, and a client of its admin API."""
    socket, config, log, listening = folder / "admin", folder / ENVOY_CONFIG, folder / "log", folder / "listening"
    config.write_text(yaml.safe_dump(_everything(socket)))
    options = ["--disable-hot-restart", "--concurrency", "1", "--admin-address-path", str(listening)]
    command = [str(binary), "-c", str(config), *options]
    with log.open("wb") as file, subprocess.Popen(command, stdout=file, stderr=file) as process:
        try:
            _wait_until_listening(process, listening, log)
            transport = httpx.HTTPTransport(uds=str(socket))
            with httpx.Client(transport=transport, base_url="http://envoy.admin", timeout=_DEADLINE) as admin:
                yield admin
        finally:
            process.kill()


def _wait_until_listening(process: subprocess.Popen[bytes], listening: Path, log: Path) -> None:
    """Waits until the admin API has written its address: with a static config, all is loaded then."""

    def is_listening() -> bool:
        if process.poll() is not None:
            last = log.read_text(errors="replace").strip().splitlines()[-1:]
            raise TakeoverError(f"{process.args!r} ended with {process.returncode}: {last}")
        return listening.exists() and bool(listening.read_text())

    try:
        waiting = Retrying(
            retry=retry_if_result(operator.not_), wait=wait_fixed(0.01), stop=stop_after_delay(_DEADLINE)
        )
        waiting(is_listening)
    except RetryError:
        raise TakeoverError(f"the admin API of {process.args!r} does not listen after {_DEADLINE:g} s") from None


def _everything(socket: Path) -> dict[str, Any]:
    """One config with the listeners and clusters of all scenarios. Those of one name are taken once."""
    listeners: list[dict[str, Any]] = []
    clusters: dict[str, dict[str, Any]] = {}
    for scenario in names():
        resources = Scenario.named(scenario).config(ENVOY_CONFIG)["static_resources"]
        for listener in resources["listeners"]:
            address = listener["address"]["socket_address"]
            # Its statistics bear its address, but every listener needs one of its own here.
            listeners.append(
                {
                    **listener,
                    "name": f"{scenario}/{listener['name']}",
                    "address": {"socket_address": {"address": "127.0.0.1", "port_value": 1 + len(listeners)}},
                    "stat_prefix": f"{address['address']}_{address['port_value']}",
                    "bind_to_port": False,
                }
            )
        for cluster in resources["clusters"]:
            # Nothing is resolved: only names are asked for.
            unresolved = {"type": "STATIC", "load_assignment": {"cluster_name": cluster["name"]}}
            clusters[cluster["name"]] = {**cluster, **(unresolved if cluster["type"] == "LOGICAL_DNS" else {})}
    return {
        "node": {"id": "facts", "cluster": "facts"},
        "admin": {"address": {"pipe": {"path": str(socket)}}},
        "static_resources": {"listeners": listeners, "clusters": list(clusters.values())},
    }
