"""Finds, on a real Envoy, the guard that makes a difference, and says so where none does."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import cast

import pytest

from takeover.base.errors import BadInputError
from takeover.compare.observations import ObservedChange
from takeover.engines import choose
from takeover.engines.choose import EngineOptions
from takeover.envoy.releases import resolve
from takeover.explain.attempt import Attempt
from takeover.explain.explaining import Explaining
from takeover.inventory.guards import guards
from takeover.model.document import Breakdown, Observation
from takeover.model.release import Release
from takeover.scenario.library import Library

GUARD = "envoy.reloadable_features.match_headers_individually"
ROUTE = ObservedChange("route", "route", "v1-otherwise", "v2-by-header")


@pytest.fixture
def release() -> Release:
    return resolve(None)[0]


@pytest.fixture
def attempt(release: Release) -> Iterator[Attempt]:
    with contextlib.closing(choose.engine(EngineOptions("local", {}), [release], lambda _: None)) as engine:
        yield Attempt(engine, release, Library.bundled(), "gateway-header-match", "hostile/version-twice-same")


def test_the_guard_that_brings_it_back_is_found(attempt: Attempt, release: Release) -> None:
    old = attempt.seen([GUARD])  # as an Envoy from before this guard does it
    told: list[str] = []
    found = Explaining(attempt, old, ROUTE, told.append).explain(guards(release.path))

    assert found.guards == [GUARD]
    assert (found.with_them, found.without) == (old, attempt.seen())
    assert old.log[0]["route"] == "v1-otherwise"
    assert found.without.log[0]["route"] == "v2-by-header"
    assert found.deployments == len(told) + 3 <= 24


def test_where_none_does_it_says_so(attempt: Attempt, release: Release) -> None:
    others = [each for each in guards(release.path) if each != GUARD]
    found = Explaining(attempt, attempt.seen([GUARD]), ROUTE, lambda _: None).explain(others)
    assert (found.guards, found.with_them) == ([], None)


def test_what_does_not_differ_is_refused(attempt: Attempt) -> None:
    with pytest.raises(BadInputError, match="shows the old behaviour on the new Envoy, too"):
        Explaining(attempt, attempt.seen(), ROUTE, lambda _: None).explain([GUARD])


@pytest.mark.parametrize("changed", [ROUTE, ObservedChange("crash", "Envoy a/b", "goes on", "ends with exit code 0")])
def test_an_envoy_that_ends_with_guards_false_shows_no_old_behaviour(changed: ObservedChange) -> None:
    old, new = (Observation(200, log=[{"route": each}]) for each in ("v1-otherwise", "v2-by-header"))
    lost = Observation(None, breakdown=Breakdown("a/b", "ended", 0))

    class Ending:
        def seen(self, guards: Sequence[str] = ()) -> Observation:
            return lost if guards or changed is not ROUTE else new

    attempt = cast("Attempt", Ending())
    found = Explaining(attempt, old, changed, lambda _: None).explain([GUARD])
    assert (found.guards, found.deployments) == ([], 2)


def test_a_probe_that_is_not_there_is_refused(release: Release) -> None:
    engine = choose.engine(EngineOptions("local", {}), [release], lambda _: None)
    try:
        with pytest.raises(BadInputError, match="has no probe hostile/none any more"):
            Attempt(engine, release, Library.bundled(), "gateway-header-match", "hostile/none")
    finally:
        engine.close()
