"""Which guard it is that shows is told by the runs in which it does."""

from collections.abc import Mapping, Set

import pytest

from takeover.reach.codes import Candidate, Settings, all_alike, by_digits, candidates

_GUARDS = [f"guard-{number}" for number in range(150)]


def _runs(causes: Mapping[str, Set[Candidate]]) -> list[tuple[Settings, Set[str]]]:
    """All runs, where each thing differs once one of its causes has that value."""
    return [
        (settings, {what for what, of in causes.items() if any(settings[each.guard] is each.value for each in of)})
        for settings in (*all_alike(_GUARDS), *by_digits(_GUARDS))
    ]


@pytest.mark.parametrize("value", [False, True])
@pytest.mark.parametrize("number", [0, 1, 64, 127, 128, 149])
def test_one_guard_alone_explains_what_it_shows(number: int, value: bool) -> None:
    guard = Candidate(_GUARDS[number], value)

    runs = _runs({"status": {guard}, "body": {guard}})
    assert len(runs) == 18
    assert candidates(runs, 1) == [(guard, {"status", "body"})]


def test_what_two_guards_show_names_both_once_more_may_be_tried() -> None:
    one, other = Candidate(_GUARDS[3], True), Candidate(_GUARDS[90], False)

    found = dict(candidates(_runs({"status": {one}, "body": {one, other}}), 60))
    assert {one, other} <= found.keys()
    [first, *_] = candidates(_runs({"status": {one}, "body": {one, other}}), 1)
    assert first[0] == one


def test_what_differs_by_chance_names_nobody() -> None:
    runs = [(settings, {"status"} if number == 4 else set()) for number, (settings, _) in enumerate(_runs({}))]
    assert candidates(runs, 10) == []


def test_a_run_of_which_nothing_is_known_may_be_missing() -> None:
    guard = Candidate(_GUARDS[77], True)

    [*runs, _, _] = _runs({"status": {guard}})
    assert guard in dict(candidates(runs, 4))
