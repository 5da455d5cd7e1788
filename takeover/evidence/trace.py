"""The way that traffic took, hop by hop, as plain data: only what was counted on it, never what a config says."""

import json
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from takeover.evidence import rules
from takeover.evidence.counters import difference, moved_by, owners
from takeover.evidence.logs import Arrival, Entry, arrivals, entries
from takeover.evidence.snapshots import Snapshot

Record = dict[str, Any]
"""Of JSON's types only: it goes into reports, and from xdist's workers to their controller."""

# A cluster is on the way when it was asked for an upstream. It also counts what it never got (a request that an
# authentication filter refused is a 403 of the route's cluster), and idle connections that end.
_ASKED_FOR_AN_UPSTREAM = re.compile(r"upstream_(rq_(total|pending_\w+)|cx_(total|none_healthy|overflow|connect_fail))")

# By this a connection comes back into the Pod's Envoy; by any other rule it is let go.
_INTERCEPTING = "REDIRECT"
_MOST_ENTRIES = 100


def records(before: Snapshot, after: Snapshot) -> list[Record]:
    """One record for each hop that counted something, in the order in which traffic meets them.

    Every record has `hop` (rule, listener, http or tcp by its stat prefix, cluster, destination; filter for any other
    that counts), `name`, and `counters`: name → [before, after]. A destination's has the `entries` of its log; so has
    "access log", Envoy's. Of many, the first ones; `entries_left_out` tells how many more there were.
    """
    taken = [each for each in zip(before.rules, after.rules, strict=True) if each[0] != each[1]]
    told = [_rule(*each) for each in taken if each[1].target.startswith(_INTERCEPTING)]
    told += _of_envoy(before, after)
    told += [_rule(*each) for each in taken if not each[1].target.startswith(_INTERCEPTING)]
    for name, lines in sorted(after.arrived.items()):
        seen_before = len(before.arrived[name])
        if new := arrivals(lines[seen_before:]):
            counted = {"requests": [seen_before, len(lines)]}
            told.append({"hop": "destination", "name": name, "counters": counted, **_entries(new)})
    return told


def _rule(then: rules.Rule, now: rules.Rule) -> Record:
    counted = {"packets": [then.packets, now.packets]}
    return {"hop": "rule", "name": str(now), "text": now.text, "counters": counted}


def _of_envoy(before: Snapshot, after: Snapshot) -> list[Record]:
    told: list[Record] = []
    moved = difference(before.stats, after.stats)
    written = entries(after.log[len(before.log) :])
    everybody = owners(after.stats)
    for owner in everybody:
        names = moved_by(owner, moved)
        if owner.kind != "cluster" or any(map(_ASKED_FOR_AN_UPSTREAM.fullmatch, names)):
            prefix = f"{owner.kind}.{owner.name}."
            told += _counted(owner.kind, owner.name, {name: prefix + name for name in names}, before, after)
    of_others = moved.keys() - {
        f"{each.kind}.{each.name}.{name}" for each in everybody for name in moved_by(each, moved)
    }
    for prefix in sorted({name.rpartition(".")[0] for name in of_others}):
        theirs = {name.rpartition(".")[2]: name for name in of_others if name.rpartition(".")[0] == prefix}
        told += _counted("filter", prefix, theirs, before, after)
    if written:
        counted = {"entries": [len(before.log), len(after.log)]}
        told.append({"hop": "access log", "name": "", "counters": counted, **_entries(written)})
    return told


def _counted(hop: str, name: str, counters: dict[str, str], before: Snapshot, after: Snapshot) -> list[Record]:
    """One record of these counters (short name → whole name), if there are any."""
    counted = {short: [before.stats.get(whole, 0), after.stats[whole]] for short, whole in sorted(counters.items())}
    return [{"hop": hop, "name": name, "counters": counted}] if counted else []


def _entries(written: Sequence[Entry] | Sequence[Arrival]) -> Record:
    """The first entries as data; a report need not carry thousands."""
    left_out = {"entries_left_out": len(written) - _MOST_ENTRIES} if len(written) > _MOST_ENTRIES else {}
    return {"entries": msgspec.to_builtins(written[:_MOST_ENTRIES])} | left_out


class Path(list[str]):
    """A way in short. `expected` is the one that an assertion wanted instead, once it has failed."""

    expected: list[str] | None = None


def path(told: Sequence[Record]) -> Path:
    """The hops in short, for an assertion: what caught the traffic, what of Envoy counted it, and who saw it."""
    passed = [each for each in told if each["hop"] not in ("access log", "filter")]
    return Path(
        f"{each['hop']} {each['name']}"
        for each in passed
        if each["hop"] != "rule" or each["name"].split()[1] == _INTERCEPTING
    )


def text(told: list[Record]) -> str:
    """The hops for people, a line each, and the entries below."""
    lines = []
    for each in told:
        counted = ", ".join(f"{name} {before} → {after}" for name, (before, after) in each["counters"].items())
        lines.append(f"{each['hop']} {each['name']}".rstrip() + f": {counted}")
        lines += [f"    {json.dumps(entry, ensure_ascii=False)}" for entry in each.get("entries", [])]
    return "\n".join(lines)
