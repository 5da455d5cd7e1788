"""No packet leaves by this machine's interfaces, whatever a run with the local engine does."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from takeover.envoy.pypi import installed
from takeover.node import host
from tests.run.outside import ROOT, command

IN_WATCHED_NETWORK = [sys.executable, str(Path(__file__).with_name("in_watched_network.py"))]


@pytest.mark.skipif(not host.is_root(), reason="a network of one's own, in which a run is the same, needs root")
@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--probes", "-m", "probes and not atlas", "-k", "facts", "--envoy", "ENVOY"], id="inventory"),
        pytest.param(["-k", "weights", "--probes", "-n2", "--envoy", "a=ENVOY,b=ENVOY"], id="two Envoys compared"),
        pytest.param(["-k", "weights", "-n0", "--sabotage=gateway-weights/v2-*", "--envoy", "ENVOY"], id="sabotages"),
    ],
)
def test_no_packet_leaves_this_machine(options: list[str], tmp_path: Path) -> None:
    binary = tmp_path / "envoy"
    shutil.copy2(installed()[1], binary)  # one of which nothing is known: it has to be asked what it is
    arguments = [each.replace("ENVOY", str(binary)) for each in options]
    ended = subprocess.run(
        ["unshare", "--net", "--mount", *IN_WATCHED_NETWORK, *command("suites", *arguments)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    told = json.loads(ended.stdout)

    assert told["code"] in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED), ended.stderr
    assert told["sent"] == []
    assert told["noticed"] == 1
