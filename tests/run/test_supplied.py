"""What the configs of the scenarios in use lack and get is told once, with workers and without."""

import subprocess
import sys
from pathlib import Path

import pytest

ADMIN = """\
admin:
  address:
    socket_address: { address: 0.0.0.0, port_value: 9901 }
"""


@pytest.mark.parametrize("workers", [["-n0"], ["-n2"]])
def test_it_is_told_once(project: Path, workers: list[str]) -> None:
    for name in ("outbound-block-all", "gateway-weights"):
        config = project / "manifests" / name / "envoy.yaml"
        config.write_text(config.read_text().replace(ADMIN, ""))
        pod = config.with_name("pod.yaml")
        # Ready without being asked: an admin API that is supplied listens on loopback alone.
        text = pod.read_text().replace(
            "httpGet:\n        path: /ready\n        port: 9901", 'exec:\n        command: ["true"]'
        )
        pod.write_text(text.replace("\nspec:\n", "\nspec:\n  nodeSelector: {disk: fast}\n  serviceAccountName: app\n"))
        unused = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: unused}\ndata: {}\nimmutable: true\n"
        pod.write_text(f"{pod.read_text()}---\n{unused}")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *workers, "suites/outbound/test_block_all.py"]
    result = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stdout + result.stderr
    told = [line for line in result.stdout.splitlines() if line.startswith("supplied: ")]
    assert told == ["supplied: manifests/outbound-block-all/envoy.yaml: no admin: one on 127.0.0.1:9902 is added"]
    told = [line for line in result.stdout.splitlines() if line.startswith("without effect")]
    assert told == ["without effect on this engine: serviceAccountName, nodeSelector, immutable"]
