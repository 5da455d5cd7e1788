"""Entries of the access log that come with the end of a connection or request, and so must come once it is counted.

A TCP proxy writes its entry when it is destroyed, which is after its connection's end was counted (`downstream_cx_
destroy`): on a busy machine one look in forty finds that end without the entry. So it does not do to see that nothing
moves: how many must come is known from the configuration (Envoy's page "Access logging"; `envoy.admin.v3.ConfigDump`).
"""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from takeover.evidence.counters import Stats
from takeover.scenario.typed_yaml import Json

Left: TypeAlias = Mapping[str, int]
"""Counter of what ended → how many entries each of them leaves at least."""

_OF_CONNECTIONS, _OF_REQUESTS = ".downstream_cx_total", ".downstream_rq_completed"
_COUNTERS = {"TcpProxy": ("tcp.", _OF_CONNECTIONS), "HttpConnectionManager": ("http.", _OF_REQUESTS)}
_TO_FILES = ("FileAccessLog", "StdoutAccessLog", "StderrAccessLog")


def left(config: Json) -> dict[str, int]:
    """What connections and requests leave in files, by a config dump.

    Only logs without a filter count. Of several that count under one name, the one that leaves least does.
    """
    found: dict[str, int] = {}
    for message, filter_ in _filters(config):
        before, after = _COUNTERS[message]
        prefix = str(filter_.get("stat_prefix")).replace("://", "_").replace(":/", "_").replace(":", "_")
        name = f"{before}{prefix}{after}"
        logs = filter_.get("access_log")
        number = sum(map(_is_always_written, logs)) if isinstance(logs, list) else 0
        found[name] = min(number, found.get(name, number))
    return found


def _filters(config: Json) -> Iterator[tuple[str, dict[str, Json]]]:
    if isinstance(config, dict):
        message = str(config.get("@type")).rpartition(".")[2]
        if message in _COUNTERS:
            yield message, config
    for each in config.values() if isinstance(config, dict) else config if isinstance(config, list) else ():
        yield from _filters(each)


def _is_always_written(log: Json) -> bool:
    if not isinstance(log, dict) or "filter" in log:
        return False
    typed = log.get("typed_config")
    return isinstance(typed, dict) and str(typed.get("@type")).rpartition(".")[2] in _TO_FILES


def connections(before: Stats, after: Stats) -> list[str]:
    """The counters of TCP proxies' connections that moved in between."""
    return [
        name
        for name, value in after.items()
        if name.startswith("tcp.") and name.endswith(_OF_CONNECTIONS) and value > before.get(name, 0)
    ]


def due(before: Stats, after: Stats, leave: Left) -> int:
    """How many entries must at least be written in between, where all that began has ended."""
    return sum(each * max(0, after.get(name, 0) - before.get(name, 0)) for name, each in leave.items())
