"""Files of somebody hostile: `python -m benchmarks.hostile [--files N] [--deployments M] [--seed S]`.

Each file is one of ours with something wrong in it (`benchmarks.hostile_files`). It must be taken, or refused by one
line, soon; and whatever is deployed of it must come up, or not come up for a reason that is told in a line. Nothing
may be left behind, and no file may come to be where it does not belong. Ends with 1 where that does not hold.
"""

import argparse
import contextlib
import itertools
import multiprocessing
import os
import re
import secrets
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.hostile_files import Mutant, mutants
from benchmarks.leftovers import marked
from takeover.base.cache import cache_folder
from takeover.base.errors import DeploymentError, LostError, TakeoverError
from takeover.engines.local.engine import LocalEngine
from takeover.envoy.releases import resolve
from takeover.evidence.log_formats import check_formats
from takeover.probes.probe_file import read_probes
from takeover.scenario.library import Library
from takeover.scenario.loader import Scenario
from takeover.scenario.sabotage import read_sabotages
from takeover.scene import Scene

_SECONDS_TO_READ, _SECONDS_TO_DEPLOY = 20, 90
_READY_TIMEOUT = 3.0
# Where a path that is no path of the node's could lead to.
_WHERE_FILES_COULD_BE = ("/", "/tmp", "/var/tmp", "/run", "/dev", "/dev/shm", "/etc", "/root", "/usr/bin")  # noqa: S108
_NOT_DEPLOYED = ("probes.yaml", "sabotage.yaml")
_TOKEN = "TAKEOVER_HOSTILE"  # noqa: S105 - the variable by which processes are found again
# As a node answers that did not know what to do.
_NOT_FORESEEN = re.compile(r"[A-Z]\w*(Error|Exception|Expired|Exit): ")


@dataclass
class Findings:
    """What became of so many mutants.

    Args:
        counts: how many were read, refused, deployed, not deployed.
        faults: what must not be, a line or a traceback each.
        slowest: seconds.
    """

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest: float = 0.0

    def add(self, other: "Findings") -> None:
        """Takes in those of another process."""
        self.counts += other.counts
        self.faults += other.faults
        self.slowest = max(self.slowest, other.slowest)


class _Hang(BaseException):
    """The time is up. No handler of errors is to take it for one."""


def attack(seed: int, files: int, deployments: int, token: str = "") -> Findings:
    """Reads so many mutants, and deploys so many of those that are taken, in this process.

    Args:
        seed: gives the same mutants again.
        files: how many are read at least.
        deployments: how many are deployed; if need be, more files are read for them.
        token: stands in every path that a mutant names.
    """
    findings, token = Findings(), token or secrets.token_hex(6)
    os.environ[_TOKEN] = token
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder, _own_stderr(Path(folder) / "stderr") as written:
        engine, release = LocalEngine({}, ready_timeout=_READY_TIMEOUT), resolve(None)[0]
        try:
            for number, mutant in enumerate(mutants(seed, Path(folder), token)):
                if number >= files and findings.counts["deployed"] + findings.counts["not deployed"] >= deployments:
                    break
                with _watched(findings, mutant, _SECONDS_TO_READ, "read") as found:
                    found.append(_read(mutant, engine))
                done = findings.counts["deployed"] + findings.counts["not deployed"]
                if found and done < deployments and mutant.file.name not in _NOT_DEPLOYED:
                    with _watched(findings, mutant, _SECONDS_TO_DEPLOY, "deployed"):
                        Scene.deploy(engine, release, found[0]).close()
        finally:
            engine.close()
        if "Traceback" in (text := written.read_text(errors="replace")):
            findings.faults.append(text[text.index("Traceback") :][:4_000])
    findings.faults += _left(token)
    return findings


def _read(mutant: Mutant, engine: LocalEngine) -> Scenario:
    """All that a run reads of a scenario before it deploys anything."""
    scenario = Library(mutant.library).scenario(mutant.scenario)
    check_formats(scenario)
    engine.check(scenario)
    groups = read_probes(scenario)
    read_sabotages(scenario)
    for group in groups[:3]:
        engine.check(scenario.library.scenario(scenario.name, group.bases).edited(group.edits))
    return scenario


@contextlib.contextmanager
def _watched(findings: Findings, mutant: Mutant, seconds: int, done: str) -> Iterator[list[Scenario]]:
    """Judges how it ends."""

    def hang(*_: object) -> None:
        raise _Hang

    begin, before = time.monotonic(), signal.signal(signal.SIGALRM, hang)
    signal.alarm(seconds)
    found: list[Scenario] = []
    try:
        yield found
        findings.counts[done] += 1
    except TakeoverError as error:
        findings.counts["refused" if done == "read" else "not deployed"] += 1
        if wrong := _what_is_wrong(error):
            findings.faults.append(f"{mutant.what}: {wrong}: {error}")
    except _Hang:
        findings.faults.append(f"{mutant.what}: not {done} after {seconds} s\n{traceback.format_exc(limit=-8)}")
    except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for
        findings.faults.append(f"{mutant.what}: not {done}\n{traceback.format_exc(limit=-8)}")
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        findings.slowest = max(findings.slowest, time.monotonic() - begin)


def _what_is_wrong(error: TakeoverError) -> str:
    """What is wrong with such a refusal, if anything is."""
    text = str(error)
    if isinstance(error, LostError):
        return "the node is lost"
    if not text.isprintable():
        return "not one line, or not printable"
    if len(text) > 5_000:
        return "too long"
    return "not foreseen" if _NOT_FORESEEN.match(text) and not isinstance(error, DeploymentError) else ""


@contextlib.contextmanager
def _own_stderr(path: Path) -> Iterator[Path]:
    """Has this process, and all that it starts, write its errors there."""
    sys.stderr.flush()
    kept = os.dup(2)
    with path.open("wb") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield path
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)


def _left(token: str) -> Iterator[str]:
    """What must not be there any more, or not there at all."""
    yield from (f"left: process {each!r}" for pid, each in marked(f"{_TOKEN}={token}") if pid != os.getpid())
    # A mount of one of these names, or of what lies in the folder of the mutants or in the cache.
    ours_too = ("/hostile-", str(cache_folder()), token)
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    yield from (f"left: mount {each}" for each in mounts if any(name in each for name in ours_too))
    places = [*map(Path, _WHERE_FILES_COULD_BE), Path.cwd(), Path.cwd().parent]
    readable = [each for each in places if os.access(each, os.R_OK | os.X_OK)]  # all, for root
    found = (each for place in readable for each in place.iterdir() if token in each.name)
    yield from (f"outside: {each}" for each in found)


def main() -> int:
    """Shares the work among the cores, and prints the figures. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=5_000, help="how many mutants are read (default: %(default)s)")
    parser.add_argument("--deployments", type=int, default=500, help="how many are deployed (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="gives the same mutants again (default: %(default)s)")
    options = parser.parse_args()
    cores, begin = multiprocessing.cpu_count(), time.monotonic()
    shares = [(total // cores + (core < total % cores)) for core in range(cores) for total in (options.files,)]
    deployed = [(total // cores + (core < total % cores)) for core in range(cores) for total in (options.deployments,)]
    findings = Findings()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(cores, mp_context=context) as pool:
        seeds = itertools.count(options.seed * 1_000)
        for each in [pool.submit(attack, *work) for work in zip(seeds, shares, deployed, strict=False)]:
            findings.add(each.result())
    counts, minutes = findings.counts, (time.monotonic() - begin) / 60
    print(
        f"seed {options.seed}: {counts['read'] + counts['refused']} files: {counts['read']} taken, "
        f"{counts['refused']} refused by a line; {counts['deployed'] + counts['not deployed']} deployments: "
        f"{counts['deployed']} came up, {counts['not deployed']} told why not; slowest {findings.slowest:.1f} s; "
        f"{len(findings.faults)} faults; {minutes:.1f} minutes"
    )
    for fault in findings.faults:
        print(fault)
    return bool(findings.faults)


if __name__ == "__main__":
    sys.exit(main())
