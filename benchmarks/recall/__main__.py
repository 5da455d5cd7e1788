"""Prints the share of a list of documented changes that stored results show, and what is not found.

`python -m benchmarks.recall CHANGES.tsv [RESULTS…]`: the columns of the TSV are version, area, change, guard, how a
client or operator could see it, needs. A change is found where two neighbouring versions, between which it came, differ
in its area by a kind of observation that can show it: areas.yaml says which. Its guard, and names of statistics in the
list, help nothing, and what changed in one way behind one listener shows one change only.
Beside it stands how many would be found with the version, or the area, of another row.
Only what the share is above those was found because it changed: where they are near it, it says nothing of recall, and
whether a single change is found is for a reader of --found to judge.
"""

import argparse
import sys
from pathlib import Path

from benchmarks.recall import areas
from benchmarks.recall.configured import Configured
from benchmarks.recall.findings import Finding, Results
from benchmarks.recall.matching import Matching, Recall, read_rows
from takeover.base.errors import BadInputError
from takeover.compare.listing import values
from takeover.scenario.library import Library

_ROOT = Path(__file__).parents[2]


def main() -> None:
    """Prints the table and the lists. Ends with 2 for bad input."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recall", description=__doc__)
    parser.add_argument("changes", type=Path, metavar="CHANGES.tsv")
    parser.add_argument(
        "results",
        nargs="*",
        type=Path,
        metavar="RESULTS",
        help="folders of results, or of runs (default: reports/versions)",
    )
    parser.add_argument("--found", action="store_true", help="list what is found, too, and what shows it")
    options = parser.parse_args()
    try:
        rows = read_rows(options.changes)
        results = Results(options.results or [_ROOT / "reports" / "versions"])
    except BadInputError as error:
        sys.exit(_told(str(error)))
    known = areas.read()
    findings = {pair: results.findings(pair) for pair in results.pairs}
    recall = Recall(Matching(known, findings, Configured(Library.bundled()).of), known, rows)
    for pair in results.pairs:
        remark = "" if results.is_compared(pair) else " (never in one run)"
        print(f"{pair}: {len(findings[pair])} differences{remark}")
    print(Recall.HEADER)
    for share in recall.shares:
        print(share.line)
    print(recall.above_chance())
    for number, row in enumerate(rows):
        if number in recall.found and options.found:
            print(f"found      {row}\n           {_shown(recall.found[number])}")
    for number, row in enumerate(rows):
        if number not in recall.found:
            why = recall.beyond(row) or ("" if recall.is_known(row) else "no such area here")
            print(f"not found  {row} [{row.needs}]{f' ({why})' if why else ''}")


def _shown(finding: Finding) -> str:
    was, now = values(finding.was, finding.now)
    [first, *others] = finding.places
    more = f" and {len(others)} more" if others else ""
    where = f"{' '.join(filter(None, first))}{more}: " if any(first) else ""
    return f"{finding.pair}, {finding.kind} {finding.ids[0]}: {where}{finding.what}: {was} → {now}"


def _told(line: str) -> int:
    print(f"python -m benchmarks.recall: {line}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    main()
