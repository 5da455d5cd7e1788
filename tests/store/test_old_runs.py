"""Old runs go by number and by size, and it is said; what is no run stays."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from takeover.store import documents as store
from takeover.store import old_runs

BEGIN = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)


def made(reports: Path, *sizes: int) -> list[Path]:
    found = [store.new_run(reports, BEGIN + timedelta(minutes=number)) for number in range(len(sizes))]
    for run, size in zip(found, sizes, strict=True):
        (run / store.RESULTS / "1.40.0.json").write_bytes(bytes(size))
    (reports / "README.md").write_bytes(bytes(10_000))
    (reports / "versions").mkdir()
    return found


@pytest.fixture(autouse=True)
def _few_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(old_runs, "MOST_BYTES", 100_000)  # a folder itself is of some thousand


def test_as_long_as_there_is_room_nothing_goes(tmp_path: Path) -> None:
    found = made(tmp_path, *[10] * 5)
    assert old_runs.remove_old_runs(tmp_path) == ""
    assert store.runs(tmp_path) == found


def test_beyond_their_number_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(old_runs, "MOST_RUNS", 3)
    found = made(tmp_path, 10, 10, 10, 10, 10)
    told = old_runs.remove_old_runs(tmp_path)
    assert told.startswith(
        f"removed from {tmp_path}: 2 runs, 2026-11-25T100000Z to 2026-11-25T100100Z (0.0 MB); 3 runs"
    )
    assert store.runs(tmp_path) == found[2:]
    assert {each.name for each in tmp_path.iterdir()} >= {"README.md", "versions", "latest"}


def test_beyond_their_size_the_oldest_go(tmp_path: Path) -> None:
    found = made(tmp_path, 90_000, 30_000, 30_000, 0)
    told = old_runs.remove_old_runs(tmp_path)
    assert f"{tmp_path}: 2026-11-25T100000Z (0.1 MB); 30 runs and" in told
    assert store.runs(tmp_path) == found[1:]


def test_the_run_before_stays_however_large_it_is(tmp_path: Path) -> None:
    found = made(tmp_path, 200_000, 200_000, 0)
    old_runs.remove_old_runs(tmp_path)
    assert store.runs(tmp_path) == found[1:]


HOLDS = """
import pathlib, sys
from takeover.store import old_runs
old_runs.hold(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_one_that_goes_on_stays_until_its_process_has_ended(tmp_path: Path) -> None:
    found = made(tmp_path, 60_000, 60_000, 60_000, 0)
    command = [sys.executable, "-c", HOLDS, str(found[0])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert ": 2026-11-25T100100Z (0.1 MB); " in old_runs.remove_old_runs(tmp_path)
        assert store.runs(tmp_path) == [found[0], *found[2:]]
        process.kill()
    assert ": 2026-11-25T100000Z (0.1 MB); " in old_runs.remove_old_runs(tmp_path)
    assert store.runs(tmp_path) == found[2:]
