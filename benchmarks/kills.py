"""Runs that are ended at any moment: `python -m benchmarks.kills [--kills N] [--interrupts N] [--seed S]`.

Kills are `kill -9` of the run's main process; interrupts are Ctrl-C, from the first millisecond on, sometimes another
one soon after. Then nothing may be left, soon: no process, namespace, mount, network, rule, file; in the cache nothing
half done after the next run; an interrupted run ends with 2 and without a traceback. Ends with 1 where that does not
hold.

As an ordinary user: `sudo -u NAME python -m benchmarks.kills --kills 20 --interrupts 20`.
"""

import argparse
import contextlib
import getpass
import operator
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_none

from benchmarks.interrupting import INTERRUPTED, what_is_wrong
from benchmarks.leftovers import Tag, WatchedRun, processes_at
from benchmarks.victims import VICTIMS, Case, Victim, Worksite, cases, empty
from takeover.engines.local import root_file_system

_SECONDS_TO_BEGIN, _SECONDS_TO_END, _SECONDS_TO_BE_GONE = 120.0, 60.0, 30.0
_LONGEST_RUN = 600.0
_TRIES, _SOONER = 4, 0.8
_SECONDS_OF_AN_END = 5.0
WORKSITES = "/var/tmp"  # noqa: S108
"""Where folders for worksites are made: not in /tmp, which each run has for itself."""


# What a process runs that becomes ours: it has a /tmp of its own made, and a script's first line blocks the signal.
_BEFORE_OURS = ("unshare", "sh", "/usr/bin/env", "")


@dataclass
class Findings:
    """What became of so many runs.

    Args:
        counts: how many of a kind were killed, were interrupted, had ended before; twice, for a second Ctrl-C.
        faults: what must not be.
        until_gone: seconds from the end until nothing was left, and whose, by kind of end.
        until_end: seconds from Ctrl-C to the end, and whose.
    """

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    until_gone: dict[str, list[tuple[float, str]]] = field(default_factory=lambda: {"kill": [], "interrupt": []})
    until_end: list[tuple[float, str]] = field(default_factory=list)

    def add(self, other: "Findings") -> None:
        """Takes in those of others."""
        self.counts += other.counts
        self.faults += other.faults
        self.until_end += other.until_end
        for kind, seconds in other.until_gone.items():
            self.until_gone[kind] += seconds


class Killer:
    """Ends runs at one worksite, one after another."""

    def __init__(self, folder: Path, victims: dict[str, Victim]) -> None:
        self.findings = Findings()
        self._worksite = Worksite(folder)
        self._victims = victims
        self._seconds = {name: each.seconds for name, each in victims.items()}

    def end(self, case: Case) -> None:
        """Ends a run; another one, sooner, where that had ended before."""
        for time_before in range(_TRIES):
            try:
                if self._end_one(case, _SOONER**time_before):
                    return
            except RetryError:
                self._fault(f"{case}", f"it had not begun after {_SECONDS_TO_BEGIN:g} s")
                return
        self._fault(f"{case}", f"it had ended before, {_TRIES} times")

    def close(self) -> None:
        """Lets runs be whole where others were killed: nothing half done may be left in their caches."""
        for name, victim in self._victims.items():
            self._empty(self._worksite.cache(f"{name} interrupt"))
            home = self._worksite.cache(f"{name} kill")
            if not victim.first or not home.exists():
                continue
            with self._run(name, home) as (run, output):
                code = run.process.wait(_LONGEST_RUN)
            if code != 0 or not victim.is_done(home):
                self._fault(f"the run after those that were killed ({name})", f"exit code {code}: {output()}")
            if left := victim.left_in(home, may_begin_anew=False):
                self._fault(f"the run after those that were killed ({name})", f"left {left}")
            self._empty(home)

    def _end_one(self, case: Case, sooner: float) -> bool:
        victim = self._victims[case.victim]
        home = self._worksite.cache(f"{case.victim} {case.kind}") if victim.first else None
        if home and victim.is_done(home):
            self._empty(home)
        with self._run(case.victim, home) as (run, output):
            begin = time.monotonic()
            whole = self._seconds[case.victim]
            seconds = case.early if case.early is not None and case.early < whole / 2 else case.moment * sooner * whole
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = run.process.wait(seconds)
                self._seconds[case.victim] = time.monotonic() - begin
                self.findings.counts["had ended before"] += 1
                if is_wrong := code != victim.code:
                    self._fault(f"{case}", f"exit code {code} without being ended: {output()}")
                return is_wrong
            what = f"{case}, after {seconds:.3f} s"
            self._signal(case, run, what, output)
            self._until_nothing_is_left(run, case, what)
            if home and (left := victim.left_in(home, may_begin_anew=case.is_kill)):
                self._fault(what, f"left {left}")
        self.findings.counts[f"{case.kind}, {case.victim}"] += 1
        return True

    def _signal(self, case: Case, run: WatchedRun, what: str, output: Callable[[], str]) -> None:
        victim = self._victims[case.victim]
        if case.is_kill:
            run.kill()
            return
        run.look()
        begin = time.monotonic()
        _interrupt(run, for_all=case.is_for_all)
        if case.again is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                run.process.wait(case.again)
            if run.process.poll() is None:
                self.findings.counts["twice"] += 1
                _interrupt(run, for_all=case.is_for_all)
        try:
            code = run.process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._fault(what, f"not ended {_SECONDS_TO_END:g} s after Ctrl-C: {output()}")
            run.kill()
            return
        took = time.monotonic() - begin
        self.findings.until_end.append((took, case.victim))
        if code == victim.code and took < _SECONDS_OF_AN_END and "Traceback" not in output():
            self.findings.counts["too late"] += 1  # it was about to end, all was told
        elif wrong := what_is_wrong(code, output(), ours=victim.is_script):
            self._fault(what, wrong)
        elif code != INTERRUPTED:
            self.findings.counts["not ours"] += 1

    def _until_nothing_is_left(self, run: WatchedRun, case: Case, what: str) -> None:
        begin = time.monotonic()
        if left := run.left(_SECONDS_TO_BE_GONE):
            self._fault(what, f"left {left}")
            return
        self.findings.until_gone[case.kind].append((time.monotonic() - begin, case.victim))

    @contextlib.contextmanager
    def _run(self, name: str, home: Path | None) -> Iterator[tuple[WatchedRun, Callable[[], str]]]:
        """A run that has begun, and what it has written so far."""
        folder, victim = self._worksite.new_folder(), self._victims[name]
        written = folder.with_suffix(".output")
        with written.open("wb") as file:
            run = WatchedRun(
                Tag(),
                folder,
                victim.program(str(folder / "reports")),
                env={"XDG_CACHE_HOME": str(home)} if home else {},
                cwd=self._worksite.clone if victim.is_script else folder,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            begun = Retrying(
                retry=retry_if_result(operator.not_), stop=stop_after_delay(_SECONDS_TO_BEGIN), wait=wait_none()
            )
            begun(lambda: run.process.poll() is not None or _begins_by(run.process.pid) not in _BEFORE_OURS)
            yield run, lambda: written.read_text(errors="replace")[-4_000:]
        finally:
            if run.process.poll() is None:
                os.killpg(run.process.pid, signal.SIGKILL)
                run.process.wait()
            shutil.rmtree(folder, ignore_errors=True)
            written.unlink()

    def _empty(self, home: Path) -> None:
        if home.exists() and (wrong := empty(home, Tag().environment)):
            self._fault("the cache", wrong)

    def _fault(self, what: str, wrong: str) -> None:
        self.findings.faults.append(f"{what}: {wrong}")
        sys.stderr.write(f"{what}: {wrong}\n")


def _begins_by(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[0]
    return ""


def _interrupt(run: WatchedRun, *, for_all: bool) -> None:
    with contextlib.suppress(ProcessLookupError):
        (os.killpg if for_all else os.kill)(run.process.pid, signal.SIGINT)


def main() -> int:
    """Shares the cases among worksites, and prints the figures. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="how many runs are killed (default: %(default)s)")
    parser.add_argument("--interrupts", type=int, default=200, help="how many get Ctrl-C (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="gives the same moments again (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=30, help="begins no other run then (default: %(default)s)")
    parser.add_argument("--at-once", type=int, default=2, help="how many runs at once (default: %(default)s)")
    options = parser.parse_args()
    # What a script runs in the background ignores Ctrl-C, and so would the runs.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    root_file_system.take().close()  # which only some are the first to build
    begin = time.monotonic()
    deadline = begin + options.minutes * 60
    asked = iter(cases(options.seed, options.kills, options.interrupts, VICTIMS))
    findings = Findings()
    with tempfile.TemporaryDirectory(prefix="kills-", dir=WORKSITES) as folder:

        def work(number: int) -> Findings:
            place = Path(folder) / f"site-{number}"
            place.mkdir()
            killer = Killer(place, VICTIMS)
            for case in asked:  # of all worksites: each takes the next one
                if time.monotonic() > deadline:
                    break
                killer.end(case)
            killer.close()
            return killer.findings

        with ThreadPoolExecutor(options.at_once) as pool:
            for each in list(pool.map(work, range(options.at_once))):
                findings.add(each)
        findings.faults += [f"left: {each}" for each in processes_at(Path(folder))]
    print(f"seed {options.seed}, as {getpass.getuser()}, {(time.monotonic() - begin) / 60:.1f} minutes")
    print("\n".join(told(findings)))
    return bool(findings.faults)


def told(findings: Findings) -> Iterator[str]:
    """The figures, and each fault."""
    for kind, seconds in findings.until_gone.items():
        kinds = {name.partition(", ")[2]: n for name, n in findings.counts.items() if name.startswith(f"{kind}, ")}
        yield f"{sum(kinds.values())} {kind}s ({', '.join(f'{n} {name}' for name, n in sorted(kinds.items()))})"
        if seconds:
            yield f"  all gone after {_times(seconds)}"
    if findings.until_end:
        yield f"  ended {_times(findings.until_end)} after Ctrl-C, which came twice to {findings.counts['twice']}"
        yield f"  {findings.counts['not ours']} before anything of ours had begun: Python ended them"
    yield f"{findings.counts['had ended before']} had ended before, and another was taken"
    yield f"{findings.counts['too late']} were about to end, and did so as if nothing had come"
    yield f"{len(findings.faults)} faults"
    yield from findings.faults


def _times(seconds: list[tuple[float, str]]) -> str:
    longest, whose = max(seconds)
    return f"{statistics.median(each for each, _ in seconds):.2f} s (median), {longest:.2f} s (longest: {whose})"


if __name__ == "__main__":
    sys.exit(main())
