"""What is waited for before a snapshot is taken: witnesses that tell one thing after the other."""

import time
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from takeover.base.errors import BadInputError
from takeover.envoy.used_stats import NoStatsError
from takeover.evidence import snapshots
from takeover.evidence.counters import Stats
from takeover.evidence.envoy_witness import EnvoyWitness
from takeover.evidence.snapshots import UnrestError, Witnesses
from takeover.model.json import encode
from takeover.model.logs import Entry
from tests.evidence.test_destinations import FIRST, PLACE, SECOND, fence
from tests.evidence.witnesses import LoggingContainer, WitnessPod, impatient

RULES = "-A OUTPUT -p tcp -c {} 60 -j REDIRECT --to-ports 15001\n"
NOTHING = {
    "listener.0.0.0.0_80.downstream_cx_active": 0,
    "http.gateway.downstream_rq_total": 0,
    "http.gateway.downstream_rq_active": 0,
    "cluster.app.upstream_cx_http1_total": 0,
    "cluster.app.upstream_rq_total": 0,
    "server.uptime": 1,
}
OPENED = NOTHING | {"listener.0.0.0.0_80.downstream_cx_active": 1, "http.gateway.downstream_cx_active": 1}
NOUGHT = dict.fromkeys(NOTHING, 0)
LOGGED = encode(Entry("gateway", "-", "10.0.0.1:80", "10.0.0.2:1024", path="/")).decode() + "\n"
LOGGED_TWICE = LOGGED * 2


def forwarded(requests: int, **changed: int) -> dict[str, int]:
    """The counters after so many requests that went to the app."""
    names = ("http.gateway.downstream_rq_total", "cluster.app.upstream_cx_http1_total", "cluster.app.upstream_rq_total")
    return NOTHING | dict.fromkeys(names, requests) | {name.replace("__", "."): each for name, each in changed.items()}


class Used:
    """Envoy's counters: one set after the other; the last one stays. An exception is raised."""

    def __init__(self, told: Sequence[Stats | Exception]) -> None:
        self._told = list(told)
        self.asked = 0
        self.is_closed = False

    def now(self) -> dict[str, int]:
        self.asked += 1
        told = self._told.pop(0) if len(self._told) > 1 else self._told[0]
        if isinstance(told, Exception):
            raise told
        return dict(told)

    def close(self) -> None:
        self.is_closed = True


class Lab:
    """The witnesses of one Envoy and, unless there is none, of one destination.

    Args:
        stats: what Envoy's counters say, one after the other.
        log: likewise its access log.
        arrived: likewise the entries of the destination's log.
        rules: of the Pod.
    """

    def __init__(
        self,
        stats: Sequence[Stats | Exception],
        log: Sequence[str] = ("",),
        arrived: Sequence[Sequence[str]] | None = ((),),
        rules: str = RULES.format(1),
    ) -> None:
        def written() -> Iterator[str]:
            for entries in arrived or ():
                yield "".join(f"{each}\n" for each in [*entries, fence(self.website.asked, 0)])
            while True:
                yield "".join(f"{each}\n" for each in [*(arrived or ((),))[-1], fence(self.website.asked, 0)])

        self.website = WitnessPod(LoggingContainer(written()))
        self.envoy = LoggingContainer(log)
        self.pod = WitnessPod(self.envoy, rules)
        self.places = places = () if arrived is None else (PLACE,)
        deployment: Any = SimpleNamespace(scenario=SimpleNamespace(destinations=places), pods={"website": self.website})
        admin: Any = SimpleNamespace(stats=lambda: NOTHING)
        self.used = Used(stats)
        used: Any = self.used
        self.witnesses = Witnesses(deployment, [EnvoyWitness(self.pod, self.envoy, admin, used)])


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "_SHORT_DEADLINE", 0.1)  # of a block that failed, whose witnesses need not agree


def test_a_request_that_envoy_sent_is_waited_for_until_its_destination_has_logged_it() -> None:
    lab = Lab([NOTHING, forwarded(2)], ["", LOGGED_TWICE], [(), (), (FIRST,), (FIRST, SECOND)])
    before = lab.witnesses.before(0, 0)

    after = lab.witnesses.after(before, 0, 2)

    assert before.arrived == {"website/nginx": []}
    assert after.arrived == {"website/nginx": [FIRST, SECOND]}


def test_only_what_arrived_since_is_counted_as_an_arrival() -> None:
    lab = Lab([forwarded(1), forwarded(1), forwarded(2)], [LOGGED, LOGGED_TWICE], [(FIRST,), (FIRST,), (FIRST, SECOND)])
    before = lab.witnesses.before(0, 1)

    assert lab.witnesses.after(before, 0, 2).arrived == {"website/nginx": [FIRST, SECOND]}


def test_what_no_destination_logs_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "_UNTIL_LOGGED", 0.1)
    lab = Lab([NOTHING, forwarded(1)], ["", LOGGED])
    before = lab.witnesses.before(0, 0)
    began = time.monotonic()
    assert lab.witnesses.after(before, 0, 1).stats["cluster.app.upstream_rq_total"] == 1
    assert time.monotonic() - began >= 0.1

    monkeypatch.setattr(snapshots, "_UNTIL_LOGGED", 60.0)
    lab.witnesses.after(before, 0, 1)


def test_a_cluster_of_which_something_was_logged_is_waited_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "_UNTIL_LOGGED", 0.1)
    lab = Lab([NOTHING, forwarded(2)], ["", LOGGED_TWICE], [(), (FIRST,)])
    before = lab.witnesses.before(0, 0)
    lab.witnesses.after(before, 0, 1)

    monkeypatch.setattr(snapshots, "_UNTIL_LOGGED", 60.0)
    with impatient(), pytest.raises(UnrestError, match="destinations logged 1 requests, Envoy sent them 2"):
        lab.witnesses.after(before, 0, 1)


@pytest.mark.parametrize(
    ("stats", "log", "missing"),
    [
        (
            forwarded(1, **{"listener__0.0.0.0_80__downstream_cx_active": 1}),
            LOGGED,
            "Envoy has 1 connections .*, not 0",
        ),
        (forwarded(1, http__gateway__downstream_rq_active=1), "", "http.gateway.downstream_rq_active is 1"),
        (forwarded(1), "", "access log has 0 entries, its counters tell of 1; have each .* leave out access_log"),
        (forwarded(1), LOGGED_TWICE, "access log has 2 entries, its counters tell of 1"),
        (forwarded(1), LOGGED, "destinations logged 0 requests, Envoy sent them 1"),
    ],
)
def test_what_is_missing_at_the_deadline_is_told(stats: Stats, log: str, missing: str) -> None:
    lab = Lab([NOTHING, stats], ["", log])

    before = lab.witnesses.before(0, 0)
    with impatient(), pytest.raises(UnrestError, match=f"not at rest after 0.2 s; last seen: .*{missing}"):
        lab.witnesses.after(before, 0, 1)


OF_ANOTHER_FORM = '{"code": 200, "took": 1}\n'
NO_ENTRY = (
    r"^website/nginx: an entry of Envoy's access log: Object missing required field `listener`: "
    r'\{"code": 200, "took": 1\}; have at least listener, flags, original_destination, downstream_remote in its '
    r"json_format, or leave out access_log: one is added then$"
)


def test_a_log_in_another_form_is_refused_with_what_it_lacks() -> None:
    lab = Lab([NOTHING, forwarded(1)], ["", OF_ANOTHER_FORM])
    before = lab.witnesses.before(0, 0)

    with pytest.raises(BadInputError, match=NO_ENTRY):
        lab.witnesses.after(before, 0, 1)
    assert lab.witnesses.after_failure(before, 0).log == []  # what nobody can read is no evidence
    with pytest.raises(BadInputError, match=NO_ENTRY):
        lab.witnesses.before(0, 1)


def test_a_listener_that_went_with_its_counters_leaves_what_it_wrote() -> None:
    went = forwarded(1, filesystem__write_buffered=2)
    lab = Lab([went, went], [LOGGED_TWICE], [(FIRST,)])
    before = lab.witnesses.before(0, 0)
    assert lab.witnesses.after(before, 0, 1).stats["cluster.app.upstream_rq_total"] == 1


@pytest.mark.parametrize(("log", "written"), [(LOGGED_TWICE, 3), (LOGGED_TWICE, 1), ("", 0)])
def test_else_an_entry_for_each_that_is_counted_is_waited_for(log: str, written: int) -> None:
    lab = Lab([NOTHING, forwarded(1, filesystem__write_buffered=written)], ["", log])
    before = lab.witnesses.before(0, 0)
    with impatient(), pytest.raises(UnrestError, match=r"access log has \d entries, its counters tell of 1"):
        lab.witnesses.after(before, 0, 1)


def test_counters_that_move_while_they_are_read_are_read_again() -> None:
    moving = [NOTHING | {"http.gateway.rq_2xx": number} for number in (1, 2, 3, 3)]
    lab = Lab([NOTHING, *moving], arrived=None)

    assert lab.witnesses.after(lab.witnesses.before(0, 0), 0, 1).stats["http.gateway.rq_2xx"] == 3


def test_what_counts_no_traffic_may_move_meanwhile() -> None:
    lab = Lab([NOTHING | {"server.uptime": number} for number in range(2, 9)], arrived=None)

    lab.witnesses.after(lab.witnesses.before(0, 0), 0, 1)


@pytest.mark.parametrize(
    ("before", "after", "held"), [(NOTHING, OPENED, 1), (OPENED, OPENED, 0), (OPENED, NOTHING, -1)]
)
def test_so_many_connections_as_are_held_are_open_then(before: Stats, after: Stats, held: int) -> None:
    lab = Lab([before, after])
    first = lab.witnesses.before(1, 0)
    for wrong in (held - 1, held + 1):
        with impatient(), pytest.raises(UnrestError, match="connections with clients, not"):
            lab.witnesses.after(first, wrong, 1)

    lab.witnesses.after(first, held, 1)


def test_what_was_told_last_is_told_again_if_nothing_happened() -> None:
    lab = Lab([NOTHING])
    told = lab.witnesses.after(lab.witnesses.before(0, 0), 0, 1)

    assert lab.witnesses.before(0, 1) is told
    assert lab.witnesses.before(0, 2) is not told


def test_what_was_told_last_does_not_hold_when_a_counter_has_moved_or_a_connection_ended() -> None:
    lab = Lab([NOTHING, OPENED, OPENED, NOTHING])
    told = lab.witnesses.after(lab.witnesses.before(0, 0), 1, 1)
    assert lab.witnesses.before(0, 1) is not told

    lab = Lab([NOTHING, NOTHING, NOTHING, forwarded(1)], ["", "", LOGGED], [(), (), (FIRST,)])
    told = lab.witnesses.after(lab.witnesses.before(0, 0), 0, 1)
    assert lab.witnesses.before(0, 1) is not told


def test_before_a_block_the_ends_of_connections_are_waited_for() -> None:
    lab = Lab([OPENED, OPENED, NOTHING])
    assert lab.witnesses.before(0, 1).stats == NOTHING

    with impatient(), pytest.raises(UnrestError, match="Envoy has 1 connections with clients, which have 0 open"):
        Lab([OPENED]).witnesses.before(0, 1)


def test_a_counter_that_was_never_set_is_nought() -> None:
    lab = Lab([{"http.gateway.rq_2xx": 0}], arrived=None)

    assert lab.witnesses.before(0, 0).stats == NOUGHT | {"http.gateway.rq_2xx": 0}


def test_of_a_block_that_failed_each_says_what_it_can() -> None:
    lab = Lab([NOTHING, forwarded(1, http__gateway__downstream_rq_active=1)], ["", LOGGED], [(), (FIRST,)])
    before = lab.witnesses.before(0, 0)

    after = lab.witnesses.after_failure(before, 0)

    assert after.stats["http.gateway.downstream_rq_total"] == 1
    assert after.log == [LOGGED.strip()]
    assert after.arrived == {"website/nginx": [FIRST]}
    assert len(after.rules) == 1


def test_of_an_envoy_that_is_gone_the_counters_are_those_of_before_and_it_is_not_asked_again() -> None:
    lab = Lab([NOTHING, NoStatsError("gone", hangs=True)], ["", LOGGED], [(), (FIRST,)])
    before = lab.witnesses.before(0, 0)
    asked = lab.used.asked

    after = lab.witnesses.after_failure(before, 0)

    assert lab.used.asked == asked + 1
    assert after.stats is before.stats
    assert (after.log, after.arrived) == ([LOGGED.strip()], {"website/nginx": [FIRST]})


def test_what_was_told_before_a_failure_is_not_told_again() -> None:
    lab = Lab([NOTHING])
    told = lab.witnesses.after(lab.witnesses.before(0, 0), 0, 1)
    lab.witnesses.after_failure(told, 0)

    assert lab.witnesses.before(0, 1) is not told


def test_a_fault_of_our_own_is_no_answer_of_a_witness() -> None:
    lab = Lab([NOTHING, ZeroDivisionError()])
    with pytest.raises(ZeroDivisionError):
        lab.witnesses.after_failure(lab.witnesses.before(0, 0), 0)


@pytest.mark.parametrize(("rules", "times"), [("", 1), (RULES.format(1), 2)])
def test_a_pod_without_rules_is_asked_once(rules: str, times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab([NOTHING], rules=rules)
    asked: list[None] = []

    def nat_rules() -> str:
        asked.append(None)
        return rules

    monkeypatch.setattr(lab.pod, "nat_rules", nat_rules)
    lab.witnesses.before(0, 0)
    lab.witnesses.before(0, 0)
    assert len(asked) == times


def test_at_the_end_all_connections_are_closed() -> None:
    lab = Lab([NOTHING])
    lab.witnesses.before(0, 0)
    lab.witnesses.close()
    assert lab.used.is_closed
    lab.witnesses.before(0, 0)  # they are opened again where they are needed
