"""What a running Envoy tells of itself: its extensions, and the statistics that the scenarios' configs give it."""

import contextlib
import operator
import os
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import httpx
import yaml
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from takeover.base.errors import TakeoverError
from takeover.scenario.loader import ENVOY_CONFIG, Scenario, names

_DEADLINE = 30.0


def extensions_and_stats(binary: Path) -> tuple[list[str], list[str]]:
    """The extensions as CATEGORY/NAME, and the names of all statistics, each sorted.

    It runs with the listeners and clusters of all scenarios together; nothing is listened on. Statistics that come with
    the first request only are not among them.

    Raises: TakeoverError when it does not serve.
    """
    with _running(binary) as admin:
        node = admin.get("/server_info").raise_for_status().json()["node"]
        lines = admin.get("/stats").raise_for_status().text.splitlines()
    extensions = {f"{each['category']}/{each['name']}" for each in node["extensions"]}
    return sorted(extensions), sorted({line.rpartition(": ")[0] or line for line in lines})


@contextlib.contextmanager
def _running(binary: Path) -> Iterator[httpx.Client]:
    """An Envoy of its own, and a client of its admin API.

    It ends with this process however that ends, and has no file that could be left: its config is an argument, its
    socket has a name but no place, and what it writes goes to files that are nowhere but open.
    """
    name = f"envoy-takeover/{uuid.uuid4()}"
    with tempfile.TemporaryFile() as log, tempfile.TemporaryFile() as listening:
        address = f"/proc/{os.getpid()}/fd/{listening.fileno()}"
        options = ["--disable-hot-restart", "--concurrency", "1", "--admin-address-path", address]
        envoy = [str(binary), "--config-yaml", yaml.safe_dump(_everything(f"@{name}")), *options]
        try:
            process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *envoy], stdout=log, stderr=log)
        except FileNotFoundError:
            raise TakeoverError("setpriv is missing: install the Debian package util-linux") from None
        with process:
            try:
                _wait_until_listening(process, listening, log, str(binary))
                transport = httpx.HTTPTransport(uds=f"\0{name}")
                with httpx.Client(transport=transport, base_url="http://envoy.admin", timeout=_DEADLINE) as admin:
                    yield admin
            finally:
                process.kill()


def _wait_until_listening(process: subprocess.Popen[bytes], listening: IO[bytes], log: IO[bytes], binary: str) -> None:
    """Waits until the admin API has written its address: with a static config, all is loaded then."""

    def is_listening() -> bool:
        if process.poll() is not None:
            log.seek(0)
            last = log.read().decode(errors="replace").strip().splitlines()[-1:]
            raise TakeoverError(f"{binary} ended with {process.returncode}: {last}")
        listening.seek(0)
        return bool(listening.read())

    try:
        waiting = Retrying(
            retry=retry_if_result(operator.not_), wait=wait_fixed(0.01), stop=stop_after_delay(_DEADLINE)
        )
        waiting(is_listening)
    except RetryError:
        raise TakeoverError(f"the admin API of {binary} does not listen after {_DEADLINE:g} s") from None


def _everything(socket: str) -> dict[str, Any]:
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
        "admin": {"address": {"pipe": {"path": socket}}},
        "static_resources": {"listeners": listeners, "clusters": list(clusters.values())},
    }
