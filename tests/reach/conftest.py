import shutil
from pathlib import Path

import pytest
import yaml

from takeover.scenario import bundled

PROBED = "path-normalisation"


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A library with one probed scenario, which is one of ours, with few of its probes."""
    folder = tmp_path / "scenarios"
    for name in (f"atlas/{PROBED}", "bases/edge", "bases/certificates"):
        shutil.copytree(bundled.manifests() / name, folder / name)
    path = folder / "atlas" / PROBED / "probes.yaml"
    [group] = yaml.safe_load(path.read_text())
    group["probes"] = [each for each in group["probes"] if each["name"] in ("fragment", "dots", "dots-as-it-came")]
    path.write_text(yaml.safe_dump([group], sort_keys=False))
    return folder
