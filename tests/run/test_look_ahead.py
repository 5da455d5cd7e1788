"""What is deployed ahead: what the next tests need, and not what those need that come much later."""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from takeover.probes.probe_file import read_probes
from takeover.run.deployment_key import KEY, LONG, DeploymentKey
from takeover.run.probe_items import ProbeItem
from takeover.run.scenes import Scenes
from takeover.run.scopes import SCOPE
from takeover.scenario.library import Library


class Asked:
    """Stands for the pool: is asked for deployments, and makes none."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def prefetch(self, keys: Iterable[DeploymentKey]) -> None:
        self.keys = [f"{each.scenario} {each.repeat}" for each in keys]


def repeated(passes: int, tests: dict[str, int], is_worker: bool) -> list[Any]:
    """Items of so many passes, each with so many tests of each scenario, which is a scope of its own."""
    items = list[Any]()
    session = SimpleNamespace(items=items)
    config = SimpleNamespace(**({"workerinput": {}} if is_worker else {}))
    for number in range(passes):
        for scenario, many in tests.items():
            for _ in range(many):
                item = SimpleNamespace(session=session, config=config, stash=pytest.Stash())
                item.stash[KEY] = DeploymentKey(scenario, (), "", "1.40.0", number, "")
                item.stash[SCOPE] = scenario
                items.append(item)
    return items


def asked(items: list[Any], at: int, following: int | None = None) -> list[str]:
    pool: Any = Asked()
    Scenes(pool).prefetch(items[at], None if following is None else items[following])
    assert isinstance(pool, Asked)
    return pool.keys


@pytest.mark.parametrize("is_worker", [False, True])
def test_of_many_tests_on_one_deployment_the_next_repeat_is_far_off(is_worker: bool) -> None:
    items = repeated(200, {"one": 84}, is_worker)
    assert asked(items, 0) == ["one 0"]
    assert asked(items, 83) == ["one 0", "one 1"]


@pytest.mark.parametrize("is_worker", [False, True])
def test_of_few_tests_on_each_deployment_many_are_needed_soon(is_worker: bool) -> None:
    assert len(asked(repeated(200, {"one": 3}, is_worker), 0)) > 8


@pytest.mark.parametrize(("is_worker", "ahead"), [(True, []), (False, ["one 0", "one 1", "one 2"])])
def test_what_takes_seconds_is_not_deployed_ahead_by_workers(is_worker: bool, ahead: list[str]) -> None:
    items = repeated(3, {"one": 1}, is_worker)
    for each in items:
        each.stash[LONG] = True
    assert asked(items, 0, following=1) == ahead


def test_groups_of_probes_are_what_takes_seconds(request: pytest.FixtureRequest) -> None:
    library, unused = Library.bundled(), cast("Any", None)
    plan = cast("Any", SimpleNamespace(library=library))
    for group in read_probes(library.scenario("inbound-interception")):
        assert ProbeItem.of(request.session, plan, group, "1.40.0", unused).stash[LONG]


def test_a_worker_looks_past_the_tests_of_others() -> None:
    items = repeated(2, {"one": 1, "other": 500}, is_worker=True)
    assert asked(items, 0) == ["one 0", "one 1"]
    assert asked(items, 501, following=1) == ["one 1", "other 0"]
    assert asked(repeated(2, {"one": 1, "other": 500}, is_worker=False), 0) == ["one 0", "other 0"]
