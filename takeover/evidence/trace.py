"""The trace of traffic, hop by hop: what counted it between two snapshots, never what a config says."""

import re
from collections.abc import Sequence

from takeover.evidence import passing, rules
from takeover.evidence.counters import Stats, counted, moved_by, owners
from takeover.evidence.envoy_witness import Account
from takeover.evidence.snapshots import Snapshot
from takeover.model.logs import Arrival, Entry, arrivals, entries
from takeover.model.trace import (
    AccessLogHop,
    ClientHop,
    ClusterHop,
    Counters,
    CountingHop,
    DestinationHop,
    FilterHop,
    HttpHop,
    ListenerHop,
    RuleHop,
    TcpHop,
)

# A cluster is on the trace when it was asked for an upstream. It also counts what it never got (a request that an
# authentication filter refused is a 403 of the route's cluster), and idle connections that end.
_ASKED_FOR_AN_UPSTREAM = re.compile(r"upstream_(rq_(total|pending_\w+)|cx_(total|none_healthy|overflow|connect_fail))")

_OF_OWNER: dict[str, type[ListenerHop | HttpHop | TcpHop | ClusterHop]] = {
    "listener": ListenerHop,
    "http": HttpHop,
    "tcp": TcpHop,
    "cluster": ClusterHop,
}
_MOST_ENTRIES = 100  # a report need not carry thousands


def hops(before: Snapshot, after: Snapshot, clients: Sequence[ClientHop] = ()) -> list[CountingHop]:
    """One record for each hop that counted something, in the order in which traffic meets them.

    Of the entries of a log there are the first ones. Where there are several Envoys, each one's hops are together, and
    which of them comes first is told by their logs: see `passing.order`.

    Args:
        clients: whom the traffic is from.
    """
    found = [hop for then, now in _in_order(before, after, clients) for hop in _of_envoy_and_pod(then, now)]
    for name, lines in sorted(after.arrived.items()):
        known = len(before.arrived[name])
        if new := arrivals(lines[known:]):
            of_log = {"requests": (known, len(lines))}
            found.append(DestinationHop(name, of_log, new[:_MOST_ENTRIES], _left_out(new)))
    return found


def _in_order(before: Snapshot, after: Snapshot, clients: Sequence[ClientHop]) -> list[tuple[Account, Account]]:
    """What each Envoy told before and after."""
    both = {now.name: (then, now) for then, now in zip(before.envoys, after.envoys, strict=True)}
    if len(both) == 1:
        return list(both.values())
    written = {name: entries(now.log[len(then.log) :]) for name, (then, now) in both.items()}
    places = {name: now.place for name, (_, now) in both.items()}
    their_own = {each.client for hop in clients for each in hop.dialled}
    entered = {
        name
        for name, its in written.items()
        if any(hop.name.rpartition("/")[0] == name.rpartition("/")[0] for hop in clients)
        or any(each.downstream_remote in their_own for each in its)
    }
    return [both[name] for name in passing.order(written, places, entered)]


def _of_envoy_and_pod(then: Account, now: Account) -> list[CountingHop]:
    taken = [_rule(*each, now.name) for each in zip(then.rules, now.rules, strict=True) if each[0] != each[1]]
    found: list[CountingHop] = [each for each in taken if not each.lets_go]
    found += _of_envoy(then, now)
    found += [each for each in taken if each.lets_go]
    return found


def _rule(then: rules.Rule, now: rules.Rule, envoy: str) -> RuleHop:
    return RuleHop(str(now), now.text, {"packets": (then.packets, now.packets)}, now.jumps, envoy)


def _of_envoy(before: Account, after: Account) -> list[CountingHop]:
    found: list[CountingHop] = []
    moved = counted(before.stats, after.stats)
    written = entries(after.log[len(before.log) :])
    everybody = owners(after.stats)
    for owner in everybody:
        names = moved_by(owner, moved)
        if owner.kind != "cluster" or any(map(_ASKED_FOR_AN_UPSTREAM.fullmatch, names)):
            prefix = f"{owner.kind}.{owner.name}."
            if its := _then_and_now({name: prefix + name for name in names}, moved, after.stats):
                found.append(_OF_OWNER[owner.kind](owner.name, its, after.name))
    of_others = moved.keys() - {
        f"{each.kind}.{each.name}.{name}" for each in everybody for name in moved_by(each, moved)
    }
    for prefix in sorted({name.rpartition(".")[0] for name in of_others}):
        theirs = {name.rpartition(".")[2]: name for name in of_others if name.rpartition(".")[0] == prefix}
        found.append(FilterHop(prefix, _then_and_now(theirs, moved, after.stats), after.name))
    if written:
        of_log = {"entries": (len(before.log), len(after.log))}
        found.append(AccessLogHop("", of_log, written[:_MOST_ENTRIES], _left_out(written), after.name))
    return found


def _then_and_now(counters: dict[str, str], moved: Stats, after: Stats) -> Counters:
    """These counters (short name → whole name), by their short names."""
    return {short: (after[whole] - moved[whole], after[whole]) for short, whole in sorted(counters.items())}


def _left_out(written: list[Entry] | list[Arrival]) -> int:
    return max(0, len(written) - _MOST_ENTRIES)
