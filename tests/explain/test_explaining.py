"""Finds, on a real Envoy, the guard that makes a difference, and says so where none does."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Literal

import pytest

from takeover.base.errors import BadInputError, DeploymentError, TakeoverError
from takeover.compare.observations import ObservedChange
from takeover.engines import choose
from takeover.engines.choose import EngineOptions
from takeover.envoy.releases import resolve
from takeover.explain.attempt import NONE, Attempt, Settings
from takeover.explain.explaining import Explaining
from takeover.explain.explanation import Explanation
from takeover.inventory.guards import guards
from takeover.model.document import Breakdown, Observation
from takeover.model.release import Release
from takeover.scenario.library import Library

GUARD = "envoy.reloadable_features.match_headers_individually"
WITH_RUNTIME = ("admin-interface", "pages/runtime-as-json")
ENDS: tuple[Literal["closed", "reset", "open"], ...] = ("closed", "reset", "open")
ROUTE = ObservedChange("route", "route", "v1-otherwise", "v2-by-header")


@pytest.fixture
def release() -> Release:
    return resolve(None)[0]


@pytest.fixture
def attempt(release: Release) -> Iterator[Attempt]:
    with contextlib.closing(choose.engine(EngineOptions("local", {}), [release], lambda _: None)) as engine:
        yield Attempt(engine, release, Library.bundled(), "gateway-header-match", "hostile/version-twice-same")


def test_the_guard_that_brings_it_back_is_found(attempt: Attempt, release: Release) -> None:
    (old,) = attempt.seen({GUARD: False})  # as an Envoy from before this guard does it
    told: list[str] = []
    found = Explaining(attempt, old, ROUTE, told.append).explain(guards(release.path))

    assert (found.settings, found.others) == ({GUARD: False}, ())
    assert (found.with_them, found.without) == (old, attempt.seen()[0])
    assert old.log[0]["route"] == "v1-otherwise"
    assert found.without.log[0]["route"] == "v2-by-header"
    assert found.deployments == len(told) + 7 <= 28


def test_one_that_is_false_by_default_is_found_as_true(release: Release) -> None:
    guard = "envoy.reloadable_features.http2_use_oghttp2"
    probe = "hostile/http2-preface-then-garbage"
    with contextlib.closing(choose.engine(EngineOptions("local", {}), [release], lambda _: None)) as engine:
        attempt = Attempt(engine, release, Library.bundled(), "inbound-interception", probe)
        (old,) = attempt.seen({guard: True})
        changed = ObservedChange("body", "body", old.body, attempt.seen()[0].body)
        # Envoy does not start where the second one is true.
        others = ["envoy.reloadable_features.enable_universal_header_validator", GUARD]
        found = Explaining(attempt, old, changed, lambda _: None).explain([guard, *others])

    assert changed.was != changed.now
    assert (found.settings, found.with_them) == ({guard: True}, old)


OLD, NEW, THIRD = (Observation(200, end=end) for end in ENDS)
END = ObservedChange("connection", "end", "closed", "reset")


class Scripted(Attempt):
    """Does as it is told: for the guards that are set, their value, and how often it was asked."""

    def __init__(
        self,
        script: Callable[[frozenset[str], bool, int], Observation],
        mixed: Callable[[Settings], Observation] = lambda _: NEW,
    ) -> None:
        self.script = script
        self.mixed = mixed
        self.asked = 0
        self.is_after_those_before = False

    def after_those_before(self) -> None:
        self.is_after_those_before = True

    def seen(self, settings: Settings = NONE, times: int = 1) -> list[Observation]:
        guards, value = frozenset(settings), any(settings.values())
        if len(set(settings.values())) == 2:
            found = [self.mixed(settings)] * times
        else:
            found = [self.script(guards, value, self.asked + each) for each in range(times)]
        self.asked += times
        return found


def searched(
    script: Callable[[frozenset[str], bool, int], Observation], old: Observation = OLD, changed: ObservedChange = END
) -> Explanation:
    return Explaining(Scripted(script), old, changed, lambda _: None).explain(list("abcdefgh"))


def explained(script: Callable[[frozenset[str], bool, int], Observation]) -> tuple[list[str], bool]:
    found = searched(script)
    return list(found.settings), any(found.settings.values())


@pytest.mark.parametrize(("false", "true"), [("a", "b"), ("h", "a"), ("c", "f"), ("e", "d")])
def test_two_of_which_one_is_false_and_one_true_are_found(false: str, true: str) -> None:
    wanted = {false: False, true: True}
    attempt = Scripted(lambda *_: NEW, lambda settings: OLD if wanted.items() <= settings.items() else NEW)
    found = Explaining(attempt, OLD, END, lambda _: None).explain(list("abcdefgh"))
    assert found.settings == wanted
    assert found.deployments <= 30


def test_two_are_found_though_another_is_in_the_way_of_all() -> None:
    """With it Envoy does not start: then halves are looked at by themselves, and the two are in different halves."""

    def script(guards: frozenset[str], value: bool, _: int) -> Observation:
        if value and "d" in guards:
            raise DeploymentError("Envoy rejects it")
        return OLD if value and guards >= {"b", "g"} else NEW

    assert explained(script) == (["b", "g"], True)


def test_what_brings_it_back_besides_is_told() -> None:
    attempt = Scripted(lambda guards, value, _: OLD if not value and guards & {"b", "f"} else NEW)
    found = Explaining(attempt, OLD, END, lambda _: None).explain(list("abcdefgh"))
    assert [found.settings, *found.others] == [{"b": False}, {"f": False}]


def test_what_brings_it_back_besides_is_told_though_another_is_in_the_way_of_all() -> None:
    def script(guards: frozenset[str], value: bool, _: int) -> Observation:
        if value and "h" in guards:
            raise DeploymentError("Envoy rejects it")
        return OLD if value and guards & {"b", "f"} else NEW

    found = searched(script)
    assert [found.settings, *found.others] == [{"b": True}, {"f": True}]


@pytest.mark.parametrize("error", [None, DeploymentError("no room")])
def test_what_is_proved_stays_so_though_another_cannot_be(error: DeploymentError | None) -> None:
    times = [0]

    def script(guards: frozenset[str], value: bool, _: int) -> Observation:
        if not value and "b" in guards:
            return OLD
        if value or "f" not in guards:
            return NEW
        times[0] += guards == {"f"}
        if times[0] > 7 and error is not None:
            raise error
        return OLD if times[0] <= 7 else NEW

    found = searched(script)
    assert (found.settings, found.others) == ({"b": False}, ())
    assert found.not_proved == ("no room" if error else "f: false does so now and then")


HEADER = ObservedChange("header", "header x", None, "1")


def test_what_breaks_the_request_does_not_bring_back_that_nothing_was_there() -> None:
    old, broken = Observation(200, body="hi"), Observation(500)
    new = Observation(200, body="hi", headers=[("x", "1")])

    def script(guards: frozenset[str], value: bool, _: int) -> Observation:
        return broken if "c" in guards and not value else old if "f" in guards and not value else new

    assert searched(lambda guards, value, _: broken if "c" in guards and not value else new, old, HEADER).settings == {}
    assert searched(script, old, HEADER).settings == {"f": False}
    # Nor does it hide that another does.
    gone = ObservedChange("header", "header x", "1", None)
    swapped = {id(old): new, id(new): old, id(broken): broken}
    assert searched(lambda *at: swapped[id(script(*at))], new, gone).settings == {"f": False}


def test_what_is_as_with_neither_envoy_is_told() -> None:
    old, new = Observation(200), Observation(200, headers=[("x", "1")], stats={"a": 1})
    other = Observation(200, body="codec", stats={"a": 2})
    found = searched(lambda guards, value, _: other if "c" in guards and not value else new, old, HEADER)
    assert found.settings == {"c": False}
    assert [each.what for each in found.besides] == ["body", "a"]


def test_guards_of_which_nothing_could_be_seen_are_told() -> None:
    def script(guards: frozenset[str], value: bool, _: int) -> Observation:
        if value and "d" in guards:
            raise DeploymentError("Envoy rejects it")
        return THIRD if not value and "g" in guards else NEW

    found = searched(script)
    assert (found.settings, found.not_tried, found.only_alone) == ({}, ({"d": True},), ({"g": False},))
    assert found.are_mixed


def test_that_no_guard_could_be_tried_is_no_answer() -> None:
    def script(guards: frozenset[str], *_: object) -> Observation:
        if guards:
            raise DeploymentError("no room")
        return NEW

    with pytest.raises(TakeoverError, match="none of 8 guards could be tried: no room"):
        searched(script)


def test_an_explanation_that_does_not_hold_when_repeated_is_none() -> None:
    """The search meets it once each; the proof does so again and again."""
    times = [0]

    def script(guards: frozenset[str], value: bool, _: int) -> Observation:
        times[0] += guards == {"b"}
        return OLD if "b" in guards and not value and times[0] <= 12 else NEW

    with pytest.raises(BadInputError, match="the probe is unstable"):
        explained(script)
    assert 12 < times[0] <= 20


def test_guards_are_found_behind_others_that_change_something_else() -> None:
    def script(guards: frozenset[str], value: bool, _: int) -> Observation:
        if value and "c" in guards:
            return THIRD
        if not value and "f" in guards:
            raise DeploymentError("Envoy rejects it")
        return OLD if value and "g" in guards else NEW

    assert explained(script) == (["g"], True)
    assert explained(lambda guards, value, _: OLD if guards >= {"b", "e"} and not value else NEW) == (["b", "e"], False)
    assert explained(lambda *_: NEW) == ([], False)


@pytest.mark.parametrize("when", [0, 3, 7, 11, 14, 16])
def test_what_is_unstable_is_refused_whenever_it_shows(when: int) -> None:
    with pytest.raises(BadInputError, match=r"^the probe is unstable: .* of 5 times\): no guard could be proved"):
        explained(lambda *at: OLD if at[-1] >= when and (at[-1] - when) % 4 == 0 else NEW)


def test_what_is_unstable_is_refused_though_it_never_does_as_the_old_one() -> None:
    with pytest.raises(BadInputError, match=r"the same \(as the old one in 0 of 5 times\)"):
        explained(lambda *at: THIRD if at[-1] == 2 else NEW)


def test_what_changes_by_being_asked_is_asked_once_on_each_deployment() -> None:
    first = [0]

    class Limited(Scripted):
        def seen(self, settings: Settings = NONE, times: int = 1) -> list[Observation]:
            first[0] = self.asked
            return super().seen(settings, times)

    attempt = Limited(lambda guards, _, asked: OLD if asked > first[0] or "a" in guards else NEW)
    found = Explaining(attempt, OLD, END, lambda _: None).explain(list("abcd"))

    assert (found.settings, attempt.is_after_those_before) == ({"a": False}, False)


def test_where_none_does_it_says_so(attempt: Attempt, release: Release) -> None:
    others = [each for each in guards(release.path) if each != GUARD]
    found = Explaining(attempt, attempt.seen({GUARD: False})[0], ROUTE, lambda _: None).explain(others)
    assert (found.settings, found.with_them) == ({}, None)


def test_what_does_not_differ_is_refused(attempt: Attempt) -> None:
    with pytest.raises(BadInputError, match="shows the old behaviour on the new Envoy, too"):
        Explaining(attempt, attempt.seen()[0], ROUTE, lambda _: None).explain([GUARD])


@pytest.mark.parametrize("changed", [ROUTE, ObservedChange("crash", "Envoy a/b", "goes on", "ends with exit code 0")])
def test_an_envoy_that_ends_with_guards_false_shows_no_old_behaviour(changed: ObservedChange) -> None:
    old, new = (Observation(200, log=[{"route": each}]) for each in ("v1-otherwise", "v2-by-header"))
    lost = Observation(None, breakdown=Breakdown("a/b", "ended", 0))

    attempt = Scripted(lambda guards, *_: lost if guards or changed is not ROUTE else new)
    found = Explaining(attempt, old, changed, lambda _: None).explain([GUARD])
    assert (found.settings, found.deployments) == ({}, 4)


def test_guards_are_set_beside_the_runtime_that_a_scenario_has(release: Release) -> None:
    """And an observation is without what may be a secret, as one of a check is."""
    with contextlib.closing(choose.engine(EngineOptions("local", {}), [release], lambda _: None)) as engine:
        attempt = Attempt(
            engine, release, Library.bundled(), *WITH_RUNTIME, lambda text: text.replace(GUARD, "(removed)")
        )
        [seen] = attempt.seen({GUARD: False})
    assert "(removed)" in seen.body
    assert GUARD not in seen.body


def test_a_probe_that_is_not_there_is_refused(release: Release) -> None:
    engine = choose.engine(EngineOptions("local", {}), [release], lambda _: None)
    try:
        with pytest.raises(BadInputError, match="has no probe hostile/none any more"):
            Attempt(engine, release, Library.bundled(), "gateway-header-match", "hostile/none")
    finally:
        engine.close()
