"""`takeover publish`: keeps the results of Envoys where a repository can hold them, to be compared with."""

import argparse

from takeover.base import console
from takeover.base.paths import display_path
from takeover.cli.results import add_reports, latest
from takeover.store import documents as store
from takeover.store.publishing import publish

DESCRIPTION = "Writes what comparing needs of a run's results to REPORTS/versions, for a repository to keep."


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    parser.description = DESCRIPTION
    parser.add_argument(
        "results",
        nargs="*",
        metavar="RESULTS",
        help="results, as for takeover compare (default: all of the latest run)",
    )
    add_reports(parser)


def run(options: argparse.Namespace) -> int:
    """Writes the files. Returns the exit code. Raises: BadInputError."""
    found = [store.find(each, options.reports) for each in options.results] or latest(options.reports)
    for path in found:
        target = publish(path, options.reports)
        console.write(f"{display_path(target)} ({target.stat().st_size / 1e6:.1f} MB)")
    return 0
