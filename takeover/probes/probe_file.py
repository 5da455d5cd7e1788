"""Reads probes.yaml: a scenario's groups of probes, and the sets of probes that scenarios share."""

import functools
import re
from collections.abc import Iterator

from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.probes.probe import Group, Place, Probe
from takeover.probes.written_request import exchange, text
from takeover.scenario.documents import short_name
from takeover.scenario.fields import Fields, mappings
from takeover.scenario.loader import PARTS, Scenario
from takeover.scenario.written_edits import read_edit

FILE = "probes.yaml"
_SETS = PARTS / "probes"
_NAME = re.compile(r"[a-z0-9]+([-.][a-z0-9]+)*")
_WITHIN = 2.0
_GROUP = ("group", "why", "parts", "edits", "from", "container", "to", "host", "prefix", "protocol", "sets", "probes")


def read_probes(scenario: Scenario) -> tuple[Group, ...]:
    """The groups in the scenario's folder, none if it has no such file. Every one fits the scenario.

    Raises: BadInputError "FILE:LINE: …".
    """
    path = scenario.folder / FILE
    if not path.exists():
        return ()
    groups: dict[str, Group] = {}
    for entry in mappings(path):
        group = _group(scenario, entry)
        if group.name in groups:
            raise entry.error(f"a second group {group.name}; the first is at {groups[group.name].where}")
        groups[group.name] = group
    return tuple(groups.values())


def _group(scenario: Scenario, entry: Fields) -> Group:
    entry.only(*_GROUP)
    name = _name(entry, "group")
    entry.take("why", str)
    parts = tuple(part for part, _ in entry.strings("parts"))
    edits = tuple(read_edit(each).edit for each in entry.children("edits"))
    for part, index in entry.strings("parts"):
        if not (PARTS / part / "kustomization.yaml").is_file():
            raise entry.error(f"there is no {display_path(PARTS / part)}", "parts", index)
    where = entry.document.where(*entry.at)
    try:
        deployed = Scenario.load(scenario.folder, parts).edited(edits)
    except BadInputError as error:
        raise entry.error(f"group {name}: {error}") from error
    probes: dict[str, Probe] = {}
    for written in _written(entry):
        probe = _probe(deployed, entry, written)
        if probe.name in probes:
            raise written.error(f"a second probe {probe.name} in {name}; the first is at {probes[probe.name].where}")
        probes[probe.name] = probe
    if not probes:
        raise entry.error(f"group {name} has no probes")
    return Group(scenario.name, name, parts, edits, tuple(probes.values()), where)


def _written(entry: Fields) -> Iterator[Fields]:
    """The group's probes as they are written: those of its sets, then its own."""
    for name, index in entry.strings("sets"):
        path = _SETS / f"{name}.yaml"
        if not path.is_file():
            there = ", ".join(sorted(each.stem for each in _SETS.glob("*.yaml"))) or "none"
            raise entry.error(f"there is no set {name}; there are {there}", "sets", index)
        yield from mappings(path)
    yield from entry.children("probes")


def _probe(scenario: Scenario, group: Fields, entry: Fields) -> Probe:
    made = exchange(group, entry)
    pod = entry.take("from", str, "") or group.take("from", str)
    container = entry.take("container", str, "") or group.take("container", str, "")
    _check_pod(scenario, entry if "from" in entry.data else group, pod)
    within = _WITHIN
    if "within" in entry.data:
        within = entry.data["within"]
        if not isinstance(within, int | float) or isinstance(within, bool) or not 0 < within <= 10:
            raise entry.error("within must be a number of seconds, above 0 and at most 10", "within")
    place = _place(scenario, entry if "to" in entry.data else group)
    return Probe(
        name=_name(entry, "name"),
        where=entry.document.where(*entry.at),
        pod=pod,
        container=container,
        to=place,
        protocol=made.protocol,
        steps=made.steps,
        http2=made.http2,
        method=made.method,
        answers=entry.take("answers", int, 1),
        until=text(entry, "until") if "until" in entry.data else b"",
        within=float(within),
        request=made.record(f"{pod}/{container}".rstrip("/"), place.record),
    )


def _name(entry: Fields, key: str) -> str:
    name: str = entry.take(key, str)
    if not _NAME.fullmatch(name):
        raise entry.error(f"a {key} is of small letters, digits, - and ., not {name!r}", key)
    return name


def _place(scenario: Scenario, entry: Fields) -> Place:
    entry.take("to", dict)
    to = Fields(entry.document, (*entry.at, "to"))
    to.only("service", "pod", "host", "port")
    kinds = [each for each in ("service", "pod", "host") if each in to.data]
    if len(kinds) != 1:
        raise to.error(f"name one of service, pod and host, not {' and '.join(kinds) or 'none'}")
    name, port = to.take(kinds[0], str), to.take("port", int)
    match kinds[0]:
        case "service":
            known = _names_of(scenario, "Service")
            if name not in known:
                raise to.error(f"no Service {name}; there are {', '.join(sorted(known)) or 'none'}", "service")
            return Place("service", name, port)
        case "pod":
            _check_pod(scenario, to, name, "pod")
            return Place("pod", name, port)
        case _:
            return Place("host", name, port)


def _check_pod(scenario: Scenario, entry: Fields, name: str, key: str = "from") -> None:
    known = _names_of(scenario, "Pod")
    if name not in known:
        raise entry.error(f"no Pod {name}; there are {', '.join(sorted(known))}", key)


@functools.lru_cache(maxsize=2)  # every probe of a group asks for its own scenario
def _names_of(scenario: Scenario, kind: str) -> set[str]:
    return {short_name(each) for each in scenario.objects() if each["kind"] == kind}
