"""A command that writes without end ends by a bound, not by the memory of this machine."""

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay

from takeover.base.errors import TakeoverError
from takeover.engines.conformance.contract import single
from takeover.engines.contract import Engine
from takeover.model.release import Release


def test_a_command_that_writes_without_end(engine: Engine, envoy: Release) -> None:
    deployment = engine.deploy(single([]), envoy)
    try:
        main = deployment.pod("app").container("main")

        with pytest.raises(TakeoverError, match="a command wrote more than 67108864 bytes, and was ended"):
            main.exec(["yes"], timeout=600)

        assert main.exec(["echo", "fine"]).stdout == b"fine\n"
        running = ["sh", "-c", "cat /proc/[0-9]*/comm 2>/dev/null; true"]
        waiting = Retrying(retry=retry_if_result(lambda found: b"yes\n" in found.stdout), stop=stop_after_delay(60))
        waiting(main.exec, running)
    finally:
        deployment.delete()
