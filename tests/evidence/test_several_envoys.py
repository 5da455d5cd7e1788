"""Several Envoys: which connections are theirs with each other, in which order traffic met them, what each one says."""

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from takeover.base.errors import BadInputError
from takeover.evidence import passing, quiescence
from takeover.evidence.counters import Stats
from takeover.evidence.envoy_witness import Account, EnvoyWitness
from takeover.evidence.observed import ObservedTraffic
from takeover.evidence.passing import Place
from takeover.evidence.rules import parse
from takeover.evidence.snapshots import Snapshot, UnrestError, Witnesses
from takeover.model.dialled import Dialled
from takeover.model.logs import Entry
from takeover.model.trace import ClientHop, Hop, Trace
from tests.evidence.test_destinations import FIRST
from tests.evidence.test_witnesses import NOTHING, RULES, Lab, Used, forwarded
from tests.evidence.witnesses import LoggingContainer, WitnessPod, impatient
from tests.model.test_logs import ARRIVED

CLIENT, SERVER = "client/envoy", "server/envoy"
PLACES = {
    CLIENT: Place(("10.0.0.2",), frozenset({"15001"})),
    SERVER: Place(("10.0.0.3", "10.96.0.7"), frozenset({"15006"})),
}


def entry(remote: str = "10.0.0.2:1", host: str | None = None, local: str | None = None, **more: Any) -> Entry:
    return Entry("x", "-", "10.0.0.3:80", remote, upstream_host=host, method="GET", upstream_local=local, **more)


SENT = entry(host="10.96.0.7:80", local="10.0.0.2:41000")
GOT = entry("10.0.0.2:41000", "127.0.0.1:8080", "127.0.0.1:5", request_id="a")


def without_local(one: Entry) -> Entry:
    return msgspec.structs.replace(one, upstream_local=msgspec.UNSET)


def test_a_connection_is_the_same_in_both_logs() -> None:
    assert passing.received({CLIENT: [SENT], SERVER: [GOT]}) == 1
    assert passing.hosts({CLIENT: [SENT], SERVER: [GOT]}) == {
        (CLIENT, "", "10.96.0.7:80"): True,
        (SERVER, "", "127.0.0.1:8080"): False,
    }
    assert passing.received({CLIENT: [SENT], SERVER: [entry("10.0.0.2:41001")]}) == 0


def test_an_address_that_was_another_connection_s_once_does_not_make_a_host_an_envoy() -> None:
    others = [entry(host="203.0.113.9:80", local=f"10.0.0.2:{port}") for port in (41000, 41001, 41002)]
    assert not passing.hosts({CLIENT: [SENT, *others], SERVER: [GOT]})[CLIENT, "", "203.0.113.9:80"]


def test_where_a_log_does_not_tell_it_the_requests_id_does() -> None:
    sent = without_local(msgspec.structs.replace(SENT, request_id="a"))
    assert passing.received({CLIENT: [sent], SERVER: [GOT]}) == 1
    assert passing.hosts({CLIENT: [sent], SERVER: [GOT]})[CLIENT, "", "10.96.0.7:80"]
    assert passing.received({CLIENT: [without_local(SENT)], SERVER: [GOT]}) == 0  # nothing with nothing


def test_an_envoy_that_calls_itself_is_told_by_the_address_from_which_it_dialled() -> None:
    out = entry(host="10.0.0.3:80", local="10.0.0.3:41000", request_id="a")
    again = entry("10.0.0.3:41000", "10.0.0.3:80", "127.0.0.6:5", request_id="a")
    assert passing.received({SERVER: [again, out]}) == 1
    assert passing.received({SERVER: [out, entry("10.0.0.2:1", "10.0.0.3:80", "127.0.0.6:5", request_id="a")]}) == 0
    # Of a log without it nothing is known: a request's id is in its own entry anyway.
    assert passing.received({SERVER: [without_local(each) for each in (again, out)]}) == 0


@pytest.mark.parametrize("names", [(CLIENT, SERVER), (SERVER, CLIENT)])
def test_who_sent_comes_first(names: tuple[str, str]) -> None:
    written = {CLIENT: [SENT], SERVER: [GOT]}
    assert passing.order({each: written[each] for each in names}, PLACES, ()) == [CLIENT, SERVER]


def test_what_was_dialled_came_to_whose_address_it_is_though_nothing_was_logged_there() -> None:
    assert passing.order({SERVER: [], CLIENT: [SENT]}, PLACES, ()) == [CLIENT, SERVER]


def test_without_a_word_of_it_whom_clients_entered_comes_first() -> None:
    assert passing.order({SERVER: [], CLIENT: [entry()]}, PLACES, {CLIENT}) == [CLIENT, SERVER]
    assert passing.order({SERVER: [], CLIENT: [entry()]}, PLACES, ()) == [SERVER, CLIENT]


def test_envoys_that_call_each_other_begin_where_a_client_entered() -> None:
    back = entry("10.0.0.2:41000", "10.0.0.2:80", "10.0.0.3:9")
    written = {SERVER: [back], CLIENT: [SENT, entry("10.0.0.3:9")]}
    assert passing.order(written, PLACES, {CLIENT}) == [CLIENT, SERVER]


def test_within_a_pod_an_envoy_is_reached_where_it_listens() -> None:
    both = [Place(("10.0.0.2",), frozenset({port})) for port in ("8080", "8081")]
    assert both[0].reaches(both[1], "127.0.0.1:8081")
    assert not both[0].reaches(both[1], "127.0.0.1:80")
    assert not PLACES[CLIENT].reaches(PLACES[SERVER], "127.0.0.1:15006")


STATS = {"listener.0.0.0.0_15001.downstream_cx_total": 0, "cluster.next.upstream_cx_total": 0}


def account(name: str, moved: int, port: str, log: list[Entry], rules: str) -> Account:
    stats = {f"listener.0.0.0.0_{port}.downstream_cx_total": moved, f"cluster.{port}.upstream_cx_total": moved}
    lines = [msgspec.json.encode(each).decode() for each in log]
    return Account(name, PLACES[name].addresses, stats, lines, parse(rules))


@pytest.fixture
def observed() -> ObservedTraffic:
    caught = "-A {} -p tcp -c {} 60 -j REDIRECT --to-ports {}\n"

    def told(moved: int) -> Snapshot:
        server = account(SERVER, moved, "15006", [GOT] * moved, caught.format("PREROUTING", moved, "15006"))
        client = account(CLIENT, moved, "15001", [SENT] * moved, caught.format("OUTPUT", moved, "15001"))
        return Snapshot.of([server, client], {"server/app": [ARRIVED] * moved}, 0)

    found = ObservedTraffic()
    found.tell(told(0), told(1), [ClientHop("client/app", [Dialled("server:80", "closed", "10.0.0.2:1")])])
    return found


def test_a_trace_runs_through_all_of_them_in_the_order_of_traffic(observed: ObservedTraffic) -> None:
    assert observed.trace == [
        "rule client OUTPUT REDIRECT --to-ports 15001",
        "listener client/envoy 0.0.0.0_15001",
        "cluster client/envoy 15001",
        "rule server PREROUTING REDIRECT --to-ports 15006",
        "listener server/envoy 0.0.0.0_15006",
        "cluster server/envoy 15006",
        "destination server/app",
    ]
    stored = msgspec.json.encode(observed.hops)
    again = msgspec.json.decode(stored, type=list[Hop])
    assert Trace.of(again) == observed.trace
    assert [each["envoy"] for each in msgspec.json.decode(stored)[1:-1]] == [CLIENT] * 4 + [SERVER] * 4


def test_each_says_what_it_saw(observed: ObservedTraffic) -> None:
    assert observed.envoy == GOT  # the scenario's first
    for name in ("client", CLIENT):
        its = observed.of(name)
        assert its.envoy == SENT
        assert its.counter("listener.0.0.0.0_15001.downstream_cx_total") == 1
        assert its.rule("REDIRECT", "15001") == 1
    with pytest.raises(BadInputError, match="0 Envoys are nobody; there are server/envoy, client/envoy"):
        observed.of("nobody")


class Two:
    """A client's Envoy and a server's, before one destination.

    Args:
        stats: the counters of each.
        logs: likewise.
        dialled: what each has open.
    """

    def __init__(
        self,
        stats: tuple[list[Stats], list[Stats]],
        logs: tuple[list[str], list[str]],
        dialled: tuple[dict[tuple[str, str], int], ...],
    ) -> None:
        lab = Lab([NOTHING], arrived=[(), (FIRST,)])
        envoys = []
        for name, its, log, hosts in zip((CLIENT, SERVER), stats, logs, dialled, strict=True):
            pod: Any = WitnessPod(LoggingContainer(log), RULES.format(1))
            pod.ip = PLACES[name].addresses[0]
            admin: Any = SimpleNamespace(stats=lambda: NOTHING, upstream_connections=hosts.copy)
            used: Any = Used(its)
            envoys.append(EnvoyWitness(pod, pod.container("nginx"), admin, used, name, PLACES[name].addresses[1:]))
        deployment: Any = SimpleNamespace(
            scenario=SimpleNamespace(destinations=lab.places), pods={"website": lab.website}
        )
        self.witnesses = Witnesses(deployment, envoys)


def line(one: Entry) -> str:
    return msgspec.json.encode(one).decode() + "\n"


KEPT = forwarded(1) | {
    "listener.0.0.0.0_80.downstream_cx_active": 1,
    "http.gateway.downstream_cx_active": 1,
}


@pytest.mark.parametrize("local", [True, False])
def test_a_connection_that_they_keep_with_each_other_is_no_clients(local: bool) -> None:
    sent = SENT if local else without_local(msgspec.structs.replace(SENT, request_id="a"))
    two = Two(
        ([NOTHING, forwarded(1)], [NOTHING, KEPT]),
        (["", line(sent)], ["", line(GOT)]),
        ({("server", "10.96.0.7:80"): 1}, {("app", "127.0.0.1:8080"): 1}),
    )
    before = two.witnesses.before(0, 0)
    after = two.witnesses.after(before, 0, 1)
    assert (after.clients, [len(each.log) for each in after.envoys]) == (0, [1, 1])
    assert len(after.arrived["website/nginx"]) == 1  # one request, though two Envoys sent it on


OUT = entry(host="10.0.0.3:80", local="10.0.0.3:41000", upstream_cluster="out")
AGAIN = entry("10.0.0.3:41000", "10.0.0.3:80", "127.0.0.6:5", upstream_cluster="in")
TWICE = forwarded(2) | {"listener.0.0.0.0_80.downstream_cx_active": 1, "http.gateway.downstream_cx_active": 1}
OPEN = {("out", "10.0.0.3:80"): 1, ("in", "10.0.0.3:80"): 1}


def alone(log: str, dialled: dict[tuple[str, str], int]) -> Witnesses:
    """Of one Envoy, which then has sent two requests, and has one connection."""
    lab = Lab([NOTHING], arrived=[(), (FIRST,)])
    pod: Any = WitnessPod(LoggingContainer(["", log]), RULES.format(1))
    admin: Any = SimpleNamespace(stats=lambda: NOTHING, upstream_connections=dialled.copy)
    used: Any = Used([NOTHING, TWICE])
    deployment: Any = SimpleNamespace(scenario=SimpleNamespace(destinations=lab.places), pods={"website": lab.website})
    return Witnesses(deployment, [EnvoyWitness(pod, pod.container("nginx"), admin, used)])


def test_a_connection_that_an_envoy_keeps_with_itself_is_no_clients() -> None:
    witnesses = alone(line(AGAIN) + line(OUT), OPEN)
    after = witnesses.after(witnesses.before(0, 0), 0, 1)
    assert (after.clients, len(after.log), len(after.arrived["website/nginx"])) == (0, 2, 1)


@pytest.mark.parametrize(
    ("log", "dialled"),
    [
        ([without_local(AGAIN), without_local(OUT)], OPEN),  # it does not tell
        ([AGAIN, OUT], {("in", "10.0.0.3:80"): 1}),  # what leads to the application is open alone
        ([entry(), entry()], OPEN),  # it did not call itself
    ],
)
def test_a_clients_connection_of_one_envoy_is_waited_for_all_the_same(
    log: list[Entry], dialled: dict[tuple[str, str], int]
) -> None:
    witnesses = alone("".join(map(line, log)), dialled)
    before = witnesses.before(0, 0)
    with impatient(), pytest.raises(UnrestError, match="last seen: Envoy has 1 connections with clients, not 0"):
        witnesses.after(before, 0, 1)


def test_a_clients_connection_is_waited_for_all_the_same() -> None:
    two = Two(([NOTHING, KEPT], [NOTHING]), (["", line(entry(host=None))], [""]), ({}, {}))
    before = two.witnesses.before(0, 0)
    with (
        impatient(),
        pytest.raises(UnrestError, match=r"Envoys have 1 connections with clients, not 0 \(client/"),
    ):
        two.witnesses.after(before, 0, 1)


def test_a_connection_that_is_passed_on_as_it_is_may_stay_open() -> None:
    passed = {"listener.0.0.0.0_80.downstream_cx_active": 1, "cluster.a.upstream_rq_active": 1}
    assert quiescence.under_way(passed) == "cluster.a.upstream_rq_active is 1"
    assert quiescence.under_way_but_for_passed_on(passed) == ""
    assert quiescence.under_way_but_for_passed_on(passed | {"cluster.a.upstream_rq_active": 2})
    assert quiescence.under_way_but_for_passed_on(passed | {"http.b.downstream_rq_active": 1})
