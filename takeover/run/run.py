"""The state of one run (in one process): its Envoy releases, its engine, the scenes that are deployed."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import pytest

from takeover.base.errors import TakeoverError
from takeover.engines.contract import Engine
from takeover.model.release import Release
from takeover.scenario.edits import Edit
from takeover.scene import Scene


@dataclass(frozen=True)
class Need:
    """The deployment that a test needs. Tests with equal needs share one.

    Args:
        edits_text: what tells one set of edits from another (their values cannot be hashed).
        repeat: which of the run's repeats it is for: each deploys anew.
        only_for: the test that wants a deployment of its own, empty for one that is shared.
        parts: what is deployed beside the scenario (folders of manifests/parts).
    """

    scenario: str
    edits: tuple[Edit, ...] = field(compare=False)
    edits_text: str
    release: str
    repeat: int
    only_for: str
    parts: tuple[str, ...] = ()


class Run:
    """Deploys what tests need: one scene is there for the tests that share it, the next ones are made meanwhile."""

    def __init__(
        self,
        make_engine: Callable[[], Engine],
        releases: Sequence[Release],
        keep: bool,
    ) -> None:
        self.releases = {each.name: each for each in releases}
        self._make_engine = make_engine
        self._made: tuple[Engine, ThreadPoolExecutor] | None = None
        self._keep = keep
        self._ahead: dict[Need, Future[Scene]] = {}
        self._current: tuple[Need, Scene] | None = None
        self._failed: dict[Need, TakeoverError] = {}
        self.held: dict[tuple[str, str], Scene] = {}

    @property
    def engine(self) -> Engine:
        """The engine, made when it is first asked for.

        Raises: BadInputError for what this machine or the options lack.
        """
        return self._engine_and_deployer()[0]

    def _engine_and_deployer(self) -> tuple[Engine, ThreadPoolExecutor]:
        if self._made is None:
            engine = self._make_engine()
            self._made = engine, ThreadPoolExecutor(engine.concurrency.at_once, "deploy")
        return self._made

    def scene(self, need: Need) -> Scene:
        """The deployment for that need; the one before goes, if it was for another.

        Raises: what deploying it raised.
        """
        if self._current is None or self._current[0] != need:
            self.drop_current()
            if need in self._failed:  # every test that shares it would wait for the same failure again
                raise self._failed[need]
            self._begin(need)
            wait([self._ahead[need]])  # a Ctrl-C that comes here leaves it among what is to be removed
            try:
                self._current = (need, self._ahead.pop(need).result())
            except TakeoverError as error:
                self._failed[need] = error
                raise
        return self._current[1]

    def expect(self, needs: Iterable[Need]) -> None:
        """Begins to deploy what is needed next, in that order."""
        for need in needs:
            if len(self._ahead) >= self.engine.concurrency.ahead:
                return
            if self._current is None or self._current[0] != need:
                self._begin(need)

    def _begin(self, need: Need) -> None:
        if need not in self._ahead and need not in self._failed:
            release = self.releases[need.release]
            engine, deployer = self._engine_and_deployer()
            self._ahead[need] = deployer.submit(Scene.deploy, engine, release, need.scenario, need.edits, need.parts)

    def drop_current(self) -> None:
        """Removes the scene that is there; with --keep, the last one of each scenario and release is held."""
        if self._current is None:
            return
        need, scene = self._current
        over: Scene | None = scene
        if self._keep:
            key = (need.scenario, need.release)
            over, self.held[key] = self.held.get(key), scene
        if over is not None:
            over.close()
        self._current = None  # only now: a Ctrl-C leaves it among what is to be removed

    def close(self) -> None:
        """Removes everything."""
        if self._made is not None:
            self._made[1].shutdown(cancel_futures=True)
        made_ahead = [each.result() for each in self._ahead.values() if not each.cancelled() and not each.exception()]
        if self._current is not None:
            made_ahead.append(self._current[1])
        for scene in (*made_ahead, *self.held.values()):
            scene.close()
        self._ahead.clear()
        self.held.clear()
        self._current = None
        if self._made is not None:
            self._made[0].close()
            self._made = None


RUN: pytest.StashKey[Run] = pytest.StashKey()
