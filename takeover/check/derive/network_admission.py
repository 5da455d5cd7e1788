"""What a filter chain's own rules of RBAC ask of a connection, before anything of HTTP is read.

Source: https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/rbac_filter
"""

import contextlib
import itertools
from collections.abc import Iterator
from typing import Final

from takeover.check.derive import rbac
from takeover.check.derive.ask import Ask
from takeover.check.derive.chain_match import Chain
from takeover.check.derive.conditions import UnsureError
from takeover.check.derive.draft import Door
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.normal_form import all_met, alternatives
from takeover.check.derive.origin import Origin
from takeover.check.derive.predicates import All, Predicate
from takeover.check.derive.sanitizing import Sanitizing
from takeover.check.messages import config_of, message_of, objects
from takeover.model.json import JsonObject

FILTER: Final = "envoy.extensions.filters.network.rbac.v3.RBAC"
_MOST_WAYS = 50


class NetworkAdmission:
    """The rules of a chain, all of which must let a connection through."""

    def __init__(self, chain: Chain) -> None:
        self._rules: dict[str, JsonObject] = {}
        self._trees: list[str] = []
        for number, each in enumerate(objects(chain.data.get("filters"))):
            config, place = config_of(each), f"filters[{number}].typed_config"
            if message_of(config) == FILTER and isinstance(config.get("rules"), dict):
                self._rules[f"{place}.rules"] = config["rules"]
            elif message_of(config) == FILTER and "matcher" in config:
                self._trees.append(f"{place}.matcher")

    def admitted(self, door: Door) -> Iterator[Origin]:
        """From where connections by that door are let through; nothing where they are, or nobody knows from where."""
        wanted = self._wanted()
        ask = _connection(door)
        with contextlib.suppress(UnsureError, CannotMakeError):
            if wanted is None or wanted.fits(ask):
                return
            for way in itertools.islice(alternatives(wanted), _MOST_WAYS):
                with contextlib.suppress(UnsureError, CannotMakeError):
                    yield from (made.origin for made in itertools.islice(all_met(way, ask), 1) if made.key == ask.key)

    def edges(self, door: Door) -> Iterator[tuple[str, Origin]]:
        """For each policy from where it takes a connection, and from where it just does not, with what that is."""
        ask = _connection(door)
        for rules in self._rules.values():
            for edge in rbac.edges(rules, ask):
                if edge.ask is not None and edge.ask.key == ask.key and edge.ask.origin != ask.origin:
                    yield edge.name.replace("-", " "), edge.ask.origin

    def unread(self, door: Door) -> Iterator[tuple[str, str]]:
        """What of the rules is not known how a connection has it, by its path, with the reason."""
        for place, rules in self._rules.items():
            yield from ((f"{place}.{path}", why) for path, why in rbac.unread(rules, _connection(door)))
        for place in self._trees:
            yield place, "what a tree of matchers asks of a connection before HTTP is not known"

    def _wanted(self) -> Predicate[Ask] | None:
        each = [allowed for rules in self._rules.values() if (allowed := rbac.allowed(rules)) is not None]
        return All(tuple(each)) if each else None


def _connection(door: Door) -> Ask:
    """The connection as such rules see it: without a request."""
    return door.ask("", Sanitizing(told_by=()))
