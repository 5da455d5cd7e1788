"""The verdicts that suites state: each holds only if every witness says so, whichever of them says otherwise."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from fixtures.verdicts import assert_all_passed_on, assert_blocked, assert_passed_on
from takeover.base.errors import BadInputError
from takeover.evidence.observed import ObservedTraffic
from takeover.evidence.rules import parse
from takeover.evidence.snapshots import Snapshot
from takeover.model.trace import ClientHop
from takeover.suite.verdicts import assert_answered_by_envoy, assert_past_envoy, assert_routed

TO = "10.96.1.1:80"
REDIRECT = "-A OUTPUT -p tcp -c {} 60 -j REDIRECT --to-ports 15001\n"
RETURN = "-A OUTPUT -m owner --uid-owner 1337 -c {} 60 -j RETURN\n"
LISTENER = "listener.0.0.0.0_15001"
OUTBOUND = ["rule OUTPUT REDIRECT --to-ports 15001", "listener 0.0.0.0_15001"]
ROUTED = [*OUTBOUND, "http out", "cluster app", "destination app/nginx"]


@dataclass(frozen=True)
class Told:
    """What the witnesses tell of a block.

    Args:
        moved: counter → by how much.
        log: entries of Envoy's access log.
        arrived: request ids of what the destination got.
        redirected: connections that the rule caught.
        returned: connections that the rules let go.
    """

    moved: dict[str, int] = field(default_factory=dict)
    log: tuple[dict[str, Any], ...] = ()
    arrived: tuple[str, ...] = ()
    redirected: int = 0
    returned: int = 0

    def observed(self) -> ObservedTraffic:
        """As traffic that was observed."""

        def snapshot(times: int) -> Snapshot:
            return Snapshot(
                {name: 7 + times * by for name, by in self.moved.items()},
                [json.dumps(ENTRY | each) for each in self.log] * times,
                {"app/nginx": [json.dumps(ARRIVAL | {"request_id": each}) for each in self.arrived] * times},
                parse(REDIRECT.format(3 + times * self.redirected) + RETURN.format(5 + times * self.returned)),
            )

        observed = ObservedTraffic()
        observed.tell(snapshot(0), snapshot(1))
        return observed


ENTRY = {"listener": "out", "flags": "-", "original_destination": TO, "downstream_remote": "10.244.0.2:51002"}
ARRIVAL = {"time": 1.5, "client": "10.244.0.2:5", "server": "10.244.0.3:80", "method": "GET", "uri": "/", "host": "app",
           "status": 200}  # fmt: skip
BLOCKED = Told(
    {
        f"{LISTENER}.downstream_cx_total": 1,
        f"{LISTENER}.downstream_cx_destroy": 1,
        "tcp.BlockAllCluster.downstream_cx_total": 1,
        "cluster.BlockAllCluster.upstream_cx_total": 0,
        "cluster.BlockAllCluster.upstream_cx_none_healthy": 1,
        "cluster.BlockAllCluster.lb_healthy_panic": 1,
    },
    ({"flags": "UH", "upstream_cluster": "BlockAllCluster"},),
    redirected=1,
)
PASSED_ON = Told(
    {
        f"{LISTENER}.downstream_cx_total": 1,
        f"{LISTENER}.downstream_cx_destroy": 1,
        "tcp.AllowAll.downstream_cx_total": 1,
        "cluster.AllowAll.upstream_rq_total": 1,
        "cluster.AllowAll.upstream_cx_total": 1,
        "cluster.AllowAll.upstream_cx_destroy_local": 1,
        "cluster.AllowAll.upstream_rq_pending_total": 1,
    },
    ({"upstream_cluster": "AllowAll", "upstream_host": TO},),
    ("",),
    1,
    1,
)
REFUSED = Told(
    {
        f"{LISTENER}.downstream_cx_total": 1,
        "tcp.AllowAll.downstream_cx_total": 1,
        **{
            f"cluster.AllowAll.{name}": 1
            for name in (
                "upstream_cx_total", "upstream_rq_pending_total", "upstream_cx_connect_fail",
                "upstream_cx_connect_attempts_exceeded", "upstream_rq_pending_failure_eject",
            )
        },
    },
    ({"flags": "UF,URX", "upstream_cluster": "AllowAll", "upstream_host": TO},),
    redirected=1,
    returned=1,
)  # fmt: skip
ASKED = Told(
    {
        f"{LISTENER}.downstream_cx_total": 1,
        "http.out.downstream_rq_total": 2,
        "cluster.app.upstream_cx_total": 1,
        "cluster.app.upstream_rq_total": 2,
    },
    tuple({"upstream_cluster": "app", "request_id": each} for each in ("one", "two")),
    ("one", "two"),
    redirected=1,
)
ANSWERED = Told(
    {f"{LISTENER}.downstream_cx_total": 1, "http.out.downstream_rq_total": 1},
    ({"flags": "NR", "details": "route_not_found", "status": 404},),
    redirected=1,
)
PAST = Told(dict.fromkeys(ASKED.moved, 0), arrived=("one",))

Verdict = Callable[[ObservedTraffic], None]


def blocked(observed: ObservedTraffic) -> None:
    assert_blocked(observed, TO)


def passed_on(observed: ObservedTraffic) -> None:
    assert_passed_on(observed, TO, "app/nginx")


def refused(observed: ObservedTraffic) -> None:
    assert_passed_on(observed, TO, refused=True)


def routed(observed: ObservedTraffic) -> None:
    assert_routed(observed, ROUTED, 2)


def answered(observed: ObservedTraffic) -> None:
    assert_answered_by_envoy(observed, [*OUTBOUND, "http out"], "NR", "route_not_found")


def past(observed: ObservedTraffic) -> None:
    assert_past_envoy(observed, "app/nginx")


VERDICTS = [
    (blocked, BLOCKED), (passed_on, PASSED_ON), (refused, REFUSED), (routed, ASKED), (answered, ANSWERED), (past, PAST)
]  # fmt: skip


# Requests may share connections, and who ends one first is left to the two ends.
NOT_SAID = {
    passed_on: [f"{LISTENER}.downstream_cx_destroy", "cluster.AllowAll.upstream_cx_destroy_local"],
    routed: [f"{LISTENER}.downstream_cx_total", "cluster.app.upstream_cx_total"],
    answered: list(ANSWERED.moved),
}


def changed(told: Told, number: int = 0, **words: Any) -> tuple[dict[str, Any], ...]:
    """Its log with other words in one entry."""
    return (*told.log[:number], told.log[number] | words, *told.log[number + 1 :])


@pytest.mark.parametrize(("verdict", "told"), VERDICTS, ids=[each.__name__ for each, _ in VERDICTS])
def test_it_holds_where_all_say_so(verdict: Verdict, told: Told) -> None:
    verdict(told.observed())


def otherwise() -> list[Any]:
    """Each verdict with what a single witness says otherwise."""
    found = []
    for verdict, told in VERDICTS:
        cases = {
            "none was caught, or one was": replace(told, redirected=1 - min(1, told.redirected)),
            "it arrived, or did not": replace(told, arrived=() if told.arrived else ("one",)),
            "no entry": replace(told, log=told.log[1:]) if told.log else replace(told, log=({},)),
            "one entry more": replace(told, log=(*told.log, {})),
            "another counter": replace(told, moved=told.moved | {"cluster.other.upstream_cx_total": 1}),
        }
        for name in told.moved:
            if name not in NOT_SAID.get(verdict, ()):
                cases[name] = replace(told, moved=told.moved | {name: told.moved[name] + 1})
        for number, entry in enumerate(told.log):
            for word in sorted({"flags", *entry} - {"status"}):
                cases[f"{word} of entry {number}"] = replace(told, log=changed(told, number, **{word: "other"}))
        if verdict in (blocked, passed_on, refused):
            cases["another destination"] = replace(told, log=changed(told, original_destination="10.96.1.1:81"))
            cases["one more was caught"] = replace(told, redirected=told.redirected + 1)
            cases["one more was let go"] = replace(told, returned=told.returned + 1)
        if verdict is answered:
            cases["an upstream was asked"] = replace(told, log=changed(told, upstream_host="10.244.0.3:80"))
        if verdict is routed:
            cases["another request arrived"] = replace(told, arrived=("one", "three"))
        found += [pytest.param(verdict, case, id=f"{verdict.__name__}-{name}") for name, case in cases.items()]
    return found


@pytest.mark.parametrize(("verdict", "told"), otherwise())
def test_it_fails_where_one_says_otherwise(verdict: Verdict, told: Told) -> None:
    with pytest.raises(AssertionError):
        verdict(told.observed())


def test_of_a_block_without_a_witness_it_does_not_hold_that_traffic_went_past_envoy() -> None:
    nothing = replace(PAST, arrived=())
    with pytest.raises(AssertionError, match=r"^nothing was observed: no client of the scene asked"):
        assert_past_envoy(nothing.observed())
    assert_past_envoy(replace(nothing, returned=1).observed())
    of_a_client = ObservedTraffic()
    empty = Snapshot({}, [], {}, parse(""))
    of_a_client.tell(empty, empty, [ClientHop("app/nginx", [])])
    assert_past_envoy(of_a_client)
    with pytest.raises(AssertionError, match="of no address it always holds"):
        assert_all_passed_on(nothing.observed(), [], set())


@pytest.mark.parametrize(
    ("trace", "lacking"), [([*OUTBOUND, "tcp out", "cluster app"], "http, dest"), ([], "http, clu")]
)
def test_what_is_routed_is_a_request(trace: list[str], lacking: str) -> None:
    with pytest.raises(BadInputError, match=f"^a trace of requests that arrive names {lacking}"):
        assert_routed(ASKED.observed(), trace)
