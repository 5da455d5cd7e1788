"""A block of several Envoys, divided: what each of them, its Pod's rules and what is behind it saw, in order."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from takeover.model.trace import AccessLogHop, ClientHop, ClusterHop, DestinationHop, Hop


@dataclass(frozen=True)
class Stage:
    """One Envoy's part of a block, as if it were the only one: its hops do not name it, nor do those expected."""

    envoy: str
    block: list[Hop]
    expected: list[str]


def stages_of(block: Sequence[Hop], expected: Sequence[str]) -> list[Stage]:
    """A stage for each Envoy that counted, then for each that should have; none where only one Envoy was watched."""
    envoys = list(dict.fromkeys(name for each in block if (name := _envoy(each))))
    for hop in expected:
        kind, name, *_ = [*hop.split(" "), ""]
        if kind not in ("destination", "rule") and "/" in name and name not in envoys:
            envoys.append(name)
    if not any(_envoy(each) for each in block):
        return []
    clients = [each for each in block if isinstance(each, ClientHop)]
    destinations = _behind(block, envoys)
    stages = []
    for envoy in envoys:
        own = [msgspec.structs.replace(each, envoy="") for each in block if _envoy(each) == envoy]
        wanted = [_without_envoy(each) for each in expected if _is_of(envoy, each)]
        stages.append(Stage(envoy, [*clients, *own, *destinations[envoy]], wanted))
    for hop in expected:
        if hop.startswith("destination "):
            behind = (each for each in stages if hop in map(str, each.block))
            next(behind, stages[-1]).expected.append(hop)
    return stages


def _behind(block: Sequence[Hop], envoys: Sequence[str]) -> dict[str, list[DestinationHop]]:
    """Envoy → the destinations that got its requests: the last one whose log has them, as an Envoy may pass them on."""
    found: dict[str, list[DestinationHop]] = {each: [] for each in envoys}
    logs = [each for each in block if isinstance(each, AccessLogHop)]
    ids = {
        envoy: {entry.request_id for log in logs if log.envoy == envoy for entry in log.entries} - {None, ""}
        for envoy in envoys
    }
    sent = {_envoy(hop) for hop in block if isinstance(hop, ClusterHop)}
    dialled = {each.client for hop in block if isinstance(hop, ClientHop) for each in hop.dialled}
    for hop in block:
        if isinstance(hop, DestinationHop):
            arrived = {entry.request_id for entry in hop.entries}
            by_id = [each for each in envoys if ids[each] & arrived]
            is_direct = {entry.client for entry in hop.entries} <= dialled
            by_cluster = [each for each in envoys if each in sent]
            found[(envoys[:1] if is_direct else by_id[-1:] or by_cluster[-1:] or envoys[-1:])[0]].append(hop)
    return found


def _envoy(hop: Hop) -> str:
    return "" if isinstance(hop, ClientHop | DestinationHop) else hop.envoy


def _is_of(envoy: str, hop: str) -> bool:
    kind, _, rest = hop.partition(" ")
    return rest.startswith(f"{envoy.rpartition('/')[0] if kind == 'rule' else envoy} ")


def _without_envoy(hop: str) -> str:
    kind, _, rest = hop.partition(" ")
    return f"{kind} {rest.partition(' ')[2]}"
