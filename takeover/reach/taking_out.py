"""A configuration without an extension: it is taken out wherever it stands, or what it does is left to another.

What Envoy does not load without it is taken out together with what holds it: the nearest message around it that may be
left out, and so on outwards, but never a listener, a filter chain, a virtual host or a cluster: of those something
always shows. What is named by no message of its own has a replacement of its own here, or none: then it cannot be taken
out, and counts as configured alone.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from takeover.reach.extensions import Occurrence
from takeover.reach.walking import Met
from takeover.scenario.edit_tree import RUN_VALUES
from takeover.scenario.envoy_config import camel_case
from takeover.scenario.typed_yaml import Json
from takeover.scenario.yaml_text import Key

Path = tuple[Key, ...]

_CLUSTER = "envoy.config.cluster.v3.Cluster"
_BOUNDS = frozenset(
    f"envoy.config.{each}"
    for each in (
        "bootstrap.v3.Bootstrap",
        "bootstrap.v3.Bootstrap.StaticResources",
        "listener.v3.Listener",
        "listener.v3.FilterChain",
        "route.v3.RouteConfiguration",
        "route.v3.VirtualHost",
        "cluster.v3.Cluster",
        "endpoint.v3.ClusterLoadAssignment",
    )
)
_COMMAND = re.compile(r"%[A-Z0-9_]+(\([^)]*\))?(:[A-Za-z0-9_.]+)?%")


@dataclass(frozen=True)
class TakenOut:
    """A configuration without an extension.

    Args:
        data: of each file that is another, by its name.
        how: what was taken out, or put in its place; "itself" for the extension alone.
    """

    data: Mapping[str, Json]
    how: str


def taken_out(places: Sequence[Occurrence], met: Mapping[str, Mapping[Path, Met]]) -> Iterator[TakenOut]:
    """The ways to do without the extension of these places, those first that leave most as it is.

    Args:
        places: all where it stands in a group's files.
        met: all messages of each file, by where they stand.
    """
    if places[0].is_implied:
        if made := _REPLACEMENTS.get(places[0].extension, _OF_CATEGORIES.get(places[0].extension.partition("/")[0])):
            how, change = made
            yield TakenOut(_changed(places, change), how)
            return
        if not places[0].extension.startswith(_WITH_THEIR_MESSAGE):
            return
    if places[0].extension.startswith("envoy.clusters/"):  # a cluster without its type is not loaded
        how, change = _OF_CATEGORIES["envoy.clusters"]
        around = [_cluster(each.path, met[each.configuration.file]) for each in places]
        if all(around):
            clusters = [replace(each, path=path) for each, path in zip(places, around, strict=True)]
            yield TakenOut(_changed(clusters, change), how)
        return
    ways = [list(_outwards(each.path, met[each.configuration.file])) for each in places]
    for step in range(max(map(len, ways), default=0)):
        paths: dict[str, list[Path]] = {}
        for place, way in zip(places, ways, strict=True):
            if way:
                paths.setdefault(place.configuration.file, []).append(way[min(step, len(way) - 1)][0])
        files = {place.configuration.file: place.configuration.data for place in places}
        holders = [way[min(step, len(way) - 1)][1] for way in ways if way]
        yield TakenOut({file: without(files[file], of_file) for file, of_file in paths.items()}, holders[0])


def _cluster(path: Path, met: Mapping[Path, Met]) -> Path:
    """Where the cluster stands in which something stands; empty where it stands in none that is known."""
    found = (each for each in met if path[: len(each)] == each and met[each].message == _CLUSTER)
    return max(found, key=len, default=())


def _outwards(path: Path, met: Mapping[Path, Met]) -> Iterator[tuple[Path, str]]:
    """What can be taken out with what stands at a path, and what that is: the innermost first."""
    last = _holder(path, met)
    yield last, "itself"
    for length in range(len(last) - 1, 0, -1):
        around = met.get(last[:length])
        if around is None:
            continue
        if around.message in _BOUNDS:
            return
        place = _holder(last[:length], met)
        if len(place) < len(last):
            last = place
            yield place, f"with its {around.message.rpartition('.')[2]}"


def _holder(path: Path, met: Mapping[Path, Met]) -> Path:
    """Of an extension's own message the one that names it, if there is one: of a map's value there is none."""
    around = met.get(path[:-1])
    of = met.get(path)
    is_held = around is not None and of is not None and of.is_packed and around.message not in _BOUNDS
    return path[:-1] if is_held else path


def without(data: Json, paths: Sequence[Path]) -> Json:
    """The data without what stands at the paths. Nothing in it changes."""
    for path in sorted(set(paths), key=_last_first):
        if not any(path[: len(other)] == other for other in paths if other != path and len(other) < len(path)):
            data = _without(data, path)
    return data


def _last_first(path: Path) -> tuple[tuple[int, str], ...]:
    """Those of a list from its end, so that the places of others stay."""
    return tuple((-each, "") if isinstance(each, int) else (0, str(each)) for each in path)


def _without(data: Json, path: Path) -> Json:
    first, rest = path[0], path[1:]
    if isinstance(data, list):
        assert isinstance(first, int)
        here = [] if not rest else [_without(data[first], rest)]
        return [*data[:first], *here, *data[first + 1 :]]
    if not rest:
        return {key: value for key, value in data.items() if key != first}
    return {key: _without(value, rest) if key == first else value for key, value in data.items()}


Change = Callable[[Json], Json]


def _changed(places: Sequence[Occurrence], change: Change) -> dict[str, Json]:
    made: dict[str, Json] = {}
    for place in places:
        file = place.configuration.file
        data = made.get(file, place.configuration.data)
        made[file] = _at(data, place.path, change)
    return made


def _at(data: Json, path: Path, change: Change) -> Json:
    if not path:
        return change(data)
    if isinstance(data, list):
        return [_at(each, path[1:], change) if number == path[0] else each for number, each in enumerate(data)]
    return {key: _at(value, path[1:], change) if key == path[0] else value for key, value in data.items()}


def _with(*left_out: str, **fields: Json) -> Change:
    """Puts the fields into a message, and takes others out, by whichever of their names they stand there."""
    names = {name for each in (*left_out, *fields) for name in (each, camel_case(each))}
    return lambda data: {key: value for key, value in data.items() if key not in names} | fields


def _without_commands(data: Json) -> Json:
    if isinstance(data, str):
        return _COMMAND.sub("", data)
    if isinstance(data, RUN_VALUES):
        return data
    if isinstance(data, dict):
        return {key: _without_commands(value) for key, value in data.items()}
    return [_without_commands(each) for each in data] if isinstance(data, list) else data


_NO_HOSTS = _with(
    "cluster_type", "eds_cluster_config", "load_assignment", "lb_policy", "original_dst_lb_config", type="STATIC"
)
_GETADDRINFO = {
    "name": "envoy.network.dns_resolver.getaddrinfo",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.network.dns_resolver.getaddrinfo.v3.GetAddrInfoDnsResolverConfig"
    },
}
_POLICIES = "envoy.load_balancing_policies/envoy.load_balancing_policies"
_OF_CATEGORIES: dict[str, tuple[str, Change]] = {
    "envoy.clusters": ("a cluster without hosts in its place", _NO_HOSTS),
    "envoy.load_balancing_policies": ("ROUND_ROBIN in its place", _with("lb_policy")),
    "envoy.built_in_formatters": ("a format without commands in its place", _without_commands),
    "envoy.thrift_proxy.transports": ("HEADER in its place", _with(transport="HEADER")),
    "envoy.thrift_proxy.protocols": ("COMPACT in its place", _with(protocol="COMPACT")),
}
_REPLACEMENTS: dict[str, tuple[str, Change]] = {
    f"{_POLICIES}.round_robin": ("MAGLEV in its place", _with(lb_policy="MAGLEV")),
    f"{_POLICIES}.subset": ("no subsets", _with("lb_subset_config")),
    "envoy.thrift_proxy.transports/header": ("FRAMED in its place", _with(transport="FRAMED")),
    "envoy.thrift_proxy.protocols/compact": ("BINARY in its place", _with(protocol="BINARY")),
    "envoy.request_id/envoy.request_id.uuid": ("no request ids", _with(generate_request_id=False)),
    "envoy.network.dns_resolver/envoy.network.dns_resolver.cares": (
        "getaddrinfo in its place",
        _with(typed_dns_resolver_config=_GETADDRINFO),
    ),
}
# What is implied by a message that stands for it: that is taken out.
_WITH_THEIR_MESSAGE = (
    "envoy.health_checkers/",
    "envoy.tls.cert_validator/",
    "filter_state.object/",
    "envoy.regex_engines/",
    "envoy.wasm.runtime/",
)
