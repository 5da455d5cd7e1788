from pathlib import Path

import pytest

from tests.copied import copy_project
from tests.run.outside import ROOT, SUITE


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project without the atlas, to be broken."""
    copy_project(tmp_path)
    return tmp_path


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A suite file of its own, in a folder of its own."""
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nscenarios = {ROOT}/manifests\n")
    (tmp_path / "test_it.py").write_text(SUITE)
    return tmp_path
