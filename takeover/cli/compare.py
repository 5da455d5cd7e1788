"""`takeover compare`: what differs between stored results, without running anything again."""

import argparse
import functools
import shutil
from pathlib import Path

from takeover.base import console
from takeover.base.errors import BadInputError
from takeover.cli.results import add_reports, chosen, compared, taken, to_compare
from takeover.compare.accepted import DEFAULT, accept, read_accepted
from takeover.compare.comparison import Comparison, Difference
from takeover.compare.detail import detail
from takeover.compare.kinds import BY_NAME, failing
from takeover.compare.listing import listing
from takeover.store import documents as store

DESCRIPTION = "Shows what differs between Envoys, from stored results."


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    parser.description = (
        f"{DESCRIPTION} Exits with 1 when a difference of a kind in --fail-on is not accepted, with 2 when nothing "
        "could be compared, else with 0."
    )
    parser.epilog = "kinds, what hurts most first: " + ", ".join(BY_NAME)
    parser.add_argument(
        "results",
        nargs="+",
        metavar="RESULTS",
        help="an Envoy by its name (of the latest run or of the published results: of which more can be compared), or "
        "a document by its path; all are compared with the first",
    )
    parser.add_argument("--show", metavar="ID", help="show one difference in full, and how to see it again")
    parser.add_argument(
        "--all", action="store_true", help="list what is else only counted, for instance new statistics"
    )
    parser.add_argument(
        "--fail-on",
        metavar="KIND[,KIND…]|all|none",
        help=f"the kinds that fail (default: {','.join(each for each in BY_NAME if each in failing(None))})",
    )
    parser.add_argument(
        "--accepted",
        type=Path,
        metavar="FILE",
        help=f"the differences that you accept (default: {DEFAULT} beside the folder reports, if there)",
    )
    add_reports(parser)


def run(options: argparse.Namespace) -> int:
    """Runs it. Returns the exit code. Raises: TakeoverError."""
    if len(options.results) < 2:
        raise BadInputError(f"name at least two results to compare, not only {options.results[0]}")
    kinds = failing(options.fail_on)
    accepted = read_accepted(options.accepted, store.nearest(Path.cwd()).parent)
    results = to_compare(options.results, options.reports)
    console.write(*taken(results, options.reports))
    paths = {label: each.path for label, each in results.items()}
    read = {label: functools.partial(store.read, path) for label, path in paths.items()}
    comparison = compared(results, read, options.reports)
    accept(comparison, accepted)
    if options.show is not None:
        difference = chosen(comparison, options.show)
        console.write(*_detail(comparison, difference, paths))
        return int(difference in comparison.failing(kinds))
    console.write(*listing(comparison, kinds, options.all))
    return int(bool(comparison.failing(kinds)))


def _detail(comparison: Comparison, difference: Difference, paths: dict[str, Path]) -> list[str]:
    old, new = (store.read(paths[each]) for each in (comparison.baseline, difference.envoys[0]))
    return list(detail(comparison, difference, old, new, shutil.get_terminal_size((120, 40)).columns))
