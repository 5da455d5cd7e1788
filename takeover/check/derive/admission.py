"""What filters ask of a request itself, or let it through no further: rules of RBAC, what OAuth2 lets pass."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from takeover.check.derive import oauth, rbac, tree_edges
from takeover.check.derive.as_it_goes import config_for
from takeover.check.derive.ask import Ask
from takeover.check.derive.claims import FILTER
from takeover.check.derive.conditions import UnsureError
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.normal_form import all_met, alternatives
from takeover.check.derive.predicates import Predicate
from takeover.check.messages import config_of, inner, message_of, objects
from takeover.model.json import JsonObject

_TRIES: Final = ((500, 1), (50, 8))
"""So many ways, so many requests of each: first the first one of many, since most rules are for another route."""


class Admission:
    """What a request must have, where filters refuse others.

    Args:
        filters: the connection manager's `http_filters`.
    """

    def __init__(self, filters: object) -> None:
        self._filters = [each for each in objects(filters) if message_of(config_of(each)) in (FILTER, oauth.OAUTH)]
        self._read: dict[int, Gate | None] = {}

    def admitted(
        self, ask: Ask, settings: Sequence[JsonObject], is_as_good: Callable[[Ask], bool]
    ) -> tuple[Ask, list[str]]:
        """The request, changed so that they let it through, as far as that can be; and the names of those that do not.

        Args:
            settings: what may have a `typed_per_filter_config`: a table, its virtual host, its route.
            is_as_good: whether a request that was changed is of as much use.
        """
        refusing, before = list[str](), list[Gate]()
        for each in self._filters:
            gate = self._gate(each, settings)
            if gate is None:
                continue
            if not surely(gate, ask, passes=True):
                all_of_them = [*before, gate]
                ways = (made for made in gate.ways(ask) if is_as_good(made))
                passing = (made for made in ways if all(surely(one, made, passes=True) for one in all_of_them))
                found = next(passing, None)
                if found is None:
                    refusing += [str(each.get("name"))] if surely(gate, ask, passes=False) else []
                    continue
                ask = found
            before.append(gate)
        return ask, refusing

    def _gate(self, http_filter: JsonObject, settings: Sequence[JsonObject]) -> "Gate | None":
        if (found := config_for(http_filter, settings)) is None:
            return None
        config = found[1] or found[0]
        if id(config) not in self._read:
            self._read[id(config)] = let_through(config)
        return self._read[id(config)]


def let_through(config: JsonObject) -> "Gate | None":
    """What a filter, or a route for it, lets through; None: all, or nobody knows."""
    if message_of(config) == oauth.OAUTH:
        passing = oauth.passed(inner(config, "config"))
        return None if passing is None else _Rules(passing)
    config = inner(config, "rbac") if "rbac" in config else config
    if isinstance(rules := config.get("rules"), dict):
        allowed = rbac.allowed(rules)
        return None if allowed is None else _Rules(allowed)
    return _Tree(config["matcher"]) if isinstance(config.get("matcher"), dict) else None


class Gate(Protocol):
    """What a filter lets through."""

    def fits(self, ask: Ask) -> bool:
        """Whether it lets the request through. Raises: CannotMakeError, UnsureError."""

    def ways(self, ask: Ask) -> Iterator[Ask]:
        """The request, changed so that it may let it through, in one way after the other."""


@dataclass(frozen=True)
class _Rules:
    wanted: Predicate[Ask]

    def fits(self, ask: Ask) -> bool:
        return self.wanted.fits(ask)

    def ways(self, ask: Ask) -> Iterator[Ask]:
        for most_ways, most_of_a_way in _TRIES:
            for way in itertools.islice(alternatives(self.wanted), most_ways):
                try:
                    yield from itertools.islice(all_met(way, ask), most_of_a_way)
                except (CannotMakeError, UnsureError):
                    continue


@dataclass(frozen=True)
class _Tree:
    """A tree of matchers whose ends are `envoy.config.rbac.v3.Action`."""

    matcher: JsonObject

    def fits(self, ask: Ask) -> bool:
        end = tree_edges.end_of(self.matcher, ask)
        return end is not None and _lets_through(end)

    def ways(self, ask: Ask) -> Iterator[Ask]:
        yield from tree_edges.coming_to(self.matcher, ask, _lets_through)


def _lets_through(action: JsonObject) -> bool:
    return action.get("action", "ALLOW") not in rbac.DENY


def surely(gate: Gate, ask: Ask, *, passes: bool) -> bool:
    """Whether it is known that the request passes the gate, or that it does not."""
    try:
        return gate.fits(ask) is passes
    except (CannotMakeError, UnsureError):
        return False
