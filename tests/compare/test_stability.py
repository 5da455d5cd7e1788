"""What was not always the same on one Envoy is no difference between two, and hides none but what it covers."""

from collections.abc import Callable
from typing import Any

import pytest

from takeover.compare.accepted import Acceptance, accept
from takeover.compare.comparison import Comparison, compare
from takeover.compare.kinds import failing
from takeover.compare.listing import listing
from takeover.compare.stability import Aspect, unstable_aspects
from takeover.model.document import Document, Observation
from takeover.model.versions import version_of

Make = Callable[..., Document]


def repeat(scenario: str, times: int, *unstable: tuple[str, str, int]) -> dict[str, Any]:
    aspects = [{"kind": kind, "what": what, "otherwise": otherwise} for kind, what, otherwise in unstable]
    return {"scenario": scenario, "probe": "edges/plain", "times": times, "unstable": aspects}


def compared(*documents: Document) -> Comparison:
    return compare({each.envoy.name: lambda each=each: each for each in documents})  # type: ignore[misc]


def places(comparison: Comparison) -> tuple[list[str], list[str]]:
    """In which scenarios there are differences, and in which what is unstable."""
    return (
        [scenario for each in comparison.differences for scenario in each.scenarios],
        [scenario for each in comparison.unstable for scenario in each.difference.scenarios],
    )


def test_what_is_unstable_on_either_is_apart_where_it_is(document: Make) -> None:
    repeated = [repeat("one", 7, ("connection", "end", 2)), repeat("two", 3)]
    for old, new in (({}, {"repeated": repeated}), ({"repeated": repeated}, {})):
        comparison = compared(document("a", **old), document("b", {"end": "closed"}, **new))

        assert places(comparison) == (["two"], ["one"])
        assert comparison.differences[0].id == comparison.unstable[0].difference.id != ""
        assert comparison.unstable[0].share == "otherwise in 2 of 7 repeats on the same Envoy"
        told = list(listing(comparison, failing(None)))
        assert [line[:1] for line in told] == ["!", " ", "~", "1"]
        assert told[-1].startswith(
            "1 difference from a in b, 1 unstable; 2 of 2 tests and probes compared; 1 of a kind"
        )


def test_what_is_unstable_fails_nothing_and_needs_no_entry_taken_out(document: Make) -> None:
    unstable = [repeat(each, 7, ("connection", "end", 2)) for each in ("one", "two")]
    comparison = compared(document("a"), document("b", {"end": "closed"}, repeated=unstable))
    until = version_of("9.0")
    assert until is not None

    accept(comparison, [Acceptance("", (("kind", "connection"),), "", "", until, "accepted.yaml:1")])

    assert comparison.failing(failing("all")) == []
    assert comparison.remarks == []
    assert list(listing(comparison, failing("all")))[-1].startswith("no difference from a in b, 1 unstable; ")


def test_of_one_change_in_several_probes_only_what_was_found_stable_stays(document: Make) -> None:
    changed = {"stats": {"http.one.downstream_rq_total": 2}}
    aspect = ("statistic", "http.*.downstream_rq_total", 1)
    for repeated, expected in (
        ([], (["one", "two"], [])),
        ([repeat("one", 3)], (["one", "two"], [])),
        ([repeat("one", 7, aspect)], ([], ["one", "two"])),  # nobody asked what the other one is
        ([repeat("one", 7, aspect), repeat("two", 3)], (["two"], ["one"])),
    ):
        assert places(compared(document("a"), document("b", changed, repeated=repeated))) == expected


def test_one_of_several_envoys_that_is_unstable_leaves_the_place_to_none(document: Make) -> None:
    changed = {"end": "closed"}
    unstable = [repeat("one", 7, ("connection", "end", 3)), repeat("two", 3)]
    comparison = compared(
        document("a"), document("b", changed, version="1", repeated=unstable), document("c", changed, version="2")
    )
    assert places(comparison) == (["two"], ["one"])
    assert [(each.envoys, each.versions) for each in comparison.differences] == [(["b", "c"], ["1", "2"])]


def test_an_envoy_that_is_unstable_elsewhere_was_compared_where_others_differ(document: Make) -> None:
    changed = {"end": "closed"}
    plain = document("b")
    only_one = [document("b", changed).probes[0], plain.probes[1]]
    only_two = [plain.probes[0], document("c", changed).probes[1]]
    unstable, stable = repeat("one", 7, ("connection", "end", 3)), repeat("two", 3)
    comparison = compared(
        document("a"),
        document("b", probes=only_one, repeated=[unstable]),
        document("c", probes=only_two, repeated=[stable]),
    )
    assert [line.partition("  (")[2] for line in listing(comparison, ()) if "→" in line] == [
        "in c, not in b)",
        "in b, not in a, c) otherwise in 3 of 7 repeats on the same Envoy",
    ]


def test_a_third_envoy_that_is_unstable_tells_nothing_of_two_others(document: Make) -> None:
    unstable = [repeat("one", 7, ("connection", "end", 3))]
    third = document("c", {"end": "reset"}, version="2", repeated=unstable)
    comparison = compared(document("a"), document("b", {"end": "closed"}, version="1"), third)
    assert {each.now: each.scenarios for each in comparison.differences} == {"closed": ["one", "two"]}
    assert {each.difference.now for each in comparison.unstable} == {"reset"}


OTHERWISE: dict[tuple[str, str], dict[str, Any]] = {
    ("status", "status"): {"status": 403},
    ("connection", "end"): {"end": "closed"},
    ("connection", "answer"): {"status": None, "headers": [], "body": "", "protocol": "", "reason": ""},
    ("header", "header x-auth-user"): {"headers": [("server", "envoy"), ("content-length", "2")]},
    ("header", "reason phrase"): {"reason": "Fine"},
    ("body", "body"): {"body": "no"},
    ("log-field", "entries"): {"log": []},
    ("route", "route"): {"log": [{"flags": "-", "status": 200, "route": "a"}]},
    ("log-field", "flags"): {"log": [{"flags": "UH", "status": 200}]},
    ("statistic", "http.*.downstream_rq_total"): {"stats": {}},
    ("warning", "gone soon: deprecated"): {"warnings": ["gone soon: deprecated"]},
    ("warning", "careful"): {"warnings": ["careful"]},
}  # fmt: skip
HIDDEN = {
    ("connection", "answer"): set(OTHERWISE),
    ("log-field", "entries"): {("route", "route"), ("log-field", "flags")},
    ("status", "status"): {("header", "reason phrase")},
}


@pytest.mark.parametrize("unstable", OTHERWISE)
def test_an_aspect_hides_itself_and_what_its_change_leaves_unsaid(document: Make, unstable: tuple[str, str]) -> None:
    for changed, seen in OTHERWISE.items():
        again = [repeat(each, 7, (*unstable, 1)) for each in ("one", "two")]
        comparison = compared(document("a", repeated=again), document("b", seen))
        is_hidden = changed == unstable or changed in HIDDEN.get(unstable, set())
        assert (not comparison.differences, bool(comparison.unstable)) == (is_hidden, is_hidden), changed


def test_what_differs_between_two_that_were_made_alike_is_unstable_and_counted_from_the_first() -> None:
    first, other, third = Observation(200), Observation(403), Observation(503, end="reset")

    assert unstable_aspects(first, [first, first], [(first, first)]) == []
    # Both do otherwise than the first, and alike: not by chance.
    assert unstable_aspects(first, [other, other], [(other, other)]) == []
    found = unstable_aspects(first, [other, third, first], [(other, third)])
    assert [(each.kind, each.what, each.otherwise) for each in found] == [
        ("connection", "end", 1),
        ("status", "status", 2),
    ]


def test_an_envoy_that_ends_now_and_then_is_a_difference(document: Make) -> None:
    broken = {"breakdown": {"envoy": "pod/envoy", "how": "ended", "exit_code": 139}}
    again = [repeat(each, 7, ("crash", "Envoy pod/envoy", 6)) for each in ("one", "two")]

    assert places(compared(document("a"), document("b", broken, repeated=again))) == (["one", "two"], [])
    # But of what else was observed then nothing is known.
    assert places(compared(document("a"), document("b", {"status": 403}, repeated=again))) == ([], ["one", "two"])


def test_the_aspect_of_a_statistic_is_the_same_when_it_is_new() -> None:
    change = {"what": "cluster.*.x", "was": None, "now": "moves"}
    one, two = (type("Changed", (), {"kind": kind, **change})() for kind in ("statistic", "statistic-added"))
    assert Aspect.of(one) == Aspect.of(two)
