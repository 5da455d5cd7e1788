"""Envoy's counters: which ones tell of the traffic under test, and by how much they moved."""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass

Stats = Mapping[str, int]
"""Counters and gauges by name, as `Admin.stats` gives them."""


@dataclass(frozen=True)
class Exclusion:
    """Counters and gauges that are left out of account, and why."""

    name: str
    pattern: re.Pattern[str]
    reason: str


EXCLUDED = tuple(
    Exclusion(name, re.compile(pattern), reason)
    for name, pattern, reason in (
        (
            "process",
            r"^(server|runtime|filesystem|main_thread|workers|thread_local_cluster_manager|overload)\.",
            "the process counts its own seconds, memory, timers and files",
        ),
        ("admin", r"^(listener|http)\.admin\.", "our own questions, and the readiness probe, come over the admin port"),
        ("dns", r"^dns\.", "names are resolved again whenever their time is over"),
        (
            "updates",
            r"^(cluster_manager|listener_manager|load_reporter|hds_delegate)\.|\.(update|membership|assignment)_\w+$|\.total_match_count$",
            "clusters refresh their members, with or without traffic",
        ),
        ("probes", r"\.(health_check|outlier_detection)\.", "Envoy asks by itself whether its upstreams are well"),
        (
            "states",
            r"_(active|buffered|open|remaining)$|\.circuit_breakers\.|\.max_host_weight$|\.lb_subsets_active$|\.version$",
            "a gauge is a state and no event: whether it is back at rest is looked at before anything is counted",
        ),
        ("lengths", r"_bytes_(total|sent|received)$", "headers differ in length: one tells milliseconds"),
        (
            "segments",
            r"\.tcp_stats\.cx_[rt]x_\w*(segments|unsent_bytes)$",
            "in how many pieces bytes and their acknowledgements come, the kernel's time says",
        ),
        (
            "copies",
            r"\.(external|internal|worker_\d+|zone)\.|^listener\..+\.http\.",
            "they count once more what the listener, the filter or the cluster counted",
        ),
    )
)


@functools.lru_cache(maxsize=1 << 14)  # asked of the same names again and again
def exclusion(name: str) -> Exclusion | None:
    """The rule by which the counter of that name is left out of account, if any."""
    return next((each for each in EXCLUDED if each.pattern.search(name)), None)


def difference(before: Stats, after: Stats) -> dict[str, int]:
    """By how much each counter moved that tells of the traffic under test. What did not move is not in it."""
    if before == after:  # mostly: of hundreds, that is seen at once
        return {}
    changed = {name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name, 0)}
    return {name: change for name, change in changed.items() if exclusion(name) is None}


def counted(before: Stats, after: Stats) -> dict[str, int]:
    """As `difference`, of what traffic counted: what fell is of a listener or cluster that was taken away meanwhile.

    Envoy takes away the counters with their owner, also minutes later, at the end of its drain time; one of the same
    name begins with 0.
    """
    return difference({name: value for name, value in before.items() if value <= after.get(name, 0)}, after)


_STATES = (
    Exclusion(
        "version",
        re.compile(r"\.version$"),
        "it is a hash of how a control plane calls what it gave last, and comes when it likes",
    ),
    Exclusion(
        "times",
        re.compile(r"\.(config_reload_time_ms|update_time)$"),
        "it is the time at which configuration came last",
    ),
    Exclusion(
        "shares",
        re.compile(r"_(allowed|incoming)_size$"),
        "a limit of bandwidth tells how much came, or went, in the last of its short intervals: in how many a body "
        "comes is of chance",
    ),
    Exclusion(
        "measured",
        re.compile(r"\.sample_rtt_msecs$"),
        "a limit of requests at once tells how long the last ones took",
    ),
)


@functools.lru_cache(maxsize=1 << 14)
def state_exclusion(name: str) -> Exclusion | None:
    """The rule by which the gauge of that name is no state that traffic leaves, if any.

    Those are states like any other that are no events: see the rule "states".
    """
    rules = (each for each in (*EXCLUDED, *_STATES) if each.name != "states")
    return next((each for each in rules if each.pattern.search(name)), None)


def states(before: Stats, after: Stats) -> dict[str, int]:
    """What each gauge is that is not as it was before; one that was not there was 0, and so is one that is gone."""
    names = [name for name, value in after.items() if value != before.get(name, 0)]
    names += [name for name, value in before.items() if value and name not in after]
    return {name: after.get(name, 0) for name in names if state_exclusion(name) is None}


@dataclass(frozen=True)
class Owner:
    """What a counter belongs to: a listener, an HTTP or TCP filter by its stat prefix, a cluster, or another filter."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".rstrip()


# Names may hold dots; so may what follows them. Each owner has one counter from which its name can be told.
_TELLING = {
    "listener": "downstream_cx_total",
    "http": "downstream_rq_total",
    "tcp": "downstream_cx_total",
    "cluster": "upstream_cx_total",
}


def owners(stats: Stats) -> list[Owner]:
    """Every listener, filter and cluster that counts, in the order in which traffic meets them; not the admin's."""
    found = []
    for kind, counter in _TELLING.items():
        pattern = re.compile(rf"^{kind}\.(.+)\.{counter}$")
        names = [match.group(1) for match in map(pattern.match, stats) if match and not exclusion(match.string)]
        found += [Owner(kind, name) for name in sorted(names)]
    return found


def moved_by(owner: Owner, moved: Stats) -> dict[str, int]:
    """Those of the counters that moved that belong to the owner, without its name."""
    prefix = f"{owner.kind}.{owner.name}."
    return {name.removeprefix(prefix): change for name, change in moved.items() if name.startswith(prefix)}
