"""Whole checks by the command, as people start them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from takeover.envoy.pypi import installed

TAKEOVER = [sys.executable, "-c", "import sys; from takeover.cli.start import main; sys.exit(main())"]
API = "type.googleapis.com/envoy."
ADMIN = f"{API}admin.v3."
HTTP = f"{API}extensions.filters.http."
FEW = ("--within", "1.2")
ALL = ("--within", "3600")


def typed(url: str, **fields: Any) -> dict[str, Any]:
    return {"@type": url, **fields}


def listener(
    name: str, port: int, *routes: Mapping[str, Any], filters: tuple[dict[str, Any], ...] = ()
) -> dict[str, Any]:
    """A listener of HTTP with these routes of one virtual host."""
    manager = typed(
        f"{API}extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=name,
        http_filters=[*filters, {"name": "router", "typed_config": typed(f"{HTTP}router.v3.Router")}],
        route_config={"name": name, "virtual_hosts": [{"name": "shop", "domains": ["*"], "routes": list(routes)}]},
    )
    return {
        "name": name,
        "address": {"socket_address": {"address": "0.0.0.0", "port_value": port}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }


def cluster(name: str, **fields: Any) -> dict[str, Any]:
    """A cluster of one name that is resolved."""
    address = {"socket_address": {"address": f"{name}.example", "port_value": 80}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    assignment = {"cluster_name": name, "endpoints": endpoints}
    return {"name": name, "type": "STRICT_DNS", "load_assignment": assignment, **fields}


def written(folder: Path, *listeners: dict[str, Any], clusters: tuple[dict[str, Any], ...], **more: Any) -> Path:
    """The file `gateway.yaml` with that configuration."""
    file = folder / "gateway.yaml"
    file.write_text(
        yaml.safe_dump({"static_resources": {"listeners": list(listeners), "clusters": list(clusters), **more}})
    )
    return file


def dumped(
    folder: Path, listeners: Iterable[dict[str, Any]], clusters: Iterable[dict[str, Any]], *more: dict[str, Any]
) -> Path:
    """The file `dump.json`, as /config_dump answers it, in lines. Args: more: sections."""
    served = [typed(f"{API}config.listener.v3.Listener", **each) for each in listeners]
    behind = [{"cluster": typed(f"{API}config.cluster.v3.Cluster", **each)} for each in clusters]
    active = [{"name": each["name"], "active_state": {"listener": each}} for each in served]
    sections = [
        *more,
        {"@type": f"{ADMIN}ListenersConfigDump", "dynamic_listeners": active},
        {"@type": f"{ADMIN}ClustersConfigDump", "dynamic_active_clusters": behind},
    ]
    file = folder / "dump.json"
    file.write_text(json.dumps({"configs": sections}, indent=1))
    return file


def checked(
    file: Path, *options: str, new: Path | None = None, pair: bool = False
) -> "subprocess.CompletedProcess[str]":
    """What comes of `takeover check` in the file's folder, on one Envoy that is called "new".

    What such a one does now and then, and three repeats do not show, fails none of these tests. There are sixty probes,
    if the options do not say otherwise: those of routes come before those of every listener's edges.

    Args:
        new: another binary, which is compared with the installed one, "old".
        pair: whether the installed one is compared with itself.
    """
    binary = installed()[1]
    envoys = f"old={binary},new={new or binary}" if new or pair else f"new={binary}"
    command = [*TAKEOVER, "check", file.name, *FEW, *options, "--envoy", envoys]
    command += ["--fail-on", "config-rejected"]
    surroundings = environment(file.parent)
    return subprocess.run(command, cwd=file.parent, env=surroundings, capture_output=True, text=True, timeout=900)


def environment(folder: Path) -> dict[str, str]:
    """That of a check whose temporary folders are in `tmp` of that folder."""
    (folder / "tmp").mkdir(exist_ok=True)
    others = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    return others | {"TMPDIR": str(folder / "tmp")}


def left(folder: Path) -> list[Path]:
    """What is in it."""
    return list((folder / "tmp").iterdir())
