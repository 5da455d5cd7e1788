"""Commands that show by hand what a scenario's suite proves: `try` in scenario.yaml."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from takeover.scenario.documents import HEADLESS, Documents, canonical, is_headless
from takeover.scenario.places import containers, pods
from takeover.scenario.scenario_file import TryEntry
from takeover.scenario.typed_yaml import Json

_Value: TypeAlias = Callable[[str], str]
_VALUE = re.compile(r"\{(host_name|cluster_ip|pod_ip): ([^{}]+)\}")


@dataclass(frozen=True)
class TryLine:
    """Such a command.

    Args:
        pod: `NAME`, or `NAMESPACE/NAME`.
        shows: lines of its output.
    """

    pod: str
    container: str
    command: str
    shows: str

    def with_values(self, host_name: _Value, cluster_ip: _Value, pod_ip: _Value) -> str:
        """The command with the values of a run, each told by the name of its Service or Pod."""
        told = {"host_name": host_name, "cluster_ip": cluster_ip, "pod_ip": pod_ip}
        return _VALUE.sub(lambda found: told[found[1]](found[2]), self.command)


def try_lines(entries: Iterable[TryEntry], documents: Documents) -> tuple[TryLine, ...]:
    """The commands as they are written. Raises: BadInputError for one that names what the manifests do not have."""
    return tuple(_line(each, documents) for each in entries)


def _line(entry: TryEntry, documents: Documents) -> TryLine:
    known = pods(documents)
    pod, _, container = entry.in_.rpartition("/")
    pod = canonical(pod)
    if pod not in known:
        there = [f"{name}/{its}" for name, data in known.items() for its in containers(data)]
        raise entry.error(f"{entry.in_}: no such place; there are {', '.join(there) or 'none'}", "in")
    if container not in (there := containers(known[pod])):
        raise entry.error(f"Pod {pod} has no container {container}; it has {', '.join(there) or 'none'}", "in")
    for kind, name in _VALUE.findall(entry.command):
        there_are: Mapping[str, Json] = known if kind == "pod_ip" else documents.services()
        if canonical(name) not in there_are:
            what = "Pod" if kind == "pod_ip" else "Service"
            raise entry.error(f"no {what} {name}; there are {', '.join(sorted(there_are)) or 'none'}", "command")
        if kind == "cluster_ip" and is_headless(there_are[canonical(name)]):
            raise entry.error(f"Service {name} {HEADLESS}", "command")
    return TryLine(pod, container, entry.command.strip(), entry.shows.strip())
