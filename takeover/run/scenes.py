"""The deployed scenario that a test asks for: the fixture `scene`, and what becomes of one that does not come up."""

import itertools
from collections.abc import Iterable, Iterator

import pytest

from takeover.base.errors import BadInputError, DeploymentError, TakeoverError
from takeover.engines.contract import CheckingEngine
from takeover.run.deployment_key import KEY, LONG, ON_DEMAND, DeploymentKey
from takeover.run.early_end import stop
from takeover.run.scene_pool import ScenePool
from takeover.run.scopes import SCOPE
from takeover.scenario.loader import Scenario
from takeover.scene import Scene
from takeover.scene.diagnostics import end_of_log

_NEAR = 40
"""Tests: what one that is further off needs is not begun yet, or repeated tests have many Envoys wait, which costs."""

SCENE: pytest.StashKey[Scene] = pytest.StashKey()
"""The scene that a test uses, while it runs: what its failure is told from."""

NOT_DEPLOYED: pytest.StashKey[str] = pytest.StashKey()
"""Why the test's scenario did not come up."""

LOGS: pytest.StashKey[dict[str, str]] = pytest.StashKey()
"""On the first test whose deployment did not come up: title → all that was logged there."""


class Scenes:
    """Gives items their scenes, from the pool.

    Args:
        pool: where they are.
        most_ahead: how many deployments more than the next one are begun at most; None: as many as the engine wants.
    """

    def __init__(self, pool: ScenePool, most_ahead: int | None = None) -> None:
        self._pool = pool
        self._most = None if most_ahead is None else most_ahead + 1
        self._failed: set[DeploymentKey] = set()

    @pytest.fixture
    def scene(self, request: pytest.FixtureRequest, envoy_release: str) -> Scene:
        """The test's scenario, deployed on that Envoy release."""
        assert request.node.stash[KEY].release == envoy_release
        return self.deployed(request.node)

    def deployed(self, item: pytest.Item) -> Scene:
        """The item's scene. Where it does not come up, the item fails by one line.

        The first one of those that share it shows the end of what was logged, too.
        """
        key = item.stash[KEY]
        try:
            scene = self._pool.scene(key)
        except BadInputError as error:
            stop(str(error))
        except DeploymentError as error:
            item.stash[NOT_DEPLOYED] = str(error)
            if key not in self._failed:
                self._failed.add(key)
                item.stash[LOGS] = error.details
                for title, text in error.details.items():
                    if shown := end_of_log(text):
                        item.add_report_section("setup", title, shown)
            raise pytest.fail.Exception(str(error), pytrace=False) from None
        scene.watched_blocks.clear()
        scene.measurements.clear()
        item.stash[SCENE] = scene
        return scene

    def prefetch(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        """Begins the deployments of the item and of those after it."""
        self._pool.prefetch(itertools.islice(_each_once(_keys_from(item, nextitem)), self._most))

    def forget(self, item: pytest.Item) -> None:
        """The item has ended: items stay until the end of the run, and need not hold their scenes."""
        if SCENE in item.stash:
            del item.stash[SCENE]

    def discard(self) -> None:
        """What is deployed is of no use any more: the next test gets another deployment."""
        self._pool.discard_current()

    def check_engine(self) -> None:
        """Checks the machine before the first test. Raises: pytest.UsageError for what it or the options lack."""
        try:
            _ = self._pool.engine
        except TakeoverError as error:
            raise pytest.UsageError(str(error)) from None

    def check(self, scenario: Scenario) -> None:
        """Lets the engine look at what will be deployed, if it can. Raises: BadInputError."""
        engine = self._pool.engine
        if isinstance(engine, CheckingEngine):
            engine.check(scenario)


def _each_once(keys: Iterable[DeploymentKey]) -> Iterator[DeploymentKey]:
    known = set[DeploymentKey]()
    for key in keys:
        if key not in known:
            known.add(key)
            yield key


def _keys_from(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[DeploymentKey]:
    """What this test and those after it need, as far as whoever asks wants to look ahead."""
    items = item.session.items
    after: Iterator[pytest.Item] = itertools.islice(items, items.index(item), None)
    if hasattr(item.config, "workerinput"):
        # A worker of xdist is told of one test at a time, but what is deployed for another worker's test is in the way.
        scope = item.stash.get(SCOPE, None)
        of_scope = (each for each in after if scope is not None and each.stash[SCOPE] == scope)
        near = [item, *itertools.islice(of_scope, _NEAR), *([nextitem] if nextitem else [])]
        near = [each for each in near if not each.stash.get(LONG, False)]
    else:
        near = list(itertools.islice(after, _NEAR))
    return (each.stash[KEY] for each in near if KEY in each.stash and not each.stash.get(ON_DEMAND, False))
