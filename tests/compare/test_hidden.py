"""What a rule of normalisation makes the same on two Envoys is counted; what is not of chance there is reported."""

from msgspec import UNSET

from takeover.compare.comparison import compare
from takeover.compare.hidden import Hidden, hidden, taken_out
from takeover.compare.listing import listing
from takeover.model.document import Document, Envoy
from takeover.model.removed import Removed


def document(name: str, *removed: Removed) -> Document:
    return Document(1, "", True, "local", Envoy(name, name, "", "", ""), removed=list(removed) or UNSET)


def left(was: str | None, times: int = 2, text: str = "it fails", rule: str = "source-line") -> Removed:
    return Removed(rule, text, times, UNSET if was is None else was, "s", "g/p")


def found(old: Removed, new: Removed) -> Hidden:
    [one] = hidden("new", [old], [new])
    return one


def test_what_is_always_the_same_on_one_and_otherwise_on_the_other_is_hidden() -> None:
    one = found(left("a.cc:1"), left("b.cc:2"))
    assert one == Hidden("source-line", "new", 1, 0, 0, [("it fails", "a.cc:1", "b.cc:2")], [])
    assert one.wanted == []


def test_what_is_of_chance_or_the_same_is_not() -> None:
    for old, new in ((None, "b"), ("a", None), (None, None)):
        assert found(left(old), left(new)) == Hidden("source-line", "new", 1, 1, 0, [], [])
    assert found(left("a"), left("a")) == Hidden("source-line", "new", 1, 0, 1, [], [])


def test_of_what_came_on_one_deployment_alone_a_probe_is_wanted_that_tells() -> None:
    for times in ((1, 2), (2, 1)):
        one = found(left("a", times[0]), left("b", times[1]))
        assert (one.differing, one.undecided, one.wanted) == ([], [("s", "g/p")], [("s", "g/p")])
    many = [left(value, 1, str(number)) for number, value in enumerate("abcdef")]
    for number, each in enumerate(many):
        each.probe = f"g/{number}"
    [one] = hidden("new", [left("x", 1, each.text) for each in many], many)
    assert (len(one.undecided), len(one.wanted)) == (6, 3)
    [one] = hidden("new", [left("x", 2, each.text) for each in many], [*many[1:], left("b", 2, "0")])
    assert (len(one.undecided), one.wanted) == (5, [])  # it is known already that the rule hides something


def test_texts_of_one_envoy_alone_are_compared_with_nothing() -> None:
    assert list(hidden("new", [left("a")], [left("b", text="another"), left("b", rule="other")])) == []
    assert list(hidden("new", [], [left("b")])) == []


def test_it_is_listed_and_counts_as_no_difference() -> None:
    old, new = document("old", left("a.cc:1"), left(None, rule="date")), document("new", left("b.cc:2"))
    new.removed = [*(new.removed or ()), left(None, rule="date")]
    comparison = compare({"old": lambda: old, "new": lambda: new})
    lines = list(listing(comparison, []))
    assert lines[:3] == [
        "  hidden by rules of normalisation, and always the same on one Envoy alone:",
        "  source-line in new: 1 text, such as 'a.cc:1' → 'b.cc:2' ('it fails')",
        "  texts made the same by rules of normalisation: 1 by source-line, 1 by date",
    ]
    assert "0 of 0 tests and probes compared" in lines[-1]
    assert comparison.hidden == taken_out({"old": lambda: old, "new": lambda: new})


def test_documents_that_do_not_tell_of_it_have_no_line_of_it() -> None:
    old, new = document("old"), document("new", left("b.cc:2"))
    [line] = listing(compare({"old": lambda: old, "new": lambda: new}), [])
    assert "0 of 0 tests and probes compared" in line
