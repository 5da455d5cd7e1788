"""`takeover compare`: what differs between stored results, without running anything again."""

import argparse
import functools
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from takeover.base import console
from takeover.base.errors import BadInputError
from takeover.base.runner import runner
from takeover.cli.results import add_reports, chosen, compared, taken, to_compare
from takeover.compare.accepted import DEFAULT, accept, read_accepted
from takeover.compare.detail import detail
from takeover.compare.kinds import BY_NAME, failing
from takeover.compare.listing import listing
from takeover.model.document import Document
from takeover.store import documents as store
from takeover.store import together
from takeover.store.together import Together

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
        "--all",
        action="store_true",
        help="list each of those that changed alike, and what is else only counted, for instance new statistics",
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
    parser.add_argument(
        "--together",
        action="store_true",
        help="take the results that are kept together in REPORTS/together (the atlas): RESULTS are names of Envoys",
    )
    add_reports(parser)


def run(options: argparse.Namespace) -> int:
    """Runs it. Returns the exit code. Raises: TakeoverError."""
    if len(options.results) < 2:
        raise BadInputError(f"name at least two results to compare, not only {options.results[0]}")
    kinds = failing(options.fail_on)
    accepted = read_accepted(options.accepted, options.reports.absolute().parent)
    stored = _kept_together(options) if options.together else _stored(options)
    console.write(*stored.remarks)
    comparison = compared(stored.places, stored.read, stored.known)
    accept(comparison, accepted)
    comparison.called = dict(zip(stored.read, options.results, strict=True))
    comparison.where = [*store.option(options.reports), *(["--together"] if options.together else [])]
    comparison.program = runner(Path.cwd())
    if options.show is not None:
        difference = chosen(comparison, options.show)
        old, new = (stored.read[each]() for each in (comparison.baseline, difference.envoys[0]))
        width = shutil.get_terminal_size((120, 40)).columns
        console.write(*detail(comparison, difference, old, new, width, shortened=options.together))
        return int(difference in comparison.failing(kinds))
    console.write(*listing(comparison, kinds, options.all))
    return int(bool(comparison.failing(kinds)))


@dataclass(frozen=True)
class _Stored:
    """The results that the arguments name, each under what it is called.

    Args:
        read: what reads each.
        known: the Envoys of which there are results, named or not.
        remarks: where they are of, where that is not what is asked for first.
    """

    places: Mapping[str, Path]
    read: Mapping[str, Callable[[], Document]]
    known: Sequence[str]
    remarks: Sequence[str]


def _stored(options: argparse.Namespace) -> _Stored:
    results = to_compare(options.results, options.reports)
    paths = {label: each.path for label, each in results.items()}
    read = {label: functools.partial(store.read, path) for label, path in paths.items()}
    remarks = taken(results, options.reports) + _more(options.results, options.reports / together.FOLDER)
    return _Stored(paths, read, store.published_names(options.reports), remarks)


def _more(names: Sequence[str], folder: Path) -> list[str]:
    """That the probes of the atlas are kept of all of these, too, which nobody would guess."""
    try:
        if not (together.is_there(folder) and {*names} <= {*Together(folder).names}):
            return []
    except BadInputError:
        return []  # nobody asked for it
    return [f"more of them is kept together: takeover compare --together {' '.join(names)}"]


def _kept_together(options: argparse.Namespace) -> _Stored:
    kept = Together(options.reports / together.FOLDER)
    kept.check(options.results)
    read = {name: functools.partial(kept.document, name) for name in options.results}
    return _Stored(dict.fromkeys(options.results, kept.folder), read, kept.names, [kept.remark()])
