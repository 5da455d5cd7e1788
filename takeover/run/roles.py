"""What a process is in its run, and by which options there are several."""

from typing import Literal

import pytest

Role = Literal["alone", "controller", "worker"]
"""Of a process in its run: the only one, the one to which xdist's workers report, such a worker."""

OURS = "load"
"""--dist, as -n sets it: what goes together stays together, as `takeover.run.scopes` says."""


def role_of(config: pytest.Config) -> Role:
    """The role of this process."""
    if hasattr(config, "workerinput"):
        return "worker"
    return "controller" if dist_of(config) != "no" and not config.option.collectonly else "alone"


def dist_of(config: pytest.Config) -> str:
    """How xdist shares tests out, "no" where there is one process; so it is in a worker, too."""
    dist: str = config.getoption("dist", "no")
    return dist


def shared_out_by(config: pytest.Config) -> list[str]:
    """The options because of which workers run the tests: -n, or what it stands for."""
    if config.getoption("numprocesses", None):
        return ["-n"]
    return ["--dist", "--tx"] if role_of(config) == "controller" else []
