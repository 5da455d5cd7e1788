"""Changes the library in many places, one at a time, and looks whether a test fails: `python -m benchmarks.mutation`.

Each mutant meets the tests of its module; if they pass, those that run its line; if they pass, too, the suites. Needs
root, and what a run needs.
"""

import argparse
import functools
import os
import sys
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from benchmarks.mutation.cage import Cage, Ended
from benchmarks.mutation.mutations import SUBJECTS, Mutant, sample
from benchmarks.mutation.near import Near, first_failed
from benchmarks.mutation.recording import PYTEST, Lines, files_of_tests
from benchmarks.mutation.verdicts import Ledger, Outcome, Verdict, equivalents, summary, unexplained

_ROOT = Path(__file__).parents[2]
_FOLDER = _ROOT / ".mutants"
_GRACE = 20.0
"""Seconds that any mutant has besides."""
_SUITES_DEADLINE = 120.0
_ENGINE = "takeover/engines/local/engine.py"
_PATIENCE, _LITTLE_PATIENCE = "ready_timeout: float = 30.0", "ready_timeout: float = 10.0"
"""Many a mutant keeps Pods from becoming Ready. They need a fraction of a second."""
_TIMES = 2
"""How many times as long as recorded the tests may take: the recording is slow already."""


def main() -> None:
    """Prints a line for each mutant, then the shares. Exits with 1 if one survived that is not listed."""
    options = _options()
    if os.geteuid() != 0:
        sys.exit("mutants need namespaces of their own, so that they can harm nothing: run this as root")
    if _ROOT.is_relative_to("/tmp"):  # noqa: S108
        sys.exit(f"mutants get a /tmp of their own, which would hide {_ROOT}: run this elsewhere")
    cage = Cage(_ROOT, _FOLDER)
    subjects = options.subject or list(SUBJECTS)
    judge = Judge(cage, subjects, with_suites=not options.tests_alone)
    end = time.monotonic() + 60 * options.minutes
    ledger, equivalent = Ledger(_FOLDER / "verdicts.jsonl"), equivalents(_ROOT)
    judged: list[Verdict] = []
    for mutant in _chosen(options, subjects):
        if options.unlisted and mutant.text in equivalent:
            continue
        known = ledger.verdicts.get(mutant.text)
        is_open = known is not None and known.outcome == "survived" and mutant.text not in equivalent
        if known is None or options.anew or (options.again and is_open):
            if time.monotonic() > end:
                print(f"the time is over after {len(judged)} of {options.number} mutants")
                break
            known = judge.verdict(mutant)
            ledger.add(known)
            listed = " (listed)" if known.outcome == "survived" and mutant.text in equivalent else ""
            print(f"{known.outcome}{listed}, {known.seconds:.1f} s: {mutant.text} {known.by}", flush=True)
        judged.append(known)
    if not judged:
        sys.exit("no mutant was judged: say more --minutes")
    print(*summary(judged, equivalent), sep="\n")
    sys.exit(1 if unexplained(judged, equivalent) else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.mutation", description=__doc__.partition("\n")[0])
    parser.add_argument("--number", type=int, default=300, help="how many mutants (300)")
    parser.add_argument("--subject", action="append", choices=list(SUBJECTS), help="of these alone; repeatable")
    parser.add_argument("--seed", default="1", help="which sample")
    parser.add_argument("--minutes", type=float, default=10_000.0, help="begins no mutant after so long")
    parser.add_argument("--again", action="store_true", help="those that survived before and are not listed, too")
    parser.add_argument("--anew", action="store_true", help="all, whatever is known of them")
    parser.add_argument("--tests-alone", action="store_true", help="without the suites: to find what tests lack")
    parser.add_argument("--unlisted", action="store_true", help="but those that are listed as equivalent")
    parser.add_argument("--only", default="", help="those of the sample whose text holds this")
    return parser.parse_args()


def _chosen(options: argparse.Namespace, subjects: list[str]) -> Iterator[Mutant]:
    drawn = islice(sample(_ROOT, subjects, options.seed), options.number)
    chosen = (each for each in drawn if options.only in each.text)
    return iter(sorted(chosen, key=lambda each: list(SUBJECTS).index(each.subject)))  # what needs nodes comes last


class Judge:
    """Lets mutants meet tests.

    Args:
        subjects: whose tests a mutant meets, first those of its own.
        with_suites: a mutant that no test kills meets the suites.
    """

    def __init__(self, cage: Cage, subjects: list[str], with_suites: bool) -> None:
        self._cage = cage
        self._subjects = subjects
        self._without = {_ENGINE: (_ROOT / _ENGINE).read_text().replace(_PATIENCE, _LITTLE_PATIENCE)}
        self._near = Near(_ROOT, cage, self._without)
        self._with_suites = with_suites

    def verdict(self, mutant: Mutant) -> Verdict:
        """What became of this one."""
        began = time.monotonic()
        files = self._without | {mutant.file: mutant.code.replace(_PATIENCE, _LITTLE_PATIENCE)}
        outcome: Outcome = "killed by tests"
        said = self._near.killed_by(mutant, files)
        if not said:
            outcome, said = self._by_line(mutant, files)
        return Verdict(mutant.text, mutant.subject, outcome, said, round(time.monotonic() - began, 1))

    def _by_line(self, mutant: Mutant, files: Mapping[str, str]) -> tuple[Outcome, str]:
        met = set[str]()
        for subjects in ((mutant.subject,), tuple(self._subjects)):
            lines = self._recorded(subjects)
            tests = [each for each in lines.tests(mutant) if each not in met]
            met.update(tests)
            seconds = _GRACE + _TIMES * sum(lines.seconds[each] for each in tests)
            if tests and (ended := self._cage.run([*PYTEST, *tests], seconds, files, {})).code != 0:
                return _outcome(ended, "killed by tests"), _said(ended)
        if self._with_suites and (ended := self._cage.run([*PYTEST, "suites"], _SUITES_DEADLINE, files, {})).code != 0:
            return _outcome(ended, "killed by suites"), _said(ended)
        return "survived", f"({len(met)} tests)"

    @functools.cache  # noqa: B019 - there is one, as long as the program runs
    def _recorded(self, subjects: tuple[str, ...]) -> Lines:
        return Lines(_ROOT, self._cage, print, files_of_tests(_ROOT, subjects))


def _said(ended: Ended) -> str:
    return first_failed(ended) or f"exit code {ended.code}"


def _outcome(ended: Ended, killed: Outcome) -> Outcome:
    return "too slow" if ended.code is None else killed


if __name__ == "__main__":
    main()
