"""The nightly workflow that is shipped is green on its first night, and for what was looked at only."""

import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from takeover.compare.accepted import accept, read_accepted
from takeover.compare.comparison import Comparison, compare
from takeover.compare.kinds import failing
from takeover.model.document import Breakdown
from takeover.model.json import encode
from takeover.store import documents as store

ROOT = Path(__file__).parents[2]
JOBS: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/nightly.yml").read_text())["jobs"]
COMMAND, OF_THE_ATLAS = [each["run"] for each in JOBS["changes"]["steps"] if each.get("run", "").startswith("./run ")]
OWN = "reports/atlas"
FAILING = failing(None)


def published(version: str) -> Path:
    return ROOT / "reports" / store.PUBLISHED / f"{version}.json"


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    """Of the Envoys that it compares, with what it accepts."""
    found = re.fullmatch(r'\./run --envoy (\S+) -m "not atlas" --accepted (\S+)', COMMAND)
    assert found, COMMAND
    names, file = found[1].split(","), found[2]
    comparison = compare({each: functools.partial(store.read, published(each)) for each in names})
    accept(comparison, read_accepted(ROOT / file, ROOT))
    return comparison


def test_what_the_versions_are_known_to_do_otherwise_is_accepted(comparison: Comparison) -> None:
    assert comparison.failing(FAILING) == []
    assert comparison.remarks == []  # no entry is of no use


def test_the_atlas_is_made_on_the_same_envoys_and_only_what_is_new_fails() -> None:
    begin = COMMAND.partition(" -m ")[0]
    assert f'{begin} -m "atlas and probes" --reports {OWN} || [ $? -eq 1 ]' == OF_THE_ATLAS


def steps(folder: Path, names: Sequence[str]) -> list[int]:
    """Runs the steps that keep and compare results as GitHub does. Returns their exit codes."""
    (folder / ".venv").mkdir(exist_ok=True)
    if not (folder / ".venv/bin").exists():
        (folder / ".venv/bin").symlink_to(Path(sys.executable).parent)
    environment = os.environ | {"GITHUB_STEP_SUMMARY": str(folder / "summary.md")}
    scripts = [each["run"] for each in JOBS["changes"]["steps"] if each.get("name") in names]
    assert len(scripts) == len(names)
    return [
        subprocess.run(["bash", "-e", "-c", each], cwd=folder, env=environment, check=False, timeout=300).returncode
        for each in scripts
    ]


def left(folder: Path, changed: int = 0) -> None:
    """Leaves a run's results there: an Envoy that breaks down under a probe, and so many more under which it does."""
    (folder / store.RESULTS).mkdir(parents=True, exist_ok=True)
    (folder / "summary.md").write_text("## the answer\n")
    document = store.read(published("1.36.4"))
    document.written = datetime.now(UTC).isoformat()
    for probe in document.probes[: 1 + changed]:
        probe.observation.breakdown = Breakdown("pod/envoy", "ended", 139)
    (folder / store.RESULTS / "1.36.4.json").write_bytes(encode(document))


KEEP, COMPARE = "keep tonight's results", "what the same Envoys did last night"


def test_what_was_so_last_night_fails_nothing_and_what_is_new_does(tmp_path: Path) -> None:
    for changed, expected in ((0, 0), (0, 0), (1, 1), (1, 0)):
        left(tmp_path / "reports/latest")
        left(tmp_path / OWN / "latest", changed)
        assert steps(tmp_path, [KEEP, COMPARE]) == [0, expected]


def test_a_night_without_results_of_the_atlas_is_not_taken_for_one(tmp_path: Path) -> None:
    left(tmp_path / "reports/latest")
    left(tmp_path / OWN / "latest")
    assert steps(tmp_path, [KEEP, COMPARE]) == [0, 0]
    kept = {each.name: each.read_bytes() for each in (tmp_path / "nights/last").glob("atlas-*")}
    assert kept
    shutil.rmtree(tmp_path / OWN)
    left(tmp_path / "reports/latest")
    assert steps(tmp_path, [KEEP, COMPARE]) == [0, 0]
    assert {each.name: each.read_bytes() for each in (tmp_path / "nights/last").glob("atlas-*")} == kept


def test_it_accepts_nothing_else(comparison: Comparison) -> None:
    accepted = [each for each in comparison.differences if each.accepted]
    assert accepted
    assert all(each.kind in FAILING for each in accepted)


def test_no_test_fails_on_the_versions_that_it_tests() -> None:
    for version in JOBS["suites"]["strategy"]["matrix"]["envoy"]:
        assert [each.id for each in store.read(published(version)).tests if each.state == "fail"] == []
