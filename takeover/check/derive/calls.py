"""Commands of Redis and calls of Thrift, for chains that proxy these: one for each route, and what is near it."""

from collections.abc import Iterator
from typing import Any

from takeover.check.derive.chain_match import Chain, filters_of
from takeover.check.messages import inner, objects
from takeover.model.json import JsonObject

_REDIS = "envoy.extensions.filters.network.redis_proxy.v3.RedisProxy"
_THRIFT = "envoy.extensions.filters.network.thrift_proxy.v3.ThriftProxy"
_WITHIN = 0.5
"""Seconds for what may not be answered."""
_NOBODY = "nobody"
_ANY_KEY = "a"
# Of keys the run's Redis does what they say (`takeover.peers.services.redis`).
_COMMANDS = (("GET", "a"), ("SET", "a", "b"), ("DEL", "a"), ("MGET", "a", "b"), ("GET", "error"), ("GET", "nothing"))


def calls(chain: Chain) -> Iterator[tuple[str, JsonObject]]:
    """What is said in words, and its entry of probes.yaml; nothing for a chain of another kind."""
    for kind, config in filters_of(chain.data.get("filters")):
        if kind == _REDIS:
            yield from _of_redis(config)
        elif kind == _THRIFT:
            yield from _of_thrift(config)


def _of_redis(proxy: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    passing = _passing(proxy)
    yield "Redis: PING", _exchange(*passing, ("PING",))
    routes = inner(proxy, "prefix_routes")
    for number, each in enumerate(objects(routes.get("routes"))):
        prefix = str(each.get("prefix", ""))
        yield f"Redis: prefix {number}", _exchange(*passing, ("GET", f"{prefix}{_ANY_KEY}"))
        yield f"Redis: prefix {number} is set", _exchange(*passing, ("SET", f"{prefix}{_ANY_KEY}", "b"))
        if (other := prefix.swapcase()) != prefix:
            yield f"Redis: prefix {number} in other letters", _exchange(*passing, ("GET", f"{other}{_ANY_KEY}"))
    for command in _COMMANDS:
        yield f"Redis: {' '.join(command)}", _exchange(*passing, command)
    if passing:
        yield "Redis: without a password", _exchange(("GET", _ANY_KEY))
        yield "Redis: another password", _exchange(("AUTH", "not-the-one"), ("GET", _ANY_KEY))


def _passing(proxy: JsonObject) -> tuple[tuple[str, ...], ...]:
    """The command by which a client is let in; none where none is asked for, or nobody here knows the password."""
    sources = [proxy.get("downstream_auth_password"), *objects(proxy.get("downstream_auth_passwords"))]
    texts = [str(each["inline_string"]) for each in sources if isinstance(each, dict) and "inline_string" in each]
    name = inner(proxy, "downstream_auth_username").get("inline_string")
    return (("AUTH", *([str(name)] if name else []), texts[0]),) if texts else ()


def _exchange(*commands: tuple[str, ...]) -> JsonObject:
    steps: list[Any] = []
    for command in commands:
        words = "".join(f"${len(each.encode())}\r\n{each}\r\n" for each in command)
        steps += [{"send": f"*{len(command)}\r\n{words}"}, {"await": True}]
    return {"steps": [*steps, {"end": True}], "within": _WITHIN}


def _of_thrift(proxy: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    transport, protocol = str(proxy.get("transport", "")), str(proxy.get("protocol", ""))
    if transport == "HEADER" or protocol in ("TWITTER", "LAX_BINARY"):
        return
    named = dict[str, str]()
    for number, each in enumerate(objects(inner(proxy, "route_config").get("routes"))):
        match = inner(each, "match")
        if match.get("method_name"):
            named[f"route {number}"] = str(match["method_name"])
        elif match.get("service_name"):
            service = str(match["service_name"]).removesuffix(":")
            named[f"route {number}"] = f"{service}:{_NOBODY}"
    for words, name in {**named, "no route of its own": _NOBODY}.items():
        message = _compact(name) if protocol == "COMPACT" else _binary(name)
        framed = message if transport == "UNFRAMED" else len(message).to_bytes(4, "big") + message
        sent = framed.decode("latin-1")
        yield f"Thrift: {words}", {"steps": [{"send": sent}, {"await": True}, {"end": True}], "within": _WITHIN}


def _binary(name: str) -> bytes:
    """A call of that name without arguments."""
    called = name.encode()
    return b"\x80\x01\x00\x01" + len(called).to_bytes(4, "big") + called + b"\x00\x00\x00\x01\x00"


def _compact(name: str) -> bytes:
    called = name.encode()[:127]
    return b"\x82\x21\x01" + bytes([len(called)]) + called + b"\x00"
