"""`--keep`: after the tests, the scenarios stay until Ctrl-C."""

import shlex
import signal
import time
from collections.abc import Generator

import pytest

from takeover.base.errors import TakeoverError
from takeover.compare.reproduce import variable
from takeover.engines.contract import ClusterEngine, Deployment, Pod
from takeover.run import terminal
from takeover.run.scene_pool import ScenePool
from takeover.scenario.try_lines import TryLine

_BETWEEN = 1.0
"""Seconds after which a Ctrl-C that Python heard of too late to be woken is obeyed."""


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
            while True:  # signal.pause() never hears of a Ctrl-C that comes just before it
                time.sleep(_BETWEEN)
        except KeyboardInterrupt:
            terminal.write(self._reporter, "removing them")


def _show(pool: ScenePool, reporter: pytest.TerminalReporter) -> None:
    reporter.section("kept until Ctrl-C")
    for (scenario, release), (key, scene) in pool.held.items():
        terminal.write(reporter, f"{scenario} on Envoy {release}")
        for pod_name, pod in scene.deployment.pods.items():
            terminal.write(reporter, f"  {variable(pod_name)}={pod.ip}")  # as a shell takes it
            for container in pod.containers:
                terminal.write(reporter, f"  {pod_name}/{container}: {_how_to_enter(pod, container)}")
        if scene.deployment.scenario.try_lines:
            changed = "; a test changed it, and it may show something else" if key.is_changed else ""
            terminal.write(reporter, f"  what its suite proves, by hand{changed}:")
        for line in scene.deployment.scenario.try_lines:
            terminal.write(reporter, f"    {how_to_try(scene.deployment, line)}")
            terminal.write(reporter, f"      shows: {line.shows}")
    if isinstance(pool.engine, ClusterEngine):
        terminal.write(reporter, f"should this process die: {pool.engine.how_to_delete()}")
    reporter.flush()  # into a file or a pipe, too, of which nobody sees the end before Ctrl-C


def how_to_try(deployment: Deployment, line: TryLine) -> str:
    """The shell command with which a person runs that line in the deployment."""

    def address(pod: str) -> str:
        return deployment.pod(pod).ip

    command = line.with_values(deployment.host_name, deployment.service_ip, address)
    return f"{_how_to_enter(deployment.pod(line.pod), line.container)} -c {shlex.quote(command)}"


def _how_to_enter(pod: Pod, container: str) -> str:
    try:
        return pod.how_to_enter(container)
    except TakeoverError as error:  # a test may have ended it
        return f"({error})"
