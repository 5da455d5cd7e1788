"""A readiness probe keeps nobody but itself waiting."""

from takeover.engines.conformance.contract import single
from takeover.engines.contract import Engine
from takeover.model.release import Release
from takeover.scenario.edits import replace


def test_what_a_command_leaves_behind_is_not_waited_for(engine: Engine, envoy: Release) -> None:
    # It holds the command's output open.
    command = ["sh", "-c", "sleep 600 & echo fine; exit 0"]
    edits = [replace("Pod/app", "$.spec.containers[0].readinessProbe.exec.command", command)]

    deployment = engine.deploy(single(edits), envoy)
    try:
        assert deployment.pod("app").container("main").exec(["true"]).exit_code == 0
    finally:
        deployment.delete()


def test_of_one_that_writes_much_a_part_is_told(engine: Engine, envoy: Release) -> None:
    edits = [
        replace("Pod/app", "$.spec.containers[0].readinessProbe.exec.command", ["sh", "-c", "yes | head -c 30000"])
    ]

    deployment = engine.deploy(single(edits), envoy)
    deployment.delete()
