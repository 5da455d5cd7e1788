"""What counts as shown by a change: only what is there with it and never without."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from takeover.envoy.releases import resolve
from takeover.model.document import Observation, ProbeResult
from takeover.probes.probe import Group
from takeover.probes.probe_file import read_probes
from takeover.reach import trial
from takeover.reach.trial import Trial
from takeover.scenario import edits
from takeover.scenario.edits import Edit
from takeover.scenario.library import Library

_CHANGE = [edits.replace("envoy.yaml", "$.node.id", "other")]
_WORD = "envoy.reloadable_features."


@pytest.fixture
def made(library: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Trial]:
    """Makes a trial in which each probe's answers are given: those without the change, those with it."""

    def make(without: dict[str, Sequence[str]], with_it: dict[str, Sequence[str]]) -> Trial:
        found = Library(library)
        [group] = read_probes(found.scenario("paths"))
        bodies: dict[bool, dict[str, Iterator[str]]] = {
            False: {name: iter(each) for name, each in without.items()},
            True: {name: iter(each) for name, each in with_it.items()},
        }

        def observed(_: Any, __: Any, ___: Any, group: Group, edits: Sequence[Edit]) -> list[ProbeResult]:
            return [
                ProbeResult(
                    group.scenario,
                    f"{group.name}/{each.name}",
                    each.request,
                    Observation(200, body=next(bodies[bool(edits)][each.name])),
                )
                for each in group.probes
            ]

        monkeypatch.setattr(trial, "observed_anew", observed)
        engine: Any = None
        return Trial(engine, resolve(None)[0], found, group, "", words=[_WORD])

    return make


def _endless(text: str) -> Sequence[str]:
    return [text] * 20


def test_a_change_is_shown_by_the_probe_that_is_answered_otherwise_each_time(made: Callable[..., Trial]) -> None:
    same = {"dots": _endless("a"), "as-it-came": _endless("a")}
    tried = made(same | {"fragment": _endless("a")}, same | {"fragment": _endless("b")})

    seen = tried.shows(_CHANGE)
    [it] = seen
    assert (it.probe, it.kind, it.was, it.now) == ("edges/fragment", "body", "a", "b")
    assert tried.still(seen, _CHANGE) == it


def test_what_is_otherwise_without_the_change_too_is_not_shown_by_it(made: Callable[..., Trial]) -> None:
    same = {"dots": _endless("a"), "as-it-came": _endless("a")}
    at_once = made(same | {"fragment": ["a", "b"]}, same | {"fragment": _endless("b")})
    assert at_once.shows(_CHANGE) == []

    later = made(same | {"fragment": ["a", "a", "b"]}, same | {"fragment": _endless("b")})
    seen = later.shows(_CHANGE)
    assert [each.probe for each in seen] == ["edges/fragment"]
    assert later.still(seen, _CHANGE) is None
    assert later.shows(_CHANGE) == []


def test_what_is_not_always_there_with_the_change_is_not_shown_by_it(made: Callable[..., Trial]) -> None:
    same = {"dots": _endless("a"), "as-it-came": _endless("a")}
    tried = made(same | {"fragment": _endless("a")}, same | {"fragment": ["b", "b", "a"]})

    assert tried.still(tried.shows(_CHANGE), _CHANGE) is None


def test_a_probe_that_reads_the_change_itself_shows_nothing(made: Callable[..., Trial]) -> None:
    same = {"dots": _endless("a"), "as-it-came": _endless("a")}
    tried = made(same | {"fragment": _endless("a")}, same | {"fragment": _endless(f"{_WORD}one: false")})

    assert tried.shows(_CHANGE) == []


def test_probes_after_all_that_shows_something_are_left_out(made: Callable[..., Trial]) -> None:
    once = {"as-it-came": ["a", "a", "a"], "fragment": _endless("a")}
    tried = made(once | {"dots": _endless("a")}, once | {"dots": _endless("b")})

    seen = tried.shows(_CHANGE)
    again = tried.shows(_CHANGE, seen)  # the last probe has only the answers of the first time left
    assert [each.probe for each in again] == ["edges/dots"]
    assert tried.deployments == 4
