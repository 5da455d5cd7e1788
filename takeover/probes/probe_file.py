"""Reads probes.yaml: a scenario's groups of probes, and the sets of probes that scenarios share."""

import functools
import re
from collections.abc import Iterator

from msgspec import UNSET

from takeover.base.addresses import is_address
from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.model.repeats import whole
from takeover.probes.entries import GroupEntry, ProbeEntry, TargetEntry
from takeover.probes.layers.reading import layers_of, recorded
from takeover.probes.probe import Group, Place, Probe
from takeover.probes.protocols.contract import named
from takeover.probes.protocols.written import text
from takeover.scenario.declared import support_of
from takeover.scenario.documents import HEADLESS, is_headless, short_name
from takeover.scenario.files import own_file
from takeover.scenario.loader import Scenario
from takeover.scenario.places import containers
from takeover.scenario.typed_yaml import Entry, Json, convert, read_entries, single
from takeover.scenario.written_edits import edit_of
from takeover.scenario.yaml_text import Key, YamlDocument, describe_type

FILE = "probes.yaml"
_MOST_BYTES = 64 << 20
_LONGEST = 30  # seconds of one probe
_NAME = re.compile(r"[a-z0-9]+([-.][a-z0-9]+)*")


def read_probes(scenario: Scenario) -> tuple[Group, ...]:
    """The groups in the scenario's folder, none if it has no such file. Every one fits the scenario.

    Raises: BadInputError "FILE:LINE: …".
    """
    path = own_file(scenario.folder, FILE, scenario.library.roots)
    if not path.exists():
        return ()
    groups: dict[str, Group] = {}
    for entry in read_entries(path, GroupEntry):
        group = _group(scenario, entry)
        if group.name in groups:
            raise entry.error(f"a second group {group.name}; the first is at {groups[group.name].where}")
        groups[group.name] = group
    return tuple(groups.values())


def _group(scenario: Scenario, entry: GroupEntry) -> Group:
    _check_name(entry, entry.group, "group")
    for key in ("host", "prefix"):
        text(entry, getattr(entry, key), key)
    edits = tuple(edit_of(each).edit for each in entry.edits)
    for index, base in enumerate(entry.bases):
        try:
            scenario.library.base(base)
        except BadInputError as error:
            raise entry.error(str(error), "bases", index) from None
    try:
        deployed = scenario.library.scenario(scenario.name, entry.bases).edited(edits)
    except BadInputError as error:
        raise entry.error(f"group {entry.group}: {error}") from error
    probes, length = dict[str, Probe](), 0
    for written in _written(scenario, entry):
        probe = _probe(deployed, entry, written)
        if probe.name in probes:
            first = probes[probe.name].where
            raise written.error(f"a second probe {probe.name} in {entry.group}; the first is at {first}")
        probes[probe.name] = probe
        length += _length(probe)
        if length > _MOST_BYTES:
            raise entry.error(f"group {entry.group} sends more than {_MOST_BYTES} characters")
    if not probes:
        raise entry.error(f"group {entry.group} has no probes")
    if entry.upstream and not deployed.controls:
        raise entry.error("nobody tells what the upstream saw: no base that is deployed has a control", "upstream")
    supports = None if entry.supports is UNSET else support_of(entry.supports)
    where = entry.where()
    return Group(
        scenario.name, entry.group, entry.bases, edits, tuple(probes.values()), where, supports, entry.upstream
    )


def _length(probe: Probe) -> int:
    """How many characters the probe sends, about."""
    request = probe.request
    steps = [each.send for each in request.steps or () if each.send is not None]
    several = (*request.headers, *request.chunks, *request.trailers, *steps)
    below = (request.proxy or "", (request.tls and request.tls.hello) or "")
    return request.connections * sum(len(whole(each)) for each in (*several, *below, request.body or ""))


def _written(scenario: Scenario, group: GroupEntry) -> Iterator[ProbeEntry]:
    """The group's probes as they are written: those of its sets, then its own."""
    for index, name in enumerate(group.sets):
        try:
            path = scenario.library.probe_set(name)
        except BadInputError as error:
            raise group.error(str(error), "sets", index) from None
        document = single(path)
        if not isinstance(document.value, list):
            raise BadInputError(f"{display_path(path)}: must be a list, not {describe_type(document.value)}")
        yield from (_entry(document, (number,), group) for number in range(len(document.value)))
    document, at = group.place
    yield from (_entry(document, (*at, "probes", number), group) for number in range(len(group.probes)))


def _entry(document: YamlDocument, at: tuple[Key, ...], group: GroupEntry) -> ProbeEntry:
    """The entry at those keys, as its protocol's Struct. Raises: BadInputError "FILE:LINE: …"."""
    value: Json = document.value
    for key in at:
        value = value[key]
    written = value.get("protocol") if isinstance(value, dict) else None
    name = written or group.protocol
    try:
        kind = named(name).entry if isinstance(name, str) else ProbeEntry
    except BadInputError as error:
        where = document.where(*at, "protocol") if written else group.where("protocol")
        raise BadInputError(f"{where}: {error}") from None
    return convert(document, kind, at)


def _probe(scenario: Scenario, group: GroupEntry, entry: ProbeEntry) -> Probe:
    _check_name(entry, entry.name, "name")
    pod = entry.from_ or group.from_
    if not pod:
        raise group.error(f"{group.name_of('from')} is missing")
    _check_pod(scenario, entry if entry.from_ else group, pod)
    # The group's container is one of the group's Pod.
    container = entry.container or (group.container if pod == group.from_ else "")
    _check_container(scenario, entry if entry.container else group, pod, container)
    to = group.to if entry.to is UNSET else entry.to
    if to is UNSET:
        raise group.error(f"{group.name_of('to')} is missing")
    place = _place(scenario, to)
    if entry.connections * entry.within > _LONGEST:
        raise entry.error(f"connections times within must be at most {_LONGEST} s", "connections")
    _check_source(entry, place)
    protocol = named(entry.protocol or group.protocol)
    sends = protocol.read(group, entry)
    layers = layers_of(scenario, group, entry)
    request = protocol.record(sends, f"{pod}/{container}".rstrip("/"), place.record)
    return Probe(
        name=entry.name,
        where=entry.where(),
        pod=pod,
        container=container,
        to=place,
        protocol=protocol,
        sends=sends,
        answers=entry.answers,
        until=b"" if entry.until is UNSET else text(entry, entry.until, "until").encode("latin-1"),
        within=float(entry.within),
        request=recorded(request, layers, entry),
        layers=layers,
        connections=entry.connections,
        source_address=entry.source_address,
    )


def _check_source(entry: ProbeEntry, to: Place) -> None:
    source = entry.source_address
    if source and not is_address(source):
        raise entry.error(f"source_address is an address, such as 127.0.0.2, not {source!r}", "source_address")
    if source and is_address(to.name) and (":" in source) != (":" in to.name):
        raise entry.error(f"{source} and {to.name} are one of IPv4 and one of IPv6: have both alike", "source_address")


def _check_name(entry: Entry, name: str, key: str) -> None:
    if not _NAME.fullmatch(name):
        raise entry.error(f"a {key} is of small letters, digits, - and ., not {name!r}", key)


def _place(scenario: Scenario, to: TargetEntry) -> Place:
    kinds = [each for each in ("service", "pod", "host") if to.has(each)]
    if len(kinds) != 1:
        raise to.error(f"name one of service, pod and host, not {' and '.join(kinds) or 'none'}")
    if to.service:
        known = _objects_of(scenario, "Service")
        if to.service not in known:
            raise to.error(f"no Service {to.service}; there are {', '.join(sorted(known)) or 'none'}", "service")
        if is_headless(known[to.service]):
            raise to.error(f"Service {to.service} {HEADLESS}", "service")
        return Place("service", to.service, to.port)
    if to.pod:
        _check_pod(scenario, to, to.pod, "pod")
        return Place("pod", to.pod, to.port)
    return Place("host", to.host, to.port)


def _check_pod(scenario: Scenario, entry: Entry, name: str, key: str = "from") -> None:
    known = _objects_of(scenario, "Pod")
    if name not in known:
        raise entry.error(f"no Pod {name}; there are {', '.join(sorted(known))}", key)


def _check_container(scenario: Scenario, entry: Entry, pod: str, container: str) -> None:
    if container and container not in (there := _containers_of(scenario)[pod]):
        raise entry.error(f"Pod {pod} has no container {container}; it has {', '.join(there)}", "container")


@functools.lru_cache(maxsize=2)  # every probe of a group asks for its own scenario
def _objects_of(scenario: Scenario, kind: str) -> dict[str, Json]:
    return {short_name(each): each for each in scenario.objects() if each["kind"] == kind}


@functools.lru_cache(maxsize=2)
def _containers_of(scenario: Scenario) -> dict[str, list[str]]:
    return {name: containers(each) for name, each in _objects_of(scenario, "Pod").items()}
