"""The deployed scenario that a test asks for: `scene`, as its mark says.

`@pytest.mark.scenario(NAME, *EDITS)`: the tests around it with the same scenario and edits share one deployment.
`@pytest.mark.scenario(NAME, *EDITS, fresh=True)`: this test gets a deployment of its own.
"""

from collections.abc import Generator, Iterator
from typing import Any

import pytest

from takeover.base.errors import BadInputError, DeploymentError, TakeoverError
from takeover.run.run import RUN, Need
from takeover.scenario.edits import Edit
from takeover.scenario.loader import Scenario
from takeover.scene import Scene

SCENE: pytest.StashKey[Scene] = pytest.StashKey()
"""The scene that a test used: what its failure is told from."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs every test that uses Envoy once for each release, whose name the test's id shows."""
    if "envoy_release" in metafunc.fixturenames:
        releases = list(metafunc.config.stash[RUN].releases)
        metafunc.parametrize("envoy_release", releases, ids=[f"envoy-{name}" for name in releases], scope="session")


NEED: pytest.StashKey[Need] = pytest.StashKey()

EDITS_BEFORE: pytest.StashKey[tuple[Edit, ...]] = pytest.StashKey()
"""Edits of the scenario that come before those of the test's mark."""

ON_DEMAND: pytest.StashKey[bool] = pytest.StashKey()
"""Whether the test's deployment is not to be made ahead, because the test may be left out."""

SCOPE: pytest.StashKey[str] = pytest.StashKey()
"""With xdist: tests of the same scope go to the same worker, one after the other; see `takeover.run.workers`."""

NOT_DEPLOYED: pytest.StashKey[str] = pytest.StashKey()
"""Why the test's scenario did not come up."""


def _marker(item: pytest.Item) -> pytest.Mark:
    marker = item.get_closest_marker("scenario")
    if marker is None or not marker.args:
        raise pytest.UsageError(f"{item.nodeid}: say which scenario it is for: @pytest.mark.scenario(NAME)")
    return marker


def scenario_of(item: pytest.Item) -> tuple[str, tuple[Edit, ...]]:
    """The scenario that the test's mark names, and the mark's edits."""
    name, *edits = _marker(item).args
    return name, tuple(edits)


def is_fresh(item: pytest.Item) -> bool:
    """Whether the test gets a deployment of its own."""
    return bool(_marker(item).kwargs.get("fresh"))


def _need_of(item: pytest.Item) -> Need | None:
    if "scene" not in getattr(item, "fixturenames", ()):
        return None
    name, own_edits = scenario_of(item)
    edits = (*item.stash.get(EDITS_BEFORE, ()), *own_edits)
    release = parameters_of(item)["envoy_release"]
    return Need(name, edits, repr(edits), release, _repeat(item), item.nodeid if is_fresh(item) else "")


def parameters_of(item: pytest.Item) -> dict[str, Any]:
    """What the test is parametrized with."""
    return item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}


def _repeat(item: pytest.Item) -> int:
    """Which repeat the test is part of, with pytest-repeat's --count."""
    return int(parameters_of(item).get("__pytest_repeat_step_number") or 0)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Checks every scenario before anything starts; puts the tests in the article's order, each repeat by itself."""
    yield
    places = {}
    checked: dict[tuple[str, tuple[str, ...], str], Scenario] = {}  # the same for every Envoy
    for item in items:
        need = item.stash.get(NEED, None) or _need_of(item)
        if need is None:
            places[item] = ("", "", "")
            continue
        key = (need.scenario, need.parts, need.edits_text)
        try:
            scenario = checked.get(key) or Scenario.named(need.scenario, need.parts).edited(need.edits)
        except BadInputError as error:
            raise pytest.UsageError(str(error)) from None
        checked[key] = scenario
        item.stash[NEED] = need
        places[item] = (need.release, scenario.article, scenario.name)
    releases = list(dict.fromkeys(release for release, _, _ in places.values()))
    items.sort(key=lambda item: (_repeat(item), releases.index(places[item][0]), *places[item][1:]))


def pytest_sessionstart(session: pytest.Session) -> None:
    """With xdist the controller checks the machine, once, before its workers begin."""
    if session.config.getoption("numprocesses", None):
        _check_engine(session.config)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Checks the machine before the first test, if any test needs it."""
    if not session.config.option.collectonly and any(NEED in item.stash for item in session.items):
        _check_engine(session.config)


def _check_engine(config: pytest.Config) -> None:
    try:
        _ = config.stash[RUN].engine
    except TakeoverError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """While a test runs, the deployments of the next ones are made. Its own is forgotten with it: items stay."""
    item.config.stash[RUN].expect(_needs_from(item, nextitem))
    try:
        return (yield)
    finally:
        if SCENE in item.stash:
            del item.stash[SCENE]


def _needs_from(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[Need]:
    """What this test and those after it need, as far as whoever asks wants to look ahead."""
    items = item.session.items
    known = items[items.index(item) :]
    if hasattr(item.config, "workerinput"):
        # A worker of xdist is told of one test at a time, but what is deployed for another worker's test is in the way.
        scope = item.stash.get(SCOPE, None)
        of_scope = [each for each in known if scope is not None and each.stash[SCOPE] == scope]
        known = [item, *of_scope, *([nextitem] if nextitem else [])]
    return (each.stash[NEED] for each in known if NEED in each.stash and not each.stash.get(ON_DEMAND, False))


def deployed(item: pytest.Item) -> Scene:
    """The scene that the item needs. Where it does not come up, the item fails and its report has what was logged."""
    try:
        scene = item.config.stash[RUN].scene(item.stash[NEED])
    except BadInputError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
    except DeploymentError as error:
        item.stash[NOT_DEPLOYED] = str(error)
        for title, text in error.details.items():
            item.add_report_section("setup", title, text)
        pytest.fail(str(error), pytrace=False)
    scene.watched_blocks.clear()
    scene.measurements.clear()
    item.stash[SCENE] = scene
    return scene


@pytest.fixture
def scene(request: pytest.FixtureRequest, envoy_release: str) -> Scene:
    """The test's scenario, deployed on that Envoy release."""
    assert request.node.stash[NEED].release == envoy_release
    return deployed(request.node)
