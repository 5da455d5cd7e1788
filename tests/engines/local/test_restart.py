"""A Pod that is made again is another one: nothing of what stood in the old one's place is left."""

import contextlib

import pytest

from takeover.engines.conformance.contract import workshop_scenario
from takeover.engines.contract import Engine
from takeover.model.release import Release


def test_connections_come_from_the_pod_that_there_is_now(engine: Engine, envoy: Release) -> None:
    if engine.name != "local":
        pytest.skip("of the local engine")
    deployment = engine.deploy(workshop_scenario(), envoy)
    try:
        seen = []
        for _ in range(2):
            pod = deployment.pod("tools")
            for stream in (pod.container("main").connect(pod.ip, 8080), pod.forward(8080)):
                with contextlib.closing(stream):
                    seen.append((stream.local_address[0], pod.ip))
            pod.restart()
        (first, one), _, (second, other), _ = seen
        assert one != other
        assert (first, second) == (one, other)
    finally:
        deployment.delete()
