"""A trace and its picture, of evidence that a real run left."""

from collections.abc import Sequence
from xml.etree import ElementTree

import pytest

from takeover.model.document import Document
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
    assert found.rule is not None
    assert found.rule.facts[0].startswith("packets ")
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
    past = taken(documents, "test_envoys_own_user_still_gets_out")
    assert (past.envoy, names(past)) == ((), ["rule OUTPUT RETURN", "destination internet/website/nginx"])


def test_each_cluster_is_bound_to_the_destination_that_got_its_requests(documents: Sequence[Document]) -> None:
    found = taken(documents, "test_who_may_pass_reaches_the_application[lua-None-alice")
    bound = [
        (each.cluster and each.cluster.name, each.destination and each.destination.name) for each in found.branches
    ]
    assert bound == [("auth_cluster", "gateway/auth"), ("shadow_cluster", "gateway/nginx")]


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
    assert any(EVIL_PATH in fact for fact in taken(documents, "test_watched_only").client.facts)


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
