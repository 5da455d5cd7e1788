"""Prints the share of a list of documented changes that stored results show, and what is not found.

`python -m benchmarks.recall CHANGES.tsv [RESULTS…]`: the columns of the TSV are version, area, change, guard, how a
client or operator could see it, needs. A row is found where a difference first shows between the two versions between
which it came, in its area and by a kind of observation that can show it (areas.yaml says which), and where the
technical terms that both have, the rare ones most, weigh enough, and not much less than those of a difference between
other versions. Its guard and names of statistics help nothing. A difference shows one row only.
Beside the share stands how many rows would be found with the versions of their neighbours, and with others' areas.
Whether a single row is found is for a reader to judge: the best difference and its score stand below. What a reader
said shows a row (read.yaml) is held against the results, and counted apart. Nothing is run.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from benchmarks.recall import areas, reading
from benchmarks.recall.configured import Configured
from benchmarks.recall.evidence import Evidence
from benchmarks.recall.findings import Finding, Probe, Results
from benchmarks.recall.matching import ELSEWHERE, ENOUGH, Best, Matching
from benchmarks.recall.reading import Readings, Shown
from benchmarks.recall.rows import Row, read_rows
from benchmarks.recall.shares import Recall
from takeover.base.errors import BadInputError
from takeover.compare.listing import values
from takeover.scenario.library import Library
from takeover.store import together

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
        help="folders of runs, each of one version or of several, or of results (default: reports/together); what"
        " several runs of one version alone found is taken together, and of what they all made that of the last one",
    )
    parser.add_argument("--found", action="store_true", help="list what is found, too, and what shows it")
    parser.add_argument(
        "--read",
        type=Path,
        default=reading.FILE,
        metavar="FILE",
        help="what a reader says shows a row (default: %(default)s)",
    )
    options = parser.parse_args()
    try:
        rows, said = read_rows(options.changes), reading.read(options.read)
        results = Results(options.results or [_ROOT / "reports" / together.FOLDER])
        findings = results.findings()
        configured = Configured(Library.bundled()).of
        matching = Matching(areas.read(), Evidence(findings, results.asked, configured), configured)
        looked_at = [row for row in rows if matching.own(row)]
        read = Readings(said, findings).found(looked_at)
    except BadInputError as error:
        sys.exit(_told(str(error)))
    for pair, found in findings.items():
        print(f"{pair}: {len(found)} differences; {'; '.join(results.remarks[pair])}")
    for version, count in Counter(str(row.versions[0]) for row in rows if not matching.own(row)).items():
        print(f"missing: results of versions before and from {version} on: {count} rows are not looked at")
    _tell(Recall(matching, looked_at, read), matching, read, options.found)


def _tell(recall: Recall, matching: Matching, read: Mapping[int, Shown], tell_found: bool) -> None:
    print(Recall.HEADER)
    for share in recall.shares:
        print(share.line)
    print(recall.above_chance())
    print(f"found: a score of {ENOUGH:.1f} and more, and of {ELSEWHERE:.0%} of the best between other versions")
    for number, row in enumerate(recall.rows):
        if number in recall.found and tell_found:
            print(f"found      {row}\n{_shown(recall.found[number])}")
        if number in read and tell_found:
            print(f"read       {row}\n{_difference(*read[number])}")
    for number, row in enumerate(recall.rows):
        if number not in recall.found:
            print(_not_found(row, matching))


def _not_found(row: Row, matching: Matching) -> str:
    why, best = matching.why_not(row), matching.best(row)
    told = f"not found  {row} [{row.needs}]{f' ({why})' if why else ''}"
    return f"{told}\n{_shown(best)}" if best else told


def _shown(best: Best) -> str:
    return f"{_difference(best.finding, next(iter(best.finding.places)))}\n           score {best.score}"


def _difference(finding: Finding, place: Probe) -> str:
    was, now = values(finding.was, finding.now)
    more = f" and {len(finding.places) - 1} more" if len(finding.places) > 1 else ""
    return (
        f"           {finding.pair}, {finding.kind} {finding.ids[0]}: {' '.join(place)}{more}: {finding.what}:"
        f" {was} → {now}"
    )


def _told(line: str) -> int:
    print(f"python -m benchmarks.recall: {line}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    main()
