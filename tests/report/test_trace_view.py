"""A trace and its picture, of evidence that a real run left."""

import re
from collections.abc import Sequence
from xml.etree import ElementTree

import pytest

from takeover.model.dialled import Dialled
from takeover.model.document import Document
from takeover.model.logs import Arrival, Entry
from takeover.model.trace import (
    AccessLogHop,
    ClientHop,
    ClusterHop,
    DestinationHop,
    Hop,
    ListenerHop,
    RuleHop,
)
from takeover.report.hop_view import HopView
from takeover.report.trace_figure import figure
from takeover.report.trace_view import TraceView, named_listeners, trace_view
from tests.report.suite_that_fails import EVIL, EVIL_PATH

SVG = "{http://www.w3.org/2000/svg}"


def taken(documents: Sequence[Document], test: str, block: int = 0) -> TraceView:
    """The trace of a test's block."""
    tests = [each for each in documents[0].tests if test in each.name]
    scenario = [each for each in documents[0].tests if each.scenario == tests[0].scenario]
    listeners = named_listeners(hops for each in scenario for hops in each.evidence)
    return trace_view(tests[0].evidence[block], listeners=listeners)


def names(found: TraceView) -> list[str]:
    return [f"{each.kind} {each.name}" for each in found.hops[1:]]


def test_inbound_goes_from_the_rule_to_the_application(documents: Sequence[Document]) -> None:
    found = taken(documents, "test_from_another_pod_envoy_answers[Pod IP]")
    assert names(found) == [
        "rule PREROUTING REDIRECT --to-ports 15006",
        "listener 0.0.0.0_15006",
        "filter chain inbound",
        "http ingress_http",
        "cluster shadow_cluster_config",
        "destination envoy-traffic-mock/nginx",
    ]
    assert found.rules[0].facts[0].startswith("packets ")
    # The client knows what it dialled; what the rule made of that is Envoy's account.
    assert found.client.name == "client/client/client"
    assert re.fullmatch(r"dialled 10\.[\d.]+:80", found.client.facts[0])
    assert re.fullmatch(r"got 200, \d+ bytes, then ended it itself", found.client.facts[1])
    assert not any("15006" in each for each in found.client.facts)
    assert any(re.fullmatch(r"to 10\.[\d.]+:15006", each) for each in found.envoy[0].facts)
    assert "200 flags - via_upstream" in found.envoy[-1].facts
    assert all(each.state == "seen" for each in found.hops)


def test_the_hand_over_is_seen_where_the_rules_port_counted_nothing(documents: Sequence[Document]) -> None:
    found = taken(documents, "test_the_services_address_is_as_good_as_its_name")
    assert found.hand_over is not None
    assert found.hand_over.name == "virtualOutbound"
    assert found.envoy[0].name.endswith("_80")
    assert taken(documents, "test_elsewhere_the_header_is_not_added").hand_over is None


def test_envoys_own_connection_is_let_go_by_its_user(documents: Sequence[Document]) -> None:
    found = taken(documents, "test_the_application_reaches_the_real_destination[Service-80]")
    (branch,) = found.branches
    assert branch.released_by is not None
    assert "user id 1337" in branch.released_by.facts
    assert not branch.is_direct
    past = taken(documents, "test_envoys_own_user_still_gets_out")
    assert [each.is_direct for each in past.branches] == [True]  # the client's own connection arrived
    assert (past.envoy, names(past)) == ((), ["rule OUTPUT RETURN", "destination internet/website/nginx"])


def test_each_cluster_is_bound_to_the_destination_that_got_its_requests(documents: Sequence[Document]) -> None:
    found = taken(documents, "test_who_may_pass_reaches_the_application[lua-None-alice")
    bound = [
        (each.cluster and each.cluster.name, each.destination and each.destination.name) for each in found.branches
    ]
    assert bound == [("auth_cluster", "gateway/auth"), ("shadow_cluster", "gateway/nginx")]


def test_only_what_was_measured_is_bound() -> None:
    blocked = ClusterHop("Blocked", {"upstream_cx_none_healthy": (0, 1)})
    reached = ClusterHop("Reached", {"upstream_rq_total": (0, 1)})
    arrival = Arrival(1.0, "10.0.0.2:41000", "10.0.0.3:80", "GET", "/", "x", 200)
    destination = DestinationHop("website/nginx", {"requests": (0, 1)}, [arrival])
    client = ClientHop("app/nginx", [Dialled("10.0.0.3:80", "closed", "10.0.0.2:41000")])

    def name(hop: HopView | None) -> str:
        return hop.name if hop is not None else ""

    def bound(*block: Hop) -> list[tuple[str, str, bool]]:
        return [(name(each.cluster), name(each.destination), each.is_direct) for each in trace_view(block).branches]

    # A cluster that had no upstream sent nothing anywhere, whoever was asked meanwhile.
    assert bound(blocked, destination) == [("Blocked", "", False), ("", "website/nginx", False)]
    assert bound(reached, destination) == [("Reached", "website/nginx", False)]
    # It saw the client itself: past Envoy, whatever Envoy did besides.
    assert bound(client, reached, destination) == [("Reached", "", False), ("", "website/nginx", True)]


def test_a_listener_took_over_only_the_connection_that_the_rule_took() -> None:
    rule = RuleHop("OUTPUT REDIRECT --to-ports 15001", "-A OUTPUT -j REDIRECT --to-ports 15001", {"packets": (0, 1)})
    entry = Entry("svc", "-", "10.96.0.9:80", "10.0.0.2:41000")
    listener = ListenerHop("10.96.0.9_80", {"downstream_cx_total": (0, 1)})
    envoy: list[Hop] = [listener, AccessLogHop("", {"entries": (0, 1)}, [entry])]
    own, others = (ClientHop("app/nginx", [Dialled("x:80", "open", f"10.0.0.2:{port}")]) for port in (41000, 9))
    assert trace_view([own, rule, *envoy]).hand_over is not None
    assert trace_view([others, rule, *envoy]).hand_over is None
    assert trace_view([rule, *envoy]).hand_over is not None  # results of old do not know the client
    assert trace_view([own, rule], ["listener 0.0.0.0_15006"]).hand_over is None  # a listener that counted nothing


def test_results_of_old_are_drawn_by_what_others_saw_of_the_client(documents: Sequence[Document]) -> None:
    test = next(each for each in documents[0].tests if "test_from_another_pod_envoy_answers[Pod IP]" in each.name)
    found = trace_view([each for each in test.evidence[0] if not isinstance(each, ClientHop)])
    assert re.fullmatch(r"10\.[\d.]+:\d+", found.client.name)
    assert found.client.facts == ("as Envoy saw it",)


def test_the_outcomes_of_several_connections_are_counted(documents: Sequence[Document]) -> None:
    client = taken(documents, "test_the_bucket_empties_and_refills").client
    assert re.fullmatch(r"the first of \d+ connections", client.facts[1])
    assert any(re.fullmatch(r"\d+ × got 200, then .*", each) for each in client.facts)
    assert len(client.counters) > 2


def test_what_is_missing_and_what_was_not_expected(documents: Sequence[Document]) -> None:
    test = next(each for each in documents[0].tests if "gets_not_a_byte" in each.name)
    expected = ["rule OUTPUT REDIRECT --to-ports 15001", "listener 0.0.0.0_15001", "tcp AllowAll", "cluster AllowAll"]
    found = trace_view(test.evidence[0], [*expected, "destination internet/website/nginx"])
    states = {f"{each.kind} {each.name}": each.state for each in found.hops}
    assert states["listener 0.0.0.0_15001"] == "seen"
    assert states["tcp AllowAll"] == states["destination internet/website/nginx"] == "missing"
    assert states["cluster BlockAllCluster"] == "unexpected"
    drawn = figure(found, "broken")
    assert drawn.count('class="hop destination missing"') == 1
    assert drawn.count(">expected here, and not seen<") == 3
    assert drawn.count("✗") == 3


@pytest.mark.parametrize("standalone", [True, False])
def test_every_picture_is_xml_with_a_title_in_which_texts_stay_texts(
    documents: Sequence[Document], standalone: bool
) -> None:
    for document in documents:
        for test in document.tests:
            for block in test.evidence:
                root = ElementTree.fromstring(figure(trace_view(block), EVIL, standalone))  # noqa: S314 - our own
                assert root.findtext(f"{SVG}title") == EVIL
                assert root.findtext(f"{SVG}desc")
                assert {each.tag for each in root.iter()} <= {
                    SVG + tag for tag in ("svg", "title", "desc", "style", "g", "rect", "text", "path")
                }
    assert any(EVIL_PATH in fact for each in taken(documents, "test_watched_only").envoy for fact in each.facts)


def test_nothing_of_a_picture_lies_outside_or_on_another_hop(documents: Sequence[Document]) -> None:
    for test in documents[0].tests:
        for block in test.evidence:
            root = ElementTree.fromstring(figure(trace_view(block), ""))  # noqa: S314
            width, height = float(root.attrib["width"]), float(root.attrib["height"])
            boxes = []
            for hop in root.iter(f"{SVG}g"):
                if (rect := hop.find(f"{SVG}rect")) is None or "transform" not in hop.attrib:
                    continue
                x, y = map(float, hop.attrib["transform"].removeprefix("translate(").rstrip(")").split())
                boxes.append((x, y, x + float(rect.attrib["width"]), y + float(rect.attrib["height"])))
            for number, (left, top, right, bottom) in enumerate(boxes):
                assert 0 <= left < right <= width
                assert 0 <= top < bottom <= height
                assert not any(
                    left < other[2] and other[0] < right and top < other[3] and other[1] < bottom
                    for other in boxes[number + 1 :]
                ), test.name
