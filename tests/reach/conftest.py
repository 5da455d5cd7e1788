import shutil
from pathlib import Path

import pytest

from takeover.scenario import bundled


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A library of its own with one small scenario, `paths`."""
    folder = tmp_path / "scenarios"
    shutil.copytree(Path(__file__).parent / "scenarios", folder)
    for name in ("edge", "certificates"):
        shutil.copytree(bundled.manifests() / "bases" / name, folder / "bases" / name)
    return folder
