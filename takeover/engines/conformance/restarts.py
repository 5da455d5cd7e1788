"""What every engine must do where a container ends: what is told, what is forgiven, whose log is whose."""

import contextlib
import operator

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from takeover.base.errors import TakeoverError
from takeover.engines.conformance.contract import Contract, crew_scenario, single
from takeover.engines.contract import Container, Engine
from takeover.model.execution import ContainerEnd
from takeover.model.release import Release
from takeover.scenario.edits import add, replace

_MAIN = "$.spec.containers[0]"
_TRAPS = ["sh", "-c", "trap 'echo last words; exit 7' TERM; echo here; sleep infinity & wait"]
_ENDS_ONCE = """
if [ -e /kept/first ]; then echo second; touch /kept/second; exec sleep infinity; fi
touch /kept/first
echo first: what I need is not there yet
exit 3
"""


def _told(container: Container, number: int) -> ContainerEnd:
    """How it ended for the `number`th time, once that is told."""
    waiting = Retrying(retry=retry_if_result(operator.not_), stop=stop_after_delay(60))
    told = waiting(lambda: (found := container.ended()) and found.number == number and found)
    assert isinstance(told, ContainerEnd)
    return told


def end(container: Container) -> None:
    """Ends one whose shell traps SIGTERM and waits for a child, as soon as it does so and takes commands."""

    def runs() -> bool:
        try:
            return container.exec(["sh", "-c", 'test -n "$(cat /proc/1/task/1/children)"']).exit_code == 0
        except TakeoverError:
            return False

    Retrying(retry=retry_if_result(operator.not_), stop=stop_after_delay(60))(runs)
    with contextlib.suppress(TakeoverError):  # the command may end with the container, and be told as lost
        container.exec(["sh", "-c", "kill -TERM 1"])


class Restarts(Contract):
    """Containers that end, and are started again."""

    @pytest.mark.parametrize(("policy", "number"), [("Never", 1), ("Always", 2)])
    def test_how_a_container_ended_is_told_also_where_it_was_started_again(
        self, engine: Engine, envoy: Release, policy: str, number: int
    ) -> None:
        edits = [replace("Pod/app", f"{_MAIN}.command", _TRAPS), replace("Pod/app", "$.spec.restartPolicy", policy)]
        deployment = engine.deploy(single(edits), envoy)
        try:
            main = deployment.pod("app").container("main")
            assert main.ended() is None
            for each in range(1, number + 1):
                end(main)
                told = _told(main, each)
                assert (told.exit_code, told.number) == (7, each)
                assert told.log == "here\nlast words\n"
        finally:
            deployment.delete()

    def test_a_container_may_end_once_before_it_is_ready_and_has_a_new_log_then(
        self, engine: Engine, envoy: Release
    ) -> None:
        probe = {"exec": {"command": ["sh", "-c", "test -e /kept/second"]}, "periodSeconds": 1}
        edits = [
            replace("Pod/app", "$.spec.restartPolicy", "Always"),
            replace("Pod/app", f"{_MAIN}.command", ["sh", "-c", _ENDS_ONCE]),
            replace("Pod/app", f"{_MAIN}.readinessProbe", probe),
            add("Pod/app", "$.spec", "volumes", [{"name": "kept", "emptyDir": {}}]),
            add("Pod/app", _MAIN, "volumeMounts", [{"name": "kept", "mountPath": "/kept"}]),
        ]
        deployment = engine.deploy(single(edits), envoy)
        try:
            main = deployment.pod("app").container("main")
            assert main.ended() == ContainerEnd(3, 1, "first: what I need is not there yet\n")
            assert main.logs() == "second\n"
            assert main.followed_logs() == "second\n"
        finally:
            deployment.delete()

    def test_a_log_that_is_followed_is_that_of_what_runs_now(self, engine: Engine, envoy: Release) -> None:
        edits = [replace("Pod/app", f"{_MAIN}.command", _TRAPS), replace("Pod/app", "$.spec.restartPolicy", "Always")]
        deployment = engine.deploy(single(edits), envoy)
        try:
            main = deployment.pod("app").container("main")
            assert main.exec(["sh", "-c", "seq 100 > /proc/1/fd/1"]).exit_code == 0
            wait = Retrying(retry=retry_if_result(operator.not_), stop=stop_after_delay(60), wait=wait_fixed(0.05))
            wait(lambda: "100\n" in main.followed_logs())
            end(main)
            _told(main, 1)
            seen: list[str] = []

            def is_new() -> bool:
                seen.append(main.followed_logs())
                return seen[-10:] == ["here\n"] * 10

            wait(is_new)
            assert set(seen[seen.index("here\n") :]) == {"here\n"}
        finally:
            deployment.delete()

    def test_what_a_container_did_before_is_no_failure_of_what_is_made_later(
        self, engine: Engine, envoy: Release
    ) -> None:
        edits = [replace("Pod/client", f"{_MAIN}.command", _TRAPS)]
        deployment = engine.deploy(crew_scenario().edited(edits), envoy)
        try:
            main = deployment.pod("client").container("main")
            for each in (1, 2):
                end(main)
                _told(main, each)
            deployment.scale("web", 3)
            assert "web-2" in deployment.pods
        finally:
            deployment.delete()
