"""The clocks of a run: each process's CPU is told once."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec

from benchmarks.clocks import FOLDER, TOLD, Spent

ROOT = Path(__file__).parents[2]
_BURNT = 0.5
# The controller closes a node of its own while its worker, which has used its CPU by then, is still there.
_CONFTEST = """
from takeover.node.bare_node import bare_node

def pytest_runtest_logreport(report):
    if report.when == "call" and hasattr(report, "node"):
        with bare_node() as node:
            node.run(["true"], timeout=60)
"""
_TEST = f"""
import time

def test_burns():
    while time.process_time() < {_BURNT}:
        pass
"""


def test_what_a_worker_used_is_told_by_itself_alone(tmp_path: Path) -> None:
    told, tests = tmp_path / "told", tmp_path / "tests"
    for folder in (told, tests):
        folder.mkdir()
    (tests / "conftest.py").write_text(_CONFTEST)
    (tests / "test_burns.py").write_text(_TEST)
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n1", "-p", "benchmarks.clocks", str(tests)],
        cwd=ROOT,
        env={**os.environ, FOLDER: str(told)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert "1 passed" in ended.stdout, ended.stdout + ended.stderr
    spent = [msgspec.json.decode(each.read_bytes(), type=Spent) for each in told.glob(f"*{TOLD}")]
    [controller], [worker] = ([each for each in spent if each.is_worker == is_worker] for is_worker in (False, True))
    assert sum(worker.sections.values()) >= _BURNT
    assert controller.processes, "no node was looked at"
    assert sum(controller.processes.values()) < _BURNT / 2
