"""The same Envoy under two names, again and again with each core kept busy: whatever differs is a fault of a probe.

`python -m benchmarks.same [TIMES] [--idle] [--envoy ENVOY] [OPTIONS OF PYTEST]` (20 times, the default Envoy, all
probes). Every run's results are compared with those of the first run, too. What differs is told with how often; what a
run itself found to be unstable stands apart. Ends with 1 if there is any of that, if a rule hides something, a run
fails, or no probe was observed; with 2 for bad input; with pytest's exit code where that has left no results.
"""

import argparse
import functools
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.busy import busy
from takeover.base.errors import TakeoverError
from takeover.compare.comparison import Comparison, compare
from takeover.compare.hidden import remark
from takeover.compare.listing import line
from takeover.envoy.releases import resolve_one
from takeover.store import documents as store

_ROOT = Path(__file__).parents[1]
_NAMES = ("one", "other")


@dataclass
class Found:
    """What differed, and in how many comparisons."""

    differing: Counter[str] = field(default_factory=Counter)
    unstable: Counter[str] = field(default_factory=Counter)
    compared: int = 0

    def take(self, comparison: Comparison) -> None:
        """Takes in a comparison of two documents."""
        self.compared += 1
        self.differing.update(f"{each.kind} {line(comparison, each)}" for each in comparison.differences)
        self.differing.update(f"hidden by {remark(each)}" for each in comparison.hidden if each.differing)
        self.unstable.update(
            f"{each.difference.kind} {line(comparison, each.difference)}" for each in comparison.unstable
        )

    def lines(self) -> list[str]:
        """A line for each, what came most often first."""
        said = [(self.differing, "differs"), (self.unstable, "unstable")]
        return [
            f"{word} in {number} of {self.compared}: {told}"
            for counts, word in said
            for told, number in counts.most_common()
        ]


def results_of(reports: Path) -> list[Path]:
    """The documents of the latest run."""
    return [reports / store.LATEST / store.RESULTS / f"{name}.json" for name in _NAMES]


def compare_with(first: Path, others: Sequence[Path], found: Found) -> None:
    """Compares each of the others with the first, alone."""
    read = functools.partial(store.read, first)
    for each in others:
        found.take(compare({"first": read, "again": functools.partial(store.read, each)}))


def _times(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def main() -> None:
    """Prints a line a run, then what differed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.same", description=__doc__)
    parser.add_argument("times", nargs="?", type=_times, default=20)
    parser.add_argument("--idle", action="store_true", help="leave the cores to the run")
    parser.add_argument("--envoy", help="another Envoy than the default one: a version, or NAME=PATH")
    options, further = parser.parse_known_args()
    try:
        release = resolve_one(options.envoy, print)
    except TakeoverError as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    both = ",".join(f"{name}={release.path}" for name in _NAMES)
    command = [sys.executable, "-m", "pytest", "suites", "-q", "-p", "no:cacheprovider", "--probes", "-m", "probes"]
    found, failed = Found(), 0
    with busy(not options.idle) as cores, tempfile.TemporaryDirectory() as folder:
        kept = "idle" if options.idle else "each kept busy"
        print(f"Envoy {release.version} under two names, {options.times} times, {cores} cores, {kept}", flush=True)
        first: Path | None = None
        for number in range(1, options.times + 1):
            begin, reports = time.monotonic(), Path(folder, str(number))
            asked = [*command, "--envoy", both, f"--reports={reports}", *further]
            ended = subprocess.run(asked, cwd=_ROOT, capture_output=True, text=True, check=False)
            documents = results_of(reports)
            if ended.returncode not in (0, 1) or not all(each.exists() for each in documents):
                told = f"{ended.stdout[-2000:]}{ended.stderr[-2000:]}"
                print(f"run {number} ended with {ended.returncode}:\n{told}", file=sys.stderr)
                sys.exit(ended.returncode or 1)
            failed += ended.returncode
            before = found.differing.total()
            if first is None:
                if not store.read(documents[0]).probes:
                    sys.exit("nothing can be compared: no probe was observed: choose others")
                first, documents = documents[0], documents[1:]
            compare_with(first, documents, found)
            differ = found.differing.total() - before
            print(
                f"{number}: {differ} differ, exit code {ended.returncode}, {time.monotonic() - begin:.0f} s", flush=True
            )
    print(*found.lines(), sep="\n")
    numbers = f"{found.differing.total()} differences and {found.unstable.total()} unstable"
    print(f"{numbers} in {found.compared} comparisons; {failed} runs failed")
    sys.exit(1 if failed or found.differing or found.unstable else 0)


if __name__ == "__main__":
    main()
