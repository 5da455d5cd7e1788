"""A sample of `python -m benchmarks.kills`: of runs that are ended nothing is left; and what is left is noticed."""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import kills
from benchmarks.kills import WORKSITES, Killer, told
from benchmarks.victims import VICTIMS, Case, Victim, cases
from takeover.node import host


@pytest.fixture
def worksite() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="kills-", dir=WORKSITES) as folder:
        yield Path(folder)


def test_a_sample_of_ends(worksite: Path) -> None:
    names = ("suites, one process", "takeover explain", "./run, two workers")
    killer = Killer(worksite, VICTIMS)
    for number, name in enumerate(names):
        for is_kill, early, again in ((True, None, None), (False, 0.001 + number / 5, 0.01)):
            # In the middle of what an idle machine needs.
            killer.end(Case(number, name, is_kill, 0.4, early, again))
    killer.close()

    assert killer.findings.faults == []
    assert "3 kills" in "\n".join(told(killer.findings))


def test_a_seed_gives_the_same_moments_and_each_kind_its_share() -> None:
    made = [cases(5, 200, 200, VICTIMS) for _ in range(2)]

    assert made[0] == made[1]
    assert sum(each.is_kill for each in made[0]) == 200
    assert len(made[0]) == 400
    assert {each.victim for each in made[0]} == set(VICTIMS)
    assert sum(each.victim.startswith("first") for each in made[0] if each.is_kill) > 40


# What a run does before it waits to be ended, or when it is interrupted. ($0 is a pipe that the test closes later.)
BAD = {
    "process": 'setsid cat "$0" & ',
    "process without its environment": '(cd /; exec env -i setsid cat "$0") & ',
    "file": 'touch "$TMPDIR/x"; ',
    "half": 'mkdir -p "$XDG_CACHE_HOME/envoy-takeover/lab/a.partial" "$XDG_CACHE_HOME/envoy-takeover/lab/b.partial"; ',
    "traceback": "trap 'echo Traceback; exit 2' INT; ",
    "exit code": "trap 'exit 3' INT; ",
    "hang": "trap '' INT; ",
}
TOLD = {"traceback": "a traceback: Traceback", "exit code": "exit code 3", "hang": "not ended 1 s after Ctrl-C"}


@pytest.mark.parametrize("fault", BAD)
def test_what_must_not_be_is_noticed(worksite: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    monkeypatch.setattr(kills, "_SECONDS_TO_BE_GONE", 30.0 if fault in TOLD else 1.0)
    if fault == "hang":
        monkeypatch.setattr(kills, "_SECONDS_TO_END", 1.0)
    if fault == "process without its environment" and not host.is_root():
        pytest.skip("a run of an ordinary user has no namespace of its own")
    os.mkfifo(pipe := worksite / "pipe")
    script = f"trap 'exit 2' INT; {BAD[fault]} while :; do sleep 0.05; done"
    seconds = 12.0 if fault.startswith("process") else 5.0  # on a busy machine a process takes seconds to begin
    bad = Victim(
        lambda _: ["/bin/sh", "-c", script, str(pipe)], seconds, (1, 1), first="lab" if fault == "half" else ""
    )
    is_kill = fault not in TOLD
    killer = Killer(worksite, {"bad": bad})
    with pipe.open("r+b", buffering=0):
        killer.end(Case(1, "bad", is_kill, 0.5, is_for_all=False))

    [line] = killer.findings.faults
    assert TOLD.get(fault, "left ") in line


def test_that_nothing_is_left_is_believed(worksite: Path) -> None:
    good = Victim(lambda _: ["/bin/sh", "-c", "trap 'exit 2' INT; while :; do sleep 0.05; done"], 5.0, (1, 1))
    killer = Killer(worksite, {"good": good, "over": replace(good, program=lambda _: ["/bin/true"])})
    for is_kill in (True, False):
        killer.end(Case(1, "good", is_kill, 0.5))
    assert killer.findings.faults == []

    killer.end(Case(1, "over", is_kill=True, moment=0.5))
    assert killer.findings.counts["had ended before"] >= 1
