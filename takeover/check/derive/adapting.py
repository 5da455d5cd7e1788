"""Fits an edge to a route: its host, a path that it takes, and the headers that it asks for."""

import functools
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from takeover.check.derive.ask import Ask
from takeover.model.json import JsonObject
from takeover.peers.hostile.answers import ANSWERS, AT_ONCE
from takeover.scenario import bundled
from takeover.scenario.typed_yaml import single

_HOSTS = ("app.shadow.com", "probe.example")
# These wait for a time that only some scenarios configure.
_WAITS = re.compile(r"stall|continue-only|slow")
_INCOMPLETE = frozenset({
    "body-never-comes", "head-never-ends", "half-closed-in-the-answer", "answered-before-the-body", "half-closed",
    "chunked-empty",
})  # fmt: skip
_BEHAVIOURS = frozenset(ANSWERS) | frozenset(AT_ONCE)
_BY_HEADER = "x-behave"  # which the world's upstream goes by, whatever the path is
_OF_HTTP1 = frozenset({"steps", "version", "body_after_answer", "end"})
_OVER_EITHER = frozenset({"websocket", "connect"})
_LINE = re.compile(r"^([A-Z]+) (/\S*) HTTP/", re.MULTILINE)
_HOST_LINE = re.compile(r"(Host: [^\r\n]*\r?\n)")


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """An edge as it is written, not yet of any route.

    Args:
        name: for the probe.
        entry: of probes.yaml, without a name.
        is_of_set: whether it comes from a set of bases/probes: its paths are below the route's.
        behaviour: what the upstream is told to do, over gRPC the method, which says that; empty: nothing.
        is_of_upstream: whether the upstream does wrong in it.
        subject: of its group, see `Draft`.
        ask: the request that it makes; None: that of the route, changed as the entry says.
        is_let_in: whether it brings what filters ask for that it comes by; else it has what it tries with them.
    """

    name: str
    entry: JsonObject
    behaviour: str = ""
    is_of_set: bool = False
    is_of_upstream: bool = False
    subject: str = "edges"
    ask: Ask | None = None
    is_let_in: bool = True

    @property
    def needs_below(self) -> bool:
        """Whether only a route that takes all paths below one can be asked for it."""
        if self.behaviour:
            return False
        path = self.entry.get("path")
        is_below = self.is_of_set and path is not None and not (isinstance(path, str) and not path.startswith("/"))
        return is_below or "{below}" in str(self.entry)

    @property
    def of_http(self) -> str:
        """The HTTP in which alone it exists, `http1` or `http2`; empty if it does in either."""
        entry = self.entry
        protocol = entry.get("protocol")
        if protocol in {"http2", "grpc"} or entry.get("over") == "http2":
            return "http2"
        is_of_http1 = protocol is None and bool(_OF_HTTP1 & set(entry) or _is_long(entry))
        return "http1" if protocol == "http1" or is_of_http1 else ""

    @property
    def is_endless(self) -> bool:
        """Whether its request has no end: a tunnel, an upgrade."""
        entry = self.entry
        return (
            entry.get("protocol") in _OVER_EITHER
            or entry.get("method") == "CONNECT"
            or ("upgrade: " in str(entry.get("headers", "")).lower())
        )


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """Which paths a route leaves to its edges.

    Args:
        below: one with a slash at its end, below which it takes all; None: it takes none.
        methods: likewise, below which it takes methods of gRPC.
        keeps_path: whether its upstream gets the path's last part as it was sent.
    """

    below: str | None = None
    methods: str | None = None
    keeps_path: bool = True


class Feature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """An entry of edges.yaml.

    Args:
        feature: the message.
        fields: one of them must be set, if any are named.
        sets: of bases/probes.
        edges: entries of probes.yaml, with placeholders; `behaviour` in them is the Edge's.
        upstream: whether the upstream does wrong in them.
    """

    feature: str
    fields: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    edges: tuple[JsonObject, ...] = ()
    upstream: bool = False

    @functools.cached_property
    def all(self) -> tuple[Edge, ...]:
        """Its edges, those that are written there first."""
        own = (
            Edge(
                name=each["name"],
                entry=_without_name(each),
                behaviour=each.get("behaviour", ""),
                is_of_upstream=self.upstream,
            )
            for each in self.edges
        )
        return (*own, *(edge for name in self.sets for edge in of_set(name)))


@functools.cache
def table() -> tuple[Feature, ...]:
    """All features whose edges are known, in the order of edges.yaml."""
    return msgspec.convert(single(Path(__file__).with_name("edges.yaml")).value, tuple[Feature, ...])


@functools.cache
def of_set(name: str) -> tuple[Edge, ...]:
    """The edges of a set of bases/probes, without those that only wait."""
    found = []
    for each in single(bundled.manifests() / "bases" / "probes" / f"{name}.yaml").value:
        if each["name"] in _INCOMPLETE or each.get("host") == "stall.example" or _WAITS.search(str(each)):
            continue
        is_of_upstream = each["name"].startswith("answer-") or "upstream" in each["name"]
        found.append(
            Edge(
                name=each["name"],
                entry=_without_name(each),
                behaviour=_behaviour(each),
                is_of_set=True,
                is_of_upstream=is_of_upstream,
            )
        )
    return tuple(found)


def _without_name(entry: Mapping[str, Any]) -> JsonObject:
    return {key: value for key, value in entry.items() if key not in {"name", "behaviour"}}


def _behaviour(entry: Mapping[str, Any]) -> str:
    """What the upstream is told by the path of a set's entry, or of the head among its frames."""
    paths = [
        entry.get("path"),
        *(found[1] for found in re.finditer(r"':path: (/[^/']+)'", str(entry.get("steps", "")))),
    ]
    return next((each[1:] for each in paths if isinstance(each, str) and each[1:] in _BEHAVIOURS), "")


def adapted(edge: Edge, ask: Ask, room: Room) -> JsonObject | None:
    """The edge as a probe's entry for the route that takes that request; None if it cannot be one of that route.

    Of a path that is written with a placeholder, or is below the route's, the query is the request's, too. It comes
    from where the request comes.
    """
    made = _adapted(edge, ask, room)
    return None if made is None else {**ask.origin.entry(), **made}


def _adapted(edge: Edge, ask: Ask, room: Room) -> JsonObject | None:
    below = room.below
    if ask.protocol not in {"http1", "http2"} or (below is None and edge.needs_below):
        return None
    if ask.protocol == "http2" and edge.of_http == "http1":
        return None
    entry = _told(edge, room)
    fit: Callable[[str], str] = functools.partial(_fitted, ask=ask, room=room, is_of_set=edge.is_of_set)
    made = {key: _mapped(value, fit) for key, value in entry.items()}
    protocol = made.get("protocol", ask.protocol)
    if protocol != "http1":
        made["protocol"] = protocol
    if ask.protocol == "http2" and protocol in _OVER_EITHER:
        made["over"] = "http2"
    elif protocol == "http2" and "steps" not in made:  # its stream's end ends it
        made.pop("until", None)
    if "steps" in made and protocol in {"http1", "http2"}:
        made["steps"] = [_step(each, ask, edge.behaviour, room) for each in made["steps"]]
        return made
    if protocol in {"websocket", "grpc"}:
        key = "metadata" if protocol == "grpc" else "headers"
        own = [f"{name}: {value}" for name, value in ask.headers if name not in {"content-type", "te"}]
        own += made.get(key, ())
        return {"path": ask.path, **made, "host": ask.host, **({key: own} if own else {})}
    return _request(made, entry, ask, below, is_of_set=edge.is_of_set)


def _told(edge: Edge, room: Room) -> JsonObject:
    """Its entry, in which the upstream is told what to do: by the path if the route leaves it, else by a header."""
    entry, behaviour = edge.entry, edge.behaviour
    if not behaviour or ("steps" in entry and entry.get("protocol") in {None, "http2"}):
        return entry
    is_grpc = entry.get("protocol") == "grpc"
    if room.keeps_path and (room.methods if is_grpc else room.below) is not None:
        before = "{methods}" if is_grpc else "/" if edge.is_of_set else "{below}"
        return {**entry, "path": before + behaviour}
    key = "metadata" if is_grpc else "headers"
    bare = {each: value for each, value in entry.items() if each != "path"}
    return {**bare, key: [*entry.get(key, ()), f"{_BY_HEADER}: {behaviour}"]}


def _is_long(entry: JsonObject) -> bool:
    """Whether its headers are longer than a frame of HTTP/2 may be."""
    return any(int(times) > 15_000 for times in re.findall(r"'times': (\d+)", str(entry.get("headers", ""))))


def _request(made: JsonObject, entry: JsonObject, ask: Ask, below: str | None, *, is_of_set: bool) -> JsonObject:
    if "method" not in entry and ask.method != "GET":
        made["method"] = ask.method
    if "path" not in entry:
        made["path"] = ask.path
    else:
        if is_of_set and below is not None:
            made["path"] = _below(made["path"], below, ask)
        if is_of_set or "{" in str(entry["path"]):
            made["path"] = _with_query(made["path"], ask)
    if "host" not in entry:
        made["host"] = ask.host
    names = {each.partition(":")[0].strip().lower() for each in entry.get("headers", ()) if isinstance(each, str)}
    own = [f"{name}: {value}" for name, value in ask.headers if name not in names]
    if own or "headers" in made:
        is_2 = ask.protocol == "http2" and "protocol" not in entry
        made["headers"] = [*own, *(_in_small_letters(each) if is_2 else each for each in made.get("headers", ()))]
    extra = dict(ask.extra)
    if "body" in extra and not {"body", "chunks", "steps"} & set(made):
        made["body"] = extra["body"]
    return made


def _in_small_letters(header: Any) -> Any:
    """With its name as HTTP/2 has it."""
    if not isinstance(header, str):
        return header
    name, colon, value = header.partition(":")
    return f"{name.lower()}{colon}{value}"


def _below(path: Any, below: str, ask: Ask) -> Any:
    if isinstance(path, list) and path and isinstance(path[0], str):
        return [below + path[0].removeprefix("/"), *path[1:]] if path[0].startswith("/") else path
    if not isinstance(path, str):
        return path
    if path.startswith("/"):
        return below + path[1:]
    return re.sub(rf"^(https?://(?:[^/@]*@)?{re.escape(ask.host)})/", rf"\g<1>{below}", path)


def _with_query(path: Any, ask: Ask) -> Any:
    """The path with the parameters of the request's query that it does not have."""
    query = ask.path.partition("?")[2]
    if not query or not isinstance(path, str) or not path.startswith("/") or "#" in path:
        return path
    own = ask.but(path=path).query
    missing = "&".join(each for each in query.split("&") if each.partition("=")[0] not in own)
    return f"{path}{'&' if '?' in path else '?'}{missing}" if missing else path


def _fitted(text: str, ask: Ask, room: Room, *, is_of_set: bool) -> str:
    below = room.below or ""
    if is_of_set:
        for each in _HOSTS:
            text = text.replace(each, ask.host)
        return _LINE.sub(lambda found: f"{found[1]} {_line_path(found[2], ask, below)} HTTP/", text)
    text = text.replace("{path}", ask.bare_path).replace("{below}", below).replace("{host}", ask.host)
    return text.replace("{methods}", room.methods or "")


def _line_path(path: str, ask: Ask, below: str) -> str:
    return ask.path if path == "/" or not below else str(_with_query(below + path[1:], ask))


def _mapped(value: Any, fit: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return fit(value)
    if isinstance(value, list):
        return [_mapped(each, fit) for each in value]
    return {key: _mapped(each, fit) for key, each in value.items()} if isinstance(value, dict) else value


def _step(step: JsonObject, ask: Ask, behaviour: str, room: Room) -> JsonObject:
    """A step with the headers that the route asks for, where it is a whole head, and what the upstream is told."""
    own, path = [(name, value) for name, value in ask.headers], ask.path
    if behaviour and room.keeps_path and room.below is not None:
        path = room.below + behaviour
    elif behaviour:
        own.append((_BY_HEADER, behaviour))
    if isinstance(step.get("send"), str) and own:
        lines = "".join(f"{name}: {value}\r\n" for name, value in own)
        return {**step, "send": _HOST_LINE.sub(lambda found: found[1] + lines, step["send"])}
    if isinstance(step.get("headers"), list) and any(":path: " in str(each) for each in step["headers"]):
        to_be = {":path: /", f":path: /{behaviour}"}
        paths = [f":path: {path}" if each in to_be else each for each in step["headers"]]
        return {**step, "headers": [*paths, *(f"{name}: {value}" for name, value in own)]}
    return step
