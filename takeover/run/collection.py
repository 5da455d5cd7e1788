"""From the tests that pytest collects to the items of the run, in order. Every step stands in one function."""

import contextlib
import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from takeover.base.errors import BadInputError
from takeover.run import docs, scenario_mark
from takeover.run.contents import Content, Contents, content_of
from takeover.run.deployment_key import KEY, DeploymentKey, cost_of, key_of
from takeover.run.plan import Plan
from takeover.run.probe_items import add_probes
from takeover.run.scenes import Scenes
from takeover.run.scopes import Scopes
from takeover.run.subject import REPEAT, parameters_of
from takeover.run.sweep_items import Sweeps
from takeover.run.versions import UNSUPPORTED, check_known_failures, mark_by_version
from takeover.scenario.loader import Scenario

if TYPE_CHECKING:
    from takeover.run.sabotage import Sabotages


class Collection:
    """The hooks of a process that collects.

    Args:
        contents: until the collection's end, what the tests need deployed.
        sabotages: None without --sabotage.
        scopes: which tests go to the same worker.
        sweeps: None without --sweep.
    """

    def __init__(
        self,
        plan: Plan,
        scenes: Scenes,
        contents: Contents,
        sabotages: "Sabotages | None",
        scopes: Scopes,
        sweeps: Sweeps | None = None,
    ) -> None:
        self._plan = plan
        self._scenes = scenes
        self._contents = contents
        self._sabotages = sabotages
        self._scopes = scopes
        self._sweeps = sweeps

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Multiplies a test by the sabotages of its scenarios, then by the Envoys, whose names its id shows."""
        if self._sabotages is not None and "scene" in metafunc.fixturenames:
            self._sabotages.multiply(metafunc)
        if "envoy_release" in metafunc.fixturenames:
            names = list(self._plan.releases)
            metafunc.parametrize("envoy_release", names, ids=[f"envoy-{name}" for name in names], scope="session")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> Iterator[None]:
        """All that happens to the items, in order; in the middle pytest itself selects by -m, -k and --deselect."""
        scenario_mark.check(items)
        check_known_failures(session, items, self._plan)
        with _counted(session, items):
            add_probes(session, items, self._plan, self._scenes)
            if self._sweeps is not None:
                items[:] = self._sweeps.items(session)
            if self._sabotages is not None:
                self._sabotages.keep_fitting(items)
        if session.config.getoption("stepwise", False):  # it leaves out what comes before the test that failed last
            self._say_what_each_needs(items)

        yield

        if self._sabotages is not None:
            with _counted(session, items):
                self._sabotages.arrange(session, items)
        self._say_what_each_needs(items)
        mark_by_version(items, self._plan)
        if self._plan.role == "worker" and self._sabotages is None:
            self._scopes.put_long_ones_first(items)

    def _say_what_each_needs(self, items: list[pytest.Item]) -> None:
        """Reads every scenario before anything starts; puts the tests in the article's order, each repeat by itself.

        Of a file, those that share a deployment come one after the other, where the first of them stands: it is made
        once. With --sabotage, those that cost more come after the cheap ones of all files.

        Raises: pytest.UsageError for a scenario or an edit that is wrong.
        """
        places: dict[pytest.Item, tuple[str, str, str, int]] = {}
        first: dict[tuple[Path, DeploymentKey, tuple[bool, ...]], int] = {}
        for number, item in enumerate(items):
            release = parameters_of(item).get("envoy_release")  # none where a suite has a fixture `scene` of its own
            if KEY not in item.stash and release is not None and "scene" in getattr(item, "fixturenames", ()):
                before = self._sabotages.edits_before(item) if self._sabotages is not None else ()
                item.stash[KEY] = key_of(item, release, _repeat(item), before)
            key = item.stash.get(KEY, None)
            if key is None:
                places[item] = ("", "", "", 0)
                continue
            scenario = self._scenario_of(item, key)
            cost = cost_of(item) if self._sabotages is not None else ()
            place = first.setdefault((item.path, key, cost), number)
            places[item] = (key.release, scenario.article, scenario.name, place)
        releases = list(dict.fromkeys(release for release, *_ in places.values()))
        items.sort(key=lambda item: (_repeat(item), releases.index(places[item][0]), *places[item][1:]))

    def _scenario_of(self, item: pytest.Item, key: DeploymentKey) -> Scenario:
        """What the item needs deployed. Raises: pytest.UsageError."""
        with self._told_where(item, key, lambda _: None):
            return self._contents.of(key)

    def _check(self, items: list[pytest.Item]) -> None:
        """Lets the engine look at all that will be deployed: what it refuses need not be waited for.

        Raises: pytest.UsageError.
        """
        deployed = [each for each in items if KEY in each.stash]
        if not all(self._contents.has(each.stash[KEY]) for each in deployed):
            return  # one that cannot be read ends the run; pytest tells that collecting is over all the same
        if deployed:
            self._scenes.check_engine()
        first: dict[Content, pytest.Item] = {}
        for item in deployed:
            if not _may_be_left_out(item):
                first.setdefault(content_of(item.stash[KEY]), item)
        for item in first.values():
            with self._told_where(item, item.stash[KEY], self._scenes.check):
                self._scenes.check(self._contents.of(item.stash[KEY]))

    @contextlib.contextmanager
    def _told_where(self, item: pytest.Item, key: DeploymentKey, check: Callable[[Scenario], None]) -> Iterator[None]:
        """What is wrong with edits alone is told with the place of the test that makes them.

        Args:
            check: what fails for a scenario that is wrong without edits, too.
        """
        try:
            yield
        except BadInputError as error:
            told = str(error)
            with contextlib.suppress(BadInputError):
                check(self._plan.library.scenario(key.scenario, key.bases))
                told = f"{scenario_mark.place_of(item)}: with the edits of {item.name}: {error}"
            raise pytest.UsageError(told) from None

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Writes pages, where that is all; else what is there now stays until the end: it is no garbage."""
        if self._plan.docs is not None:
            try:
                docs.write(self._plan.docs, self._plan, session.items)
            except BadInputError as error:
                raise pytest.UsageError(str(error)) from None
        elif not session.config.option.collectonly:
            self._check(session.items)
        self._contents.clear()
        self._scopes.note(session.items)
        gc.freeze()


@contextlib.contextmanager
def _counted(session: pytest.Session, items: list[pytest.Item]) -> Iterator[None]:
    """Tells who counts tests of those that come and go within: pytest's count of what is left would be below zero."""
    before = list(items)
    yield
    known, left = set(before), set(items)
    added: list[pytest.Item | pytest.Collector] = [each for each in items if each not in known]
    if added:
        report = pytest.CollectReport(session.nodeid, "passed", None, added)
        session.config.hook.pytest_collectreport(report=report)
    if gone := [each for each in before if each not in left]:
        session.config.hook.pytest_deselected(items=gone)


def _may_be_left_out(item: pytest.Item) -> bool:
    """Whether the item may never ask for its deployment."""
    return UNSUPPORTED in item.stash or any(item.iter_markers("skip")) or any(item.iter_markers("skipif"))


def _repeat(item: pytest.Item) -> int:
    """Which repeat the test is part of, with pytest-repeat's --count."""
    return int(parameters_of(item).get(REPEAT) or 0)
