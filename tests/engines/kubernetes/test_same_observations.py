"""What probes observe of one Envoy is the same on both engines: on a real cluster."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from takeover.compare.observations import observation_changes
from takeover.model.document import Document, ProbeResult
from tests.engines.kubernetes.real_cluster import CONTEXT, RELEASE, needed
from tests.run.outside import ROOT

pytestmark = needed


def observed(folder: Path, scenario: str, *engine: str) -> dict[str, ProbeResult]:
    options = ["--probes", "-m", "probes", "-k", f"{scenario} and not facts", "-n0", f"--reports={folder}", *engine]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "suites", *options]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stdout
    data = (folder / f"latest/results/{RELEASE.name}.json").read_bytes()
    return {each.probe: each for each in msgspec.json.decode(data, type=Document).probes}


# Its answers hold the addresses of Pods; the other's requests go to a Service's.
@pytest.mark.parametrize("scenario", ["outbound-allow-all", "outbound-mesh-service"])
def test_what_probes_observe_is_the_same(tmp_path: Path, scenario: str) -> None:
    local = observed(tmp_path / "local", scenario, "--engine=local")
    on_cluster = observed(tmp_path / "cluster", scenario, "--engine=kubernetes", f"--kube-context={CONTEXT}")

    assert local
    assert on_cluster.keys() == local.keys()
    differing = [name for name, each in on_cluster.items() if each != local[name]]
    assert {
        name: list(observation_changes(local[name].observation, on_cluster[name].observation)) for name in differing
    } == {}
