"""A sample of `python -m benchmarks.hostile`: mutated files are taken or refused by a line, and stay inside."""

import secrets
import signal
import subprocess
from pathlib import Path

import pytest

from benchmarks import hostile
from benchmarks.hostile import Findings, attack
from benchmarks.hostile_files import mutants
from takeover.base.errors import TakeoverError


def test_a_sample_of_mutants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAKEOVER_HOSTILE", "")  # which an attack sets
    findings = attack(seed=2026, files=120, deployments=10)

    assert findings.faults == []
    assert findings.counts["read"] + findings.counts["refused"] >= 120
    assert findings.counts["deployed"] + findings.counts["not deployed"] == 10
    # It would prove nothing if nothing of them were taken.
    assert min(findings.counts["read"], findings.counts["refused"], findings.counts["deployed"]) > 3


def test_a_seed_gives_the_same_mutants(tmp_path: Path) -> None:
    made = [
        [each.what for each, _ in zip(mutants(5, tmp_path / str(time), "token"), range(8), strict=False)]
        for time in range(2)
    ]
    assert made[0] == made[1]


@pytest.mark.parametrize("fault", ["traceback", "hang", "process", "file", "line"])
def test_what_must_not_be_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fault: str) -> None:
    token, left = secrets.token_hex(6), list[subprocess.Popen[bytes]]()
    monkeypatch.setenv("TAKEOVER_HOSTILE", token)
    monkeypatch.setattr(hostile, "_WHERE_FILES_COULD_BE", (str(tmp_path),))
    monkeypatch.setattr(hostile, "_SECONDS_TO_READ", 1 if fault == "hang" else 60)

    def read(*_: object) -> None:
        match fault:
            case "traceback":
                raise KeyError("x")
            case "hang":
                signal.pause()
            case "process":
                left.append(subprocess.Popen(["sleep", "600"]))
            case "file":
                (tmp_path / f"x-{token}").touch()
            case "line":
                error = TakeoverError("x")
                error.args = ("two\nlines",)
                raise error

    monkeypatch.setattr(hostile, "_read", read)
    try:
        findings: Findings = attack(seed=1, files=1, deployments=0, token=token)
    finally:
        for each in left:
            each.kill()
            each.wait()

    told = {"traceback": "KeyError", "hang": "not read after 1 s", "process": "left: process", "file": "outside: "}
    [line] = findings.faults
    assert told.get(fault, "not one line") in line
