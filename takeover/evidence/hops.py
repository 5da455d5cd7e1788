"""The way that traffic took, hop by hop, as plain data: only what was counted on it, never what a config says."""

import re
from typing import Any

import msgspec

from takeover.evidence import rules
from takeover.evidence.counters import difference, moved_by, owners
from takeover.evidence.logs import arrivals, entries
from takeover.evidence.witnesses import Account

Record = dict[str, Any]
"""Of JSON's types only: it goes into reports, and from xdist's workers to their controller."""

# A cluster is on the way when it was asked for an upstream. It also counts what it never got (a request that an
# authentication filter refused is a 403 of the route's cluster), and idle connections that end.
_ASKED_FOR_AN_UPSTREAM = re.compile(r"upstream_(rq_(total|pending_\w+)|cx_(total|none_healthy|overflow|connect_fail))")

# By this a connection comes back into the Pod's Envoy; by any other rule it is let go.
_INTERCEPTING = "REDIRECT"


def records(before: Account, after: Account) -> list[Record]:
    """One record for each hop that counted something, in the order in which traffic meets them.

    Every record has `hop` (rule, listener, http or tcp for a filter, cluster, destination), `name`, and `counters`:
    name → [before, after]. A destination's has the `entries` of its log; so has "access log", Envoy's.
    """
    taken = [each for each in zip(before.rules, after.rules, strict=True) if each[0] != each[1]]
    told = [_rule(*each) for each in taken if each[1].target.startswith(_INTERCEPTING)]
    told += _of_envoy(before, after)
    told += [_rule(*each) for each in taken if not each[1].target.startswith(_INTERCEPTING)]
    for name, lines in sorted(after.arrived.items()):
        seen_before = len(before.arrived[name])
        if new := arrivals(lines[seen_before:]):
            counted = {"requests": [seen_before, len(lines)]}
            told.append({"hop": "destination", "name": name, "counters": counted, "entries": msgspec.to_builtins(new)})
    return told


def _rule(then: rules.Rule, now: rules.Rule) -> Record:
    counted = {"packets": [then.packets, now.packets]}
    return {"hop": "rule", "name": str(now), "text": now.text, "counters": counted}


def _of_envoy(before: Account, after: Account) -> list[Record]:
    told = []
    moved = difference(before.stats, after.stats)
    written = entries(after.log[len(before.log) :])
    for owner in owners(after.stats):
        names = moved_by(owner, moved)
        if owner.kind == "cluster" and not any(map(_ASKED_FOR_AN_UPSTREAM.fullmatch, names)):
            continue
        if names:
            whole = {name: f"{owner.kind}.{owner.name}.{name}" for name in sorted(names)}
            counted = {name: [before.stats.get(full, 0), after.stats[full]] for name, full in whole.items()}
            told.append({"hop": owner.kind, "name": owner.name, "counters": counted})
    if written:
        told.append({"hop": "access log", "name": "", "counters": {}, "entries": msgspec.to_builtins(written)})
    return told


def path(told: list[Record]) -> list[str]:
    """The hops in short, for an assertion: what caught the traffic, what of Envoy counted it, and who saw it."""
    passed = [each for each in told if each["hop"] != "access log"]
    return [
        f"{each['hop']} {each['name']}"
        for each in passed
        if each["hop"] != "rule" or each["name"].split()[1] == _INTERCEPTING
    ]
