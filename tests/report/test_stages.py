"""A trace through several Envoys, as it is drawn."""

import itertools
import re

from msgspec.structs import replace

from takeover.model.dialled import Dialled
from takeover.model.logs import Arrival, Entry
from takeover.model.trace import (
    AccessLogHop,
    ClientHop,
    ClusterHop,
    DestinationHop,
    Hop,
    HttpHop,
    ListenerHop,
    RuleHop,
    Trace,
)
from takeover.report.failure import witnesses
from takeover.report.trace_figure import description, figure
from takeover.report.trace_view import TraceView, trace_view

ONCE = {"downstream_rq_total": (0, 1)}
SENT = {"upstream_rq_total": (0, 1)}
CLIENT, SERVER = "client/envoy", "server/envoy"
ENTRY = Entry(
    "outbound",
    "-",
    "10.96.0.7:80",
    "10.0.0.2:1",
    upstream_cluster="server",
    upstream_host="10.96.0.7:80",
    request_id="a",
    method="GET",
    upstream_local="10.0.0.2:41000",
)
ARRIVED = Entry("inbound", "-", "10.0.0.3:80", "10.0.0.2:41000", upstream_cluster="app", request_id="a", method="GET")


def envoy(name: str, chain: str, port: int, cluster: str, entry: Entry) -> list[Hop]:
    rule = f"-A {chain} -p tcp -j REDIRECT --to-ports {port}"
    return [
        RuleHop(f"{chain} REDIRECT --to-ports {port}", rule, {"packets": (0, 1)}, envoy=name),
        ListenerHop(f"0.0.0.0_{port}", {"downstream_cx_total": (0, 1)}, name),
        HttpHop("all", ONCE, name),
        ClusterHop(cluster, SENT, name),
        AccessLogHop("", {"entries": (0, 1)}, [entry], envoy=name),
    ]


APP = DestinationHop(
    "server/app", {"requests": (0, 1)}, [Arrival(1.0, "127.0.0.1:9", "127.0.0.1:80", "GET", "/", "x", 200, "a")]
)
BLOCK: list[Hop] = [
    ClientHop("client/app", [Dialled("server:80", "closed", "10.0.0.2:1", status=200)]),
    *envoy(CLIENT, "OUTPUT", 15001, "server", ENTRY),
    *envoy(SERVER, "PREROUTING", 15006, "app", ARRIVED),
    APP,
]


def names(view: TraceView) -> list[str]:
    return [f"{each.kind} {each.name}" for each in view.own_hops]


def test_each_envoy_has_its_part_in_order_and_the_destination_is_the_last_ones() -> None:
    first = trace_view(BLOCK)
    (second,) = first.further
    assert (first.name, second.name, second.passed_on_by) == (CLIENT, SERVER, "server")
    assert names(first) == [
        "rule OUTPUT REDIRECT --to-ports 15001",
        "listener 0.0.0.0_15001",
        "http all",
        "cluster server",
    ]
    assert names(second)[-2:] == ["cluster app", "destination server/app"]
    assert first.trace == tuple(Trace.of(BLOCK))
    assert description(first).startswith("client client/app; Envoy client/envoy; rule OUTPUT")


def test_what_is_missing_is_missing_in_the_envoy_that_was_expected() -> None:
    left_out = {"cluster server/envoy app", "destination server/app"}
    view = trace_view([each for each in BLOCK if str(each) not in left_out], Trace.of(BLOCK))
    states = {f"{stage.name} {each.kind}": each.state for stage in (view, *view.further) for each in stage.own_hops}
    assert {name for name, state in states.items() if state == "missing"} == {
        "server/envoy cluster",
        "server/envoy destination",
    }
    nothing = trace_view(BLOCK[:6], Trace.of(BLOCK))  # the second Envoy counted nothing at all
    assert [each.state for each in nothing.further[0].own_hops] == ["missing"] * 5


def test_the_picture_has_a_frame_for_each_below_each_other_and_no_box_on_another() -> None:
    drawn = figure(trace_view(BLOCK), "two")
    assert re.findall(r">(Envoy [^<]*)<", drawn) == ["Envoy client/envoy", "Envoy server/envoy"]
    assert "nothing arrived" not in drawn
    boxes = re.findall(r'translate\((\d+) (\d+)\).*?height="(\d+)"', drawn, re.DOTALL)
    for x in {each[0] for each in boxes}:
        lane = [(int(y), int(y) + int(height)) for its, y, height in boxes if its == x]
        assert all(end < begin for (_, end), (begin, _) in itertools.pairwise(lane))


def test_a_failure_says_whose_it_is() -> None:
    told = dict(witnesses(BLOCK))
    assert told["the Pod's rules"].startswith("client OUTPUT REDIRECT --to-ports 15001 took 1, server PREROUTING")
    assert told["Envoy's access log"].startswith("client/envoy flags - by cluster server, server/envoy flags -")


def test_of_one_envoy_there_are_no_parts() -> None:
    alone = [replace(each, envoy="") for each in BLOCK[1:6] if not isinstance(each, ClientHop | DestinationHop)]
    assert (trace_view(alone).name, trace_view(alone).further) == ("", ())
