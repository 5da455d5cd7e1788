"""Reads trees of matchers (`xds.type.matcher.v3.Matcher`) as lists: what they lead to, in the order in which it counts.

A matcher that is nested and finds nothing counts as one that did not match. So a tree is a list of ends, each with all
that is asked for on the way to it, and the first one whose way a request has is the one that it takes.
"""

import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from takeover.check.messages import config_of, inner, message_of, objects
from takeover.model.json import JsonObject

ROUTE: Final = "envoy.config.route.v3.Route"
ROUTES: Final = "envoy.config.route.v3.RouteList"
NETS: Final = "envoy.extensions.matching.input_matchers.ip.v3.Ip"
"""A matcher of one input by nets, as which also the nets of a tree are read."""
FRACTION: Final = "envoy.extensions.matching.input_matchers.runtime_fraction.v3.RuntimeFraction"
"""A matcher of one input by a share of all its values."""
NAMES: Final = "xds.type.matcher.v3.ServerNameMatcher"

_NETS = "xds.type.matcher.v3.IPMatcher"


@dataclass(frozen=True)
class End:
    """An action of a tree.

    Args:
        path: where it stands in the tree, such as `matcher_list.matchers[0].on_match.action`.
        asked: what must be so, all of it: `xds.type.matcher.v3.Matcher.MatcherList.Predicate`. Keys of maps, nets and
            server names are written as such, too.
        config: the action's message, with its type.
        unread: why what is asked for on its way is not known; empty where it is.
    """

    path: str
    asked: tuple[JsonObject, ...]
    config: JsonObject
    unread: str = ""

    @property
    def message(self) -> str:
        """The full name of its message."""
        return message_of(self.config)


@dataclass(frozen=True)
class RouteAt:
    """A route of a virtual host.

    Args:
        path: where it stands in the virtual host, such as `routes[0]`.
        end: the end of the tree of matchers at which it stands; None: it stands in the host's list.
    """

    path: str
    data: JsonObject
    end: End | None = None


def ends(matcher: Any) -> Iterator[End]:
    """The ends of a tree, in the order in which they count."""
    yield from _of_matcher(matcher, "", ())


def routes_of(host: JsonObject) -> list[RouteAt]:
    """The routes of a virtual host: those of its list, or those at the ends of its tree of matchers."""
    if not isinstance(tree := host.get("matcher"), dict):
        return [RouteAt(f"routes[{number}]", each) for number, each in enumerate(objects(host.get("routes")))]
    found = []
    for end in ends(tree):
        at = f"matcher.{end.path}.typed_config"
        if end.message == ROUTES:
            for number, each in enumerate(objects(end.config.get("routes"))):
                found.append(RouteAt(f"{at}.routes[{number}]", each, end))
        else:
            found.append(RouteAt(at, end.config, end))
    return found


def _of_matcher(matcher: Any, path: str, asked: tuple[JsonObject, ...]) -> Iterator[End]:
    if not isinstance(matcher, dict):
        return
    for number, each in enumerate(objects(inner(matcher, "matcher_list").get("matchers"))):
        at = f"{path}matcher_list.matchers[{number}].on_match"
        yield from _of_match(each.get("on_match"), at, (*asked, each.get("predicate", {})))
    tree = inner(matcher, "matcher_tree")
    of_input = tree.get("input")
    for key, make in _MAPS.items():
        values = inner(tree, key, "map")
        # The longest prefix counts first; of whole texts at most one fits.
        for text in sorted(values, key=lambda each: -len(each)):
            at = f"{path}matcher_tree.{key}.map[{_quoted(text)}]"
            yield from _of_match(values[text], at, (*asked, _single(of_input, {"value_match": make(text)})))
    if "custom_match" in tree:
        yield from _of_custom(tree, f"{path}matcher_tree.custom_match.typed_config", asked)
    yield from _of_match(matcher.get("on_no_match"), f"{path}on_no_match", asked)


def _of_match(match: Any, path: str, asked: tuple[JsonObject, ...]) -> Iterator[End]:
    """What stands in an `OnMatch`. One after which the search goes on is none that a request ends at."""
    if not isinstance(match, dict) or match.get("keep_matching"):
        return
    if "action" in match:
        yield End(f"{path}.action", asked, config_of(match["action"]))
    yield from _of_matcher(match.get("matcher"), f"{path}.matcher.", asked)


def _of_custom(tree: JsonObject, path: str, asked: tuple[JsonObject, ...]) -> Iterator[End]:
    """What nets or server names of a tree lead to, the narrowest first."""
    config, of_input = config_of(tree["custom_match"]), tree.get("input")
    message = message_of(config)
    found: list[tuple[int, str, JsonObject, Any]] = []
    if message == _NETS:
        for number, each in enumerate(objects(config.get("range_matchers"))):
            for net in objects(each.get("ranges")):
                match = {"custom_match": {"typed_config": {"@type": NETS, "cidr_ranges": [net]}}}
                found.append((_bits(net), f"range_matchers[{number}]", match, each.get("on_match")))
    elif message == NAMES:
        for number, each in enumerate(objects(config.get("domain_matchers"))):
            for name in each.get("domains", ()):
                length = len(name) if str(name).startswith("*") else 1000
                found.append((length, f"domain_matchers[{number}]", _name(str(name)), each.get("on_match")))
    else:
        yield End(path, asked, {}, f"a match by {message or 'an extension'}")
    for _, at, match, on_match in sorted(found, key=lambda each: -each[0]):
        yield from _of_match(on_match, f"{path}.{at}.on_match", (*asked, _single(of_input, match)))


def _name(domain: str) -> JsonObject:
    if domain == "*":
        return {"value_match": {"prefix": ""}}
    if domain.startswith("*"):
        return {"value_match": {"suffix": domain[1:], "ignore_case": True}}
    return {"value_match": {"exact": domain, "ignore_case": True}}


def _bits(net: JsonObject) -> int:
    """How narrow a net is, whichever family it is of."""
    bits = int(net.get("prefix_len") or 0)
    try:
        is_4 = ipaddress.ip_address(str(net.get("address_prefix"))).version == 4
    except ValueError:
        return bits
    return bits + 96 if is_4 else bits


def _quoted(text: str) -> str:
    """As a JSONPath has it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _single(of_input: Any, match: JsonObject) -> JsonObject:
    return {"single_predicate": {"input": of_input, **match}}


_MAPS: dict[str, Callable[[str], JsonObject]] = {
    "exact_match_map": lambda text: {"exact": text},
    "prefix_match_map": lambda text: {"prefix": text},
}
