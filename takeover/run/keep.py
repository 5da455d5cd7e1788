"""`--keep`: after the tests, the scenarios stay until Ctrl-C."""

import signal
from collections.abc import Generator

import pytest

from takeover.base.errors import TakeoverError
from takeover.compare.reproduce import variable
from takeover.engines.contract import ClusterEngine, Pod
from takeover.run.scene_pool import ScenePool


class Keep:
    """The hook of a run that holds them."""

    def __init__(self, pool: ScenePool, reporter: pytest.TerminalReporter) -> None:
        self._pool = pool
        self._reporter = reporter

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Generator[None, None, None]:
        """Holds after the summary, outside of all other hooks of the session's end."""
        yield
        self._pool.drop_current()
        if not self._pool.held:
            return
        signal.signal(signal.SIGINT, signal.default_int_handler)  # after a Ctrl-C that ended the tests, too
        try:
            _show(self._pool, self._reporter)
            signal.pause()
        except KeyboardInterrupt:
            self._reporter.write_line("removing them")


def _show(pool: ScenePool, reporter: pytest.TerminalReporter) -> None:
    reporter.section("kept until Ctrl-C")
    for (scenario, release), scene in pool.held.items():
        reporter.write_line(f"{scenario} on Envoy {release}")
        for pod_name, pod in scene.deployment.pods.items():
            reporter.write_line(f"  {variable(pod_name)}={pod.ip}")  # as a shell takes it
            for container in pod.containers:
                reporter.write_line(f"  {pod_name}/{container}: {_how_to_enter(pod, container)}")
    if isinstance(pool.engine, ClusterEngine):
        reporter.write_line(f"should this process die: {pool.engine.how_to_delete()}")


def _how_to_enter(pod: Pod, container: str) -> str:
    try:
        return pod.how_to_enter(container)
    except TakeoverError as error:  # a test may have ended it
        return f"({error})"
