"""`--keep`: after the tests, the scenarios stay until Ctrl-C."""

import signal
from collections.abc import Generator

import pytest

from takeover.base.errors import TakeoverError
from takeover.compare.reproduce import variable
from takeover.engines.contract import ClusterEngine, Pod
from takeover.run.run import RUN, Run


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    """Holds after the summary, outside of all other hooks of the session's end."""
    yield
    run = session.config.stash.get(RUN, None)
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if run is None or not session.config.option.keep or reporter is None:
        return
    run.drop_current()
    if not run.held:
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)  # after a Ctrl-C that ended the tests, too
    try:
        _show(run, reporter)
        signal.pause()
    except KeyboardInterrupt:
        reporter.write_line("removing them")


def _show(run: Run, reporter: pytest.TerminalReporter) -> None:
    reporter.section("kept until Ctrl-C")
    for (scenario, release), scene in run.held.items():
        reporter.write_line(f"{scenario} on Envoy {release}")
        for pod_name, pod in scene.deployment.pods.items():
            reporter.write_line(f"  {variable(pod_name)}={pod.ip}")  # as a shell takes it
            for container in pod.containers:
                if container != "init":
                    reporter.write_line(f"  {pod_name}/{container}: {_how_to_enter(pod, container)}")
    if isinstance(run.engine, ClusterEngine):
        reporter.write_line(f"should this process die: {run.engine.how_to_delete()}")


def _how_to_enter(pod: Pod, container: str) -> str:
    try:
        return pod.how_to_enter(container)
    except TakeoverError as error:  # a test may have ended it
        return f"({error})"
