"""The command that runs one Envoy under two names says what differs, and is no check that cannot fail."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Something of chance that no rule knows.
CHANCE = """
import itertools
from takeover.probes.observing import Observer
result, number = Observer._result, itertools.count()
def of_chance(self, observed, normaliser):
    found = result(self, observed, normaliser)
    if observed.probe.name == "dots":
        found.observation.stats["cluster.upstream.chance"] = next(number)
    return found
Observer._result = of_chance
"""


def same(tmp_path: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    (tmp_path / "chance.py").write_text(CHANCE)
    chosen = ["-m", "atlas and probes", "-k", "path-normalisation", "-n0"]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"}
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.same", *words, *chosen],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_one_envoy_under_two_names_shows_nothing_with_busy_cores(tmp_path: Path) -> None:
    ended = same(tmp_path, "1")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0].endswith("cores, each kept busy")
    assert lines[-1] == "0 differences and 0 unstable in 1 comparisons; 0 runs failed"


def test_what_is_of_chance_is_told_also_where_a_run_knows_it_for_unstable(tmp_path: Path) -> None:
    ended = same(tmp_path, "1", "--idle", "-p", "chance")
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "cluster.*.chance" in ended.stdout
    assert "0 differences and 0 unstable" not in ended.stdout.splitlines()[-1]
