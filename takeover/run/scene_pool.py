"""The scenes of one process of a run: one is there for the tests that share it, the next ones are made meanwhile."""

import contextlib
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from takeover.base.errors import LostError, NotRemovedError, TakeoverError
from takeover.engines.contract import Engine, RemoteDeployment
from takeover.run.deployment_key import DeploymentKey
from takeover.scene import Scene

Deploy = Callable[[Engine, DeploymentKey], Scene]


class ScenePool:
    """Deploys what tests need.

    Args:
        make_engine: makes the engine, when it is first needed.
        deploy: makes the scene of a key.
        keep: whether one scene of each scenario and Envoy is held until the end: the last one that no test changed, or
            else the last one.
    """

    def __init__(self, make_engine: Callable[[], Engine], deploy: Deploy, keep: bool) -> None:
        self._make_engine = make_engine
        self._deploy = deploy
        self._made: tuple[Engine, ThreadPoolExecutor] | None = None
        self._keep = keep
        self._ahead: dict[DeploymentKey, Future[Scene]] = {}
        self._current: tuple[DeploymentKey, Scene] | None = None
        self._failed: dict[DeploymentKey, TakeoverError] = {}
        self._left: list[TakeoverError | OSError] = []
        self.held: dict[tuple[str, str], tuple[DeploymentKey, Scene]] = {}
        """With `keep`: (scenario, Envoy) → the scene that is held."""

    @property
    def engine(self) -> Engine:
        """The engine, made when it is first asked for.

        Raises: BadInputError for what this machine or the options lack.
        """
        return self._engine_and_deployer()[0]

    @property
    def made_engine(self) -> Engine | None:
        """The engine, if it was made."""
        return self._made[0] if self._made is not None else None

    def _engine_and_deployer(self) -> tuple[Engine, ThreadPoolExecutor]:
        if self._made is None:
            engine = self._make_engine()
            self._made = engine, ThreadPoolExecutor(engine.concurrency.at_once, "deploy")
        return self._made

    def scene(self, key: DeploymentKey) -> Scene:
        """The deployment of that key; the one before goes, if it was another.

        Raises: what deploying it raised.
        """
        if self._current is not None and _is_lost(self._current[1]):
            self.discard_current()
        if self._current is None or self._current[0] != key:
            self.drop_current()
            if key in self._failed:  # every test that shares it would wait for the same failure again
                raise self._failed[key]
            self._current = (key, self._deployed(key))
            if _is_lost(self._current[1]):  # while others were tested
                self.discard_current()
                self._current = (key, self._deployed(key))
        return self._current[1]

    def _deployed(self, key: DeploymentKey) -> Scene:
        self._begin(key)
        wait([self._ahead[key]])  # a Ctrl-C that comes here leaves it among what is to be removed
        try:
            return self._ahead.pop(key).result()
        except LostError:  # the next test may find all well again
            raise
        except TakeoverError as error:
            self._failed[key] = error
            raise

    def prefetch(self, keys: Iterable[DeploymentKey]) -> None:
        """Begins to deploy what is needed next, in that order, as far ahead as the engine wants."""
        for key in keys:
            if len(self._ahead) >= self.engine.concurrency.ahead:
                return
            if self._current is None or self._current[0] != key:
                self._begin(key)

    def _begin(self, key: DeploymentKey) -> None:
        if key not in self._ahead and key not in self._failed:
            engine, deployer = self._engine_and_deployer()
            self._ahead[key] = deployer.submit(self._deploy, engine, key)

    def drop_current(self) -> None:
        """Removes the scene that is there; with `keep`, it may be held in the place of the one before."""
        if self._current is None:
            return
        key, scene = self._current
        over: Scene | None = scene
        if self._keep:
            place = (key.scenario, key.release)
            before = self.held.get(place)
            if before is None or before[0].is_changed or not key.is_changed:
                over, self.held[place] = before[1] if before is not None else None, (key, scene)
        if over is not None:
            self._close(over.close)
        self._current = None  # only now: a Ctrl-C leaves it among what is to be removed

    def discard_current(self) -> None:
        """Removes the scene that is there, which was lost; what cannot be removed now goes with the engine."""
        if self._current is None:
            return
        scene, self._current = self._current[1], None
        with contextlib.suppress(TakeoverError):
            scene.close()

    def close(self) -> None:
        """Removes everything, also where some of it cannot be removed.

        Raises: TakeoverError that tells all that failed, of scenes that went before, too: no test was to blame for it;
            a NotRemovedError where that is all.
        """
        if self._made is not None:
            self._made[1].shutdown(cancel_futures=True)
        scenes = [each.result() for each in self._ahead.values() if not each.cancelled() and not each.exception()]
        if self._current is not None:
            scenes.append(self._current[1])
        with contextlib.ExitStack() as closing:  # the last one first, whatever any of them raises
            if self._made is not None:
                closing.callback(self._close, self._made[0].close)
            for scene in (*(each for _, each in self.held.values()), *scenes):
                closing.callback(self._close, scene.close)
            self._ahead.clear()
            self.held.clear()
            self._current = self._made = None
        if self._left:
            left, self._left = self._left, []
            of_others = all(isinstance(each, NotRemovedError) for each in left)
            why = "; ".join(dict.fromkeys(str(each) or type(each).__name__ for each in left))
            raise (NotRemovedError if of_others else TakeoverError)(why)

    def _close(self, close: Callable[[], None]) -> None:
        try:
            close()
        except (TakeoverError, OSError) as error:
            self._left.append(error)


def _is_lost(scene: Scene) -> bool:
    """Whether it is known that something took away what is deployed."""
    deployment = scene.deployment
    return isinstance(deployment, RemoteDeployment) and deployment.loss() is not None
