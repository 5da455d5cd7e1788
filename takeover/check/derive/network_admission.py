"""What a filter chain's own rules of RBAC ask of a connection, before anything of HTTP is read.

Source: https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/rbac_filter
"""

import itertools
from collections.abc import Iterator
from typing import Final

from takeover.check.derive import rbac, tree_edges
from takeover.check.derive.admission import let_through, surely
from takeover.check.derive.ask import Ask
from takeover.check.derive.chain_match import Chain
from takeover.check.derive.draft import Door
from takeover.check.derive.origin import Origin
from takeover.check.derive.sanitizing import Sanitizing
from takeover.check.messages import config_of, message_of, objects

FILTER: Final = "envoy.extensions.filters.network.rbac.v3.RBAC"
_MOST_WAYS = 100


class NetworkAdmission:
    """The filters of a chain with such rules, all of which must let a connection through."""

    def __init__(self, chain: Chain) -> None:
        configs = enumerate(map(config_of, objects(chain.data.get("filters"))))
        self._filters = {
            f"filters[{number}].typed_config": each for number, each in configs if message_of(each) == FILTER
        }

    def admitted(self, door: Door) -> Iterator[Origin]:
        """From where connections by that door are let through; nothing where they are, or nobody knows from where."""
        ask = _connection(door)
        gates = [gate for each in self._filters.values() if (gate := let_through(each)) is not None]
        refusing = next((each for each in gates if surely(each, ask, passes=False)), None)
        if refusing is None:
            return
        for made in itertools.islice(refusing.ways(ask), _MOST_WAYS):
            if made.key == ask.key and all(surely(each, made, passes=True) for each in gates):
                yield made.origin

    def edges(self, door: Door) -> Iterator[tuple[str, Origin]]:
        """For each policy from where it takes a connection, and from where it just does not, with what that is."""
        ask = _connection(door)
        for each in self._filters.values():
            for edge in (*rbac.edges(each.get("rules", {}), ask), *tree_edges.edges(each.get("matcher", {}), ask)):
                if edge.ask is not None and edge.ask.key == ask.key and edge.ask.origin != ask.origin:
                    yield edge.name.replace("-", " "), edge.ask.origin

    def unread(self, door: Door) -> Iterator[tuple[str, str]]:
        """What of them is not known how a connection has it, by its path, with the reason."""
        ask = _connection(door)
        for place, each in self._filters.items():
            rules, tree = each.get("rules", {}), each.get("matcher", {})
            yield from ((f"{place}.rules.{path}", why) for path, why in rbac.unread(rules, ask))
            yield from ((f"{place}.matcher.{path}", why) for path, why in tree_edges.unread(tree))


def _connection(door: Door) -> Ask:
    """The connection as such rules see it: without a request."""
    return door.ask("", Sanitizing(told_by=()))
