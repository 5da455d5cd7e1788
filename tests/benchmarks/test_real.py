"""The command that measures on a folder of files: what it chooses, and that it tells what ran from what did not."""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.real import chosen
from takeover.envoy.pypi import installed
from tests.check.whole import listener, written

ROOT = Path(__file__).parents[2]


def test_a_sample_is_fair_and_the_same_each_time(tmp_path: Path) -> None:
    for source, number in (("many", 20), ("few", 2), ("one", 1)):
        (tmp_path / source).mkdir()
        for each in range(number):
            (tmp_path / source / f"{each}.yaml").touch()
    found = chosen(tmp_path, 9, seed=1)
    assert [source for source, _ in found] == ["few"] * 2 + ["many"] * 6 + ["one"]
    assert found == chosen(tmp_path, 9, seed=1)
    assert found != chosen(tmp_path, 9, seed=2)
    assert len(chosen(tmp_path, None, seed=1)) == 23


def test_what_runs_is_told_from_what_does_not(tmp_path: Path) -> None:
    home = {"name": "home", "match": {"path": "/"}, "direct_response": {"status": 200}}
    for source in ("good", "bad"):
        (tmp_path / source).mkdir()
    written(tmp_path / "good", listener("web", 8000, home), clusters=())
    (tmp_path / "bad" / "no.yaml").write_text("kind: Pod\napiVersion: v1\n")
    command = [sys.executable, "-m", "benchmarks.real", str(tmp_path), "--envoy", f"one={installed()[1]}"]
    ended = subprocess.run(
        [*command, "--within", "0.2"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    rows = {
        line.split(" | ")[0].strip("| "): line.split(" | ")[1:11] for line in ended.stdout.splitlines() if "|" in line
    }
    assert rows["bad"][:6] == ["1", "0", "0", "0", "0", "0"]
    assert rows["good"] == ["1", "1", "1", "1", "1", "1", "10", "1/1", "1/1", "1/1"]
    assert "bad/no.yaml: refused: " in ended.stdout
