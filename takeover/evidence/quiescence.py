"""Whether Envoy is at rest: nothing under way, and everything written that its counters say must have been."""

import functools
import re
from collections import Counter
from collections.abc import Callable, Collection
from typing import TypeVar

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_exponential

from takeover.evidence.counters import Stats, exclusion

Told = TypeVar("Told")

_REQUESTS = re.compile(r"^(http|cluster)\..+\.(downstream_rq_active|upstream_rq_active|upstream_rq_pending_active)$")
# A connection that still waits for its first bytes (http_inspector) counts as "pre".
# Those of internal listeners are Envoy's own, with itself.
_CONNECTIONS = re.compile(r"^listener\.(?!envoy_internal_).+\.downstream_(pre_)?cx_active$")
_UPSTREAMS = re.compile(r"^cluster\..+\.upstream_cx_active$")
_WITH_FILTERS = re.compile(r"^(?!listener\.|cluster\.).+\.downstream_cx_(\w+_)?active$")
# Of what has a counter of those that ended, too.
_BEGUN = re.compile(
    r"^(listener\.(?!envoy_internal_).+|http\..+)\.downstream_cx_total$|^cluster\..+\.upstream_cx_total$"
)
_COPIES = re.compile(r"\.worker_\d+\.")


def waited_for(look: Callable[[], Told | str], deadline: float, longest_wait: float = 0.05) -> Told | str:
    """Looks again and again, at most every `longest_wait` seconds, as long as `look` tells in words what is missing.

    Returns what it returned else (no words are none); after `deadline` seconds the last words.
    """
    seen = look()
    if not isinstance(seen, str) or not seen:  # mostly; to make ready for more looks takes longer than one
        return seen
    first = [seen]
    waiting = Retrying(
        retry=retry_if_result(lambda seen: isinstance(seen, str) and seen != ""),
        wait=wait_exponential(multiplier=0.0005, exp_base=1.5, max=longest_wait),
        stop=stop_after_delay(deadline),
        retry_error_callback=lambda state: state.outcome and state.outcome.result(),
    )
    return waiting(lambda: first.pop() if first else look())


def connections(stats: Stats) -> int:
    """How many connections Envoy's clients have with it, the admin port's left out."""
    return sum(value for name, value in stats.items() if value and _kind_of_open(name) == _OF_CLIENTS)


def under_way(stats: Stats) -> str:
    """The requests that are not over yet; empty if all are."""
    return "; ".join(f"{name} is {value}" for name, value in stats.items() if value and _kind_of_open(name) == _REQUEST)


def under_way_but_for_passed_on(stats: Stats) -> str:
    """As `under_way`, of one of several Envoys: another one's connection that it passes on as it is may stay open.

    Its cluster counts a request for each of those as long as they are.
    """
    totals = _totals(stats)
    others = totals["http", "downstream_rq_active"] + totals["cluster", "upstream_rq_pending_active"]
    if not others and totals["cluster", "upstream_rq_active"] <= _passed_on(totals):
        return ""
    return under_way(stats)


def open_now(stats: Stats) -> dict[str, int]:
    """The gauges that tell of what is still open: connections with clients and with upstreams, and requests."""
    return {name: value for name, value in stats.items() if value and _kind_of_open(name) not in ("", _FILTER)}


def upstreams(stats: Stats) -> dict[str, int]:
    """The clusters with connections that are open, and how many are."""
    return {
        name.partition(".")[2].rpartition(".")[0]: value
        for name, value in stats.items()
        if value and _kind_of_open(name) == _UPSTREAM
    }


def kept_by_filters(gauges: Stats) -> dict[str, int]:
    """The gauges of network filters that still tell of a connection.

    A filter is taken down a moment after its listener counts the connection no more.
    """
    return {name: value for name, value in gauges.items() if value and _kind_of_open(name) == _FILTER}


def not_ended(stats: Stats, gauges: Stats, before: Stats) -> dict[str, int]:
    """The listeners, filters and clusters with connections that are no longer active, but whose end is not counted yet.

    It is a moment later: when their ends are counted, all that comes with an end is.

    Args:
        stats: the counters.
        gauges: read after them.
        before: the counters when all was at rest: what was counted twice until then would be missed for ever.
    """

    def since(name: str) -> int:
        return stats.get(name, 0) - before.get(name, 0)

    found = {}
    for name in filter(_is_of_connections_begun, stats):
        owner, _, counter = name.rpartition(".")
        kind = counter.removesuffix("_total")
        accounted = since(f"{owner}.{kind}_destroy") + gauges.get(f"{owner}.{kind}_active", 0)
        if since(name) > accounted and not _is_counted_twice(owner, since, accounted):
            found[owner] = since(name) - accounted
    return found


def _is_counted_twice(owner: str, since: Callable[[str], int], accounted: int) -> bool:
    """Whether a cluster has begun no more connections than that, though its counter of them says so.

    Where ALPN chooses the protocol (`auto_config`), it counts a connection once more when that is known; where a host
    has several addresses, once more for each that it tries.
    """
    established = sum(since(f"{owner}.upstream_cx_http{version}_total") for version in (1, 2, 3))
    return bool(established) and accounted >= established + since(f"{owner}.upstream_cx_connect_fail")


def requests(stats: Stats) -> int:
    """How many HTTP requests of clients are not over yet."""
    return _totals(stats)["http", "downstream_rq_active"]


def log_entries(stats: Stats) -> int:
    """How many access log entries there must be since Envoy's start.

    One for each HTTP request that is over, one for each TCP proxied connection that is over, and one for each
    connection that the local rate limit turned away (the listener's log of scenario 3.2).
    """
    totals = _totals(stats)
    http_requests = totals["http", "downstream_rq_total"] - totals["http", "downstream_rq_active"]
    tcp_connections = totals["tcp", "downstream_cx_total"] - _passed_on(totals)
    return http_requests + tcp_connections + totals["local_rate_limit", "rate_limited"]


def written_entries(stats: Stats) -> int:
    """How many entries Envoy has written to its access logs since its start, as it counts them itself.

    Beside those of requests and TCP proxied connections, also those of listeners (a handshake that fails, a connection
    that a filter turns away) and those that come while a connection is open.
    """
    return stats.get("filesystem.write_buffered", 0)


def forwarded_requests(before: Stats, after: Stats, without: Collection[str] = ()) -> dict[str, int]:
    """How many HTTP requests Envoy sent to the destinations of each cluster in between, of those to which it sent any.

    Args:
        before: its counters then.
        after: its counters now.
        without: clusters that are left out.
    """
    clusters = {
        match.group(1)
        for name, value in after.items()
        if value and (match := re.match(r"^cluster\.(.+)\.upstream_cx_http\d_total$", name))
    }
    counters = {each: f"cluster.{each}.upstream_rq_total" for each in clusters if each not in without}
    sent = {each: after[name] - before.get(name, 0) for each, name in counters.items()}
    return {each: number for each, number in sent.items() if number}


def _passed_on(totals: Counter[tuple[str, str]]) -> int:
    """How many connections are open that a TCP proxy has: listeners know of all, HTTP filters of theirs."""
    return totals["listener", "downstream_cx_active"] - totals["http", "downstream_cx_active"]


def _totals(stats: Stats) -> Counter[tuple[str, str]]:
    """The sums over all of a kind: for instance "http", "downstream_rq_total"."""
    totals: Counter[tuple[str, str]] = Counter()
    for name, value in stats.items():
        if value:
            totals[_kind_and_counter(name)] += value
    totals.pop(_NEITHER, None)
    return totals


_OF_CLIENTS, _REQUEST, _UPSTREAM, _FILTER = "client", "request", "upstream", "filter"
_OPEN = (
    (_OF_CLIENTS, _CONNECTIONS),
    (_REQUEST, _REQUESTS),
    (_UPSTREAM, _UPSTREAMS),
    (_FILTER, _WITH_FILTERS),
)


@functools.lru_cache(maxsize=1 << 14)  # asked of the same names again and again
def _kind_of_open(name: str) -> str:
    """Of what that is open a gauge tells; nothing for others."""
    if _is_another(name):
        return ""
    return next((kind for kind, pattern in _OPEN if pattern.match(name)), "")


@functools.lru_cache(maxsize=1 << 14)
def _is_of_connections_begun(name: str) -> bool:
    return _BEGUN.match(name) is not None and not _is_another(name)


_NEITHER = ("", "")


@functools.lru_cache(maxsize=1 << 14)  # asked of the same names again and again, and the most often of all
def _kind_and_counter(name: str) -> tuple[str, str]:
    """What a statistic counts, and of what; nothing for the admin port's and the workers' copies."""
    return _NEITHER if _is_another(name) else (name.partition(".")[0], name.rpartition(".")[2])


def _is_another(name: str) -> bool:
    """Whether it is the admin port's, or a worker's copy."""
    found = exclusion(name)
    return _COPIES.search(name) is not None or (found is not None and found.name == "admin")
