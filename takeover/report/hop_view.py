"""A hop as it is drawn: its kind and name, and of its evidence what tells most."""

import re
from dataclasses import dataclass
from typing import Literal

from takeover.model.trace import CountingHop, DestinationHop, RuleHop

State = Literal["seen", "missing", "unexpected"]

# Counters in the order in which they tell most; a hop shows the first ones that moved, its title shows all.
_TELLING = (
    "packets",
    "requests",
    "downstream_rq_total",
    "downstream_cx_total",
    "upstream_rq_total",
    "upstream_cx_none_healthy",
    "upstream_cx_connect_fail",
    "upstream_rq_timeout",
    "no_route",
    "downstream_rq_2xx",
    "downstream_rq_3xx",
    "downstream_rq_4xx",
    "downstream_rq_5xx",
    "rate_limited",
    "ok",
    "upstream_cx_total",
)
SHOWN = 3
"""How many lines of a kind a hop shows."""

_UID = re.compile(r"--uid-owner (\d+)")


@dataclass(frozen=True)
class HopView:
    """One place of the trace.

    Args:
        kind: client, rule, kernel, listener, filter chain, http, tcp, cluster, destination.
        facts: the evidence, a line each.
        counters: every counter that moved, "name before → after"; of a client every connection.
    """

    kind: str
    name: str
    facts: tuple[str, ...] = ()
    counters: tuple[str, ...] = ()
    state: State = "seen"


def hop_view(kind: str, name: str, state: State, hop: CountingHop | None) -> HopView:
    """What counted there; `hop` is None where nothing did."""
    if hop is None:
        return HopView(kind, name, ("expected here, and not seen",), state=state)
    moved = hop.counters
    order = sorted(moved, key=lambda each: _TELLING.index(each) if each in _TELLING else len(_TELLING))
    lines = {each: f"{each} {moved[each][0]} → {moved[each][1]}" for each in order}
    facts = [lines[each] for each in order[:SHOWN]]
    if len(order) > SHOWN:
        facts[-1] = f"and {len(order) - SHOWN + 1} counters more"
    if state == "unexpected":
        facts.insert(0, "seen, and not expected")
    if isinstance(hop, RuleHop) and (uid := _UID.search(hop.text)):
        facts.append(f"user id {uid[1]}")
    if isinstance(hop, DestinationHop):
        facts += _arrived(hop)
    return HopView(kind, name, tuple(facts), tuple(lines.values()), state)


def _arrived(hop: DestinationHop) -> list[str]:
    """What its log says of the first request, and what it answered."""
    first = hop.entries[0]
    more = [f"the first of {len(hop.entries) + hop.entries_left_out}"] if len(hop.entries) > 1 else []
    served = f" to {first.server}" if first.server else ""
    return [f"{first.method} {first.uri}", f"from {first.client}{served}", f"answered {first.status}", *more]
