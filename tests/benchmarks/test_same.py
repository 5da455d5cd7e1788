"""The command that runs one Envoy under two names says what differs, and is no check that cannot fail."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from takeover.envoy.releases import resolve

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
# Each result is lost, as of a run that chooses none.
NOTHING = """
from takeover.probes.observing import Observer
Observer.observe = lambda *_: []
"""


def same(tmp_path: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    (tmp_path / "chance.py").write_text(CHANCE)
    (tmp_path / "nothing.py").write_text(NOTHING)
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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["0"], "'0' is no number from 1 on"),
        (["1", "--envoy", "nosuch"], "python -m benchmarks.same: --envoy: 'nosuch' is no version"),
        (["1", "--envoy", "1.40.0,mine=/bin/false"], "/bin/false is not an Envoy"),
        (["1", "--envoy", "1.40.0,mine=ENVOY"], "name one Envoy: it selects 2"),
    ],
)
def test_bad_input_is_a_line(tmp_path: Path, words: list[str], said: str) -> None:
    ended = same(tmp_path, *[each.replace("ENVOY", str(resolve(None)[0].path)) for each in words])
    assert (ended.returncode, ended.stdout) == (2, "")
    assert said in ended.stderr.splitlines()[-1]


def test_where_no_probe_is_compared_nothing_is_said_to_be_the_same(tmp_path: Path) -> None:
    ended = same(tmp_path, "1", "--idle", "-p", "nothing")
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert ended.stderr == "nothing can be compared: no probe was observed: choose others\n"
