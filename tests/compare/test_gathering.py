"""What changed alike in several probes of a scenario is one line, also where who accepts one does not accept all."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from takeover.compare.comparison import Comparison, Difference, Unstable, compare
from takeover.compare.detail import detail
from takeover.compare.gathering import as_one, gathered
from takeover.compare.kinds import failing
from takeover.compare.listing import listing
from takeover.model.document import Document, ProbeResult

Make = Callable[..., Document]

BECAME = {
    ("one", "a/x"): 403,
    ("one", "a/y"): 403,
    ("one", "b/z"): 403,
    ("one", "a/other"): 404,
    ("two", "w/x"): 403,
}


def probes(document: Make, became: dict[tuple[str, str], int]) -> list[ProbeResult]:
    [probe] = document("x").probes[:1]
    return [
        ProbeResult(*place, probe.request, replace(probe.observation, status=status))
        for place, status in became.items()
    ]


@pytest.fixture
def documents(document: Make) -> tuple[Document, Document]:
    return (
        document("a", probes=probes(document, dict.fromkeys(BECAME, 200))),
        document("b", probes=probes(document, BECAME)),
    )


@pytest.fixture
def comparison(documents: tuple[Document, Document]) -> Comparison:
    old, new = documents
    return compare({"a": lambda: old, "b": lambda: new})


def of(comparison: Comparison, place: tuple[str, str]) -> Difference:
    [found] = [each for each in comparison.differences if (each.places[0].scenario, each.places[0].probe) == place]
    return found


def test_a_line_tells_of_all_that_changed_alike_in_a_scenario(comparison: Comparison) -> None:
    x, other, elsewhere = (of(comparison, each) for each in (("one", "a/x"), ("one", "a/other"), ("two", "w/x")))

    assert list(listing(comparison, failing(None))) == [
        f"! status  {other.id}  one a/other: status: 200 → 404  (in b)",
        f"! status  {x.id}  one, 3 probes: status: 200 → 403  (in b)",
        f"! status  {elsewhere.id}  two w/x: status: 200 → 403  (in b)",
        "  5 differences, those of a scenario that changed alike in one line (takeover compare a b --all: each)",
        "5 differences from a in b; 5 of 5 tests and probes compared; 5 of a kind in --fail-on (marked !)",
    ]


def many(document: Make, scenarios: dict[str, int]) -> Comparison:
    """Of two Envoys that differ in so many probes of each scenario, in each otherwise."""
    places = [(name, f"a/{number}") for name, count in scenarios.items() for number in range(count)]
    old = document("a", probes=probes(document, dict.fromkeys(places, 200)))
    new = document("b", probes=probes(document, {place: 400 + number for number, place in enumerate(places)}))
    return compare({"a": lambda: old, "b": lambda: new})


def test_many_of_a_kind_that_fails_nothing_are_counted_by_scenario(document: Make) -> None:
    comparison = many(document, {"few": 1, "most": 12})
    comparison.where = ["--reports", "my reports"]
    counted, told, _ = listing(comparison, ())

    assert counted == "  status  13 differences: most 12, few 1"
    assert told == (
        "  13 differences, those of a kind that fails nothing in one line where they are many "
        "(takeover compare a b --reports 'my reports' --all: each)"
    )
    for lines in (listing(comparison, ["status"]), listing(comparison, (), everything=True)):
        assert all(any(each.id in line for line in lines) for each in comparison.differences[:1])
    assert len(list(listing(comparison, ["status"]))) == len(list(listing(comparison, (), everything=True))) == 14
    assert len(list(listing(many(document, {"most": 12}), ()))) == 13

    [first, *_] = listing(many(document, {f"s{number}": 2 for number in range(10)}), ())
    assert first == f"  status  20 differences: {', '.join(f's{number} 2' for number in range(8))}, … (2 more)"


def test_many_of_a_kind_that_are_unstable_are_counted_likewise(document: Make) -> None:
    comparison = many(document, {"one": 13})
    comparison.unstable = [Unstable(each, 1, 2) for each in comparison.differences]
    comparison.differences = []

    assert "~ status  13 differences: one 13" in list(listing(comparison, ["status"]))
    assert sum(line.startswith("~ ") for line in listing(comparison, ["status"], everything=True)) == 13


def test_tests_are_called_so(document: Make) -> None:
    changed = {("one", f"suites/a.py::{name}"): 403 for name in ("test_a", "test_b")}
    old = document("a", probes=probes(document, dict.fromkeys(changed, 200)))
    new = document("b", probes=probes(document, changed))
    [first, *_] = listing(compare({"a": lambda: old, "b": lambda: new}), ())

    assert "  one, 2 tests: status: 200 → 403  (in b)" in first


def test_each_has_a_line_where_everything_is_asked_for(comparison: Comparison) -> None:
    lines = list(listing(comparison, failing(None), everything=True))

    assert len(lines) == 6
    assert all(any(each.id in line for line in lines) for each in comparison.differences)


def test_what_is_accepted_or_fails_nothing_is_told_apart(comparison: Comparison) -> None:
    of(comparison, ("one", "a/y")).accepted = "known"
    changed = [("one", "a/x"), ("one", "a/y"), ("one", "b/z")]
    differences = [of(comparison, each) for each in changed]

    assert [len(each) for each in gathered(differences, set())] == [2, 1]
    assert [len(each) for each in gathered(differences, {differences[0].id})] == [1, 1, 1]
    assert [len(each) for each in gathered([replace(each, envoys=["c"]) for each in differences], set())] == [2, 1]


def test_one_that_another_envoy_has_is_told_apart_from_one_that_it_has_not(comparison: Comparison) -> None:
    x, y = of(comparison, ("one", "a/x")), of(comparison, ("one", "a/y"))
    of_both = replace(y, envoys=["b", "c"], places=[replace(each, without=()) for each in y.places])
    of_one = replace(x, envoys=["b"], places=[replace(each, without=("c",)) for each in x.places])

    assert gathered([of_one, of_both], set()) == [[of_one], [of_both]]


def test_as_one_it_is_at_all_places_and_stays_what_it_was(comparison: Comparison) -> None:
    alike = [of(comparison, ("one", "a/x")), of(comparison, ("one", "a/y"))]
    one = as_one(alike)

    assert (one.id, [each.probe for each in one.places]) == (alike[0].id, ["a/x", "a/y"])
    assert [each.probe for each in alike[0].places] == ["a/x"]


def test_one_alone_names_the_others(documents: tuple[Document, Document], comparison: Comparison) -> None:
    y, z = of(comparison, ("one", "a/y")), of(comparison, ("one", "b/z"))
    told = list(detail(comparison, of(comparison, ("one", "a/x")), *documents, 80))

    at = told.index("2 more changed alike:")
    assert told[at + 1 : at + 3] == [f"  {y.id}  one a/y", f"  {z.id}  one b/z"]
    alone = list(detail(comparison, of(comparison, ("two", "w/x")), *documents, 80))
    assert not [each for each in alone if "changed alike" in each]
