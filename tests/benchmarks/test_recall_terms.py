"""Terms are the same however they are written, and rare ones weigh more."""

import pytest
from packaging.version import Version

from benchmarks.recall import terms
from benchmarks.recall.areas import Asked
from benchmarks.recall.evidence import Evidence, Score, wanted
from benchmarks.recall.findings import Finding, Pair, Probe
from takeover.model.request import ProbeRequest, ProbeTarget

PAIR = Pair(Version("1.1.0"), Version("1.2.0"))


@pytest.mark.parametrize(
    ("one", "other", "term"),
    [
        ("retry_limit", "retry limit", "retrlimit"),
        ("HttpInspector", "http_inspector", "httpinspector"),
        ("ExtAuthz", "ext_authz", "extauthz"),
        ("sampled=1", "overall_sampling", "sampl"),
        ("Upgrade: foo", "upgrade: foo", "upgrade:foo"),
        ("%REQUESTED_SERVER_NAME%", "name=%REQUESTED_SERVER_NAME%", "%requested_server_name%"),
        ("against ^.$", "regex ^.$", "^.$"),
        ("QUERY / HTTP/1.1", "QUERY", "QUERY"),
        ("www-authenticate", "WWW-Authenticate: Basic", "wwwauthenticat"),
    ],
)
def test_a_term_is_the_same_however_it_is_written(one: str, other: str, term: str) -> None:
    assert term in terms.of_text(one)
    assert term in terms.of_text(other)


def test_what_is_no_term_of_one_text_joins_nothing() -> None:
    assert "QUERY" not in terms.of_text("a query parameter")
    assert "%bytes_sent%" not in terms.of_text("%UPSTREAM_WIRE_BYTES_SENT%")
    assert not terms.of_text("of the one that is not there")
    assert "bodyanswer" not in terms.of_text("a body; an answer")


def test_of_a_change_only_what_stands_on_one_side_counts() -> None:
    assert set(terms.of_change("status 200 old", "status 503 old")) >= {"200", "503"}
    assert not {"status", "statu", "old"} & terms.of_change("status 200 old", "status 503 old").keys()
    assert set(terms.of_change(None, "403")) == {"403"}


def test_a_configuration_s_own_names_are_no_terms() -> None:
    found = terms.of_settings({"name=secret_service", "stat_prefix=edge_one", "type=ExtAuthz", "lb_policy=MAGLEV"})
    assert {"extauthz", "MAGLEV", "maglev"} <= found.keys()
    assert not {"secret", "edg", "secretservic"} & found.keys()
    assert "composit" in terms.of_settings({"name=envoy.clusters.composite"})
    assert not terms.of_settings({"status=%RESPONSE_CODE%"})
    assert "%response_code%" in terms.of_operators({"status=%RESPONSE_CODE%", "route=%ROUTE_NAME%"}, "status")
    assert "%route_name%" not in terms.of_operators({"status=%RESPONSE_CODE%", "route=%ROUTE_NAME%"}, "status")


def test_the_list_s_versions_and_notes_are_no_terms() -> None:
    found = wanted("area", "max_size 7 (CVE-2026-1234). Already in 1.38.3, fails since 1.39 (guard gone in 1.40)")
    assert {"siz", "area"} <= found.keys()
    assert not {"1", "38", "39", "40", "cve", "2026", "guard"} & found.keys()
    assert found["siz"].weight > found["fail"].weight


def asked(probe: str, path: str = "/") -> Asked:
    request = ProbeRequest(source="a/b", to=ProbeTarget(pod="a", port=1), protocol="tcp", method=probe, path=path)
    return Asked("tcp", path, 1, False, request)


def scores(how: str, *, kind: str = "status", others: int = 0) -> Score:
    """Of a difference that the probe OWN shows, and as many more."""
    probes: dict[Probe, Asked] = {(f"s{number}", "g/p"): asked("OTHER") for number in range(10)}
    probes["own", "g/p"] = asked("OWN", "/stats?x=1" if kind == "body" else "/")
    places = [("own", "g/p"), *list(probes)[:others]]
    finding = Finding(PAIR, kind, "odd", "200", "403", ["1"], {each: probes[each] for each in places})
    evidence = Evidence({PAIR: [finding]}, probes, lambda *_: frozenset())
    [shown] = [each for each in evidence.shown[PAIR] if ("own", "g/p") in each.finding.places]
    return evidence.score(wanted("area", how), shown)


def test_a_rare_term_weighs_more_than_one_of_many_listeners() -> None:
    assert scores("OWN").value == pytest.approx(1.0)
    assert scores("tcp").value == 0.0
    assert scores("OWN 403").value == pytest.approx(2.0)
    assert scores("nothing like it").terms == ()


def test_what_surrounds_a_difference_of_many_listeners_weighs_less() -> None:
    assert 0 < scores("OWN", others=3).value < 0.5
    assert scores("OWN", others=10).value == 0.0


def test_a_term_of_several_weighs_no_more_than_what_it_says_beyond_them() -> None:
    evidence = scores("OWN: 403")
    assert dict(evidence.terms).keys() == {"own", "403"}
    assert evidence.value == pytest.approx(2.0)


@pytest.mark.parametrize("kind", ["statistic", "body"])
def test_names_of_statistics_and_their_values_are_no_terms(kind: str) -> None:
    """Of statistics' kinds what is no term, of an admin API's page of them what changed is none."""
    assert scores("403", kind=kind).value == 0.0
    assert scores("OWN", kind=kind).value == pytest.approx(1.0)


def test_of_a_statistic_s_difference_its_name_is_no_term() -> None:
    assert scores("odd", kind="status").value > 0
    assert scores("odd", kind="statistic").value == 0.0
