"""`takeover matrix`: draws the matrix of scenarios and Envoys, as runs left their results, into an SVG file."""

import argparse
from pathlib import Path

from takeover.base import atomic
from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.cli.results import add_reports, add_scenarios, latest, library_of, paths_of
from takeover.report.matrix import matrix
from takeover.store import documents as store

DESCRIPTION = "Draws how each scenario ended on each Envoy: a picture of the page's matrix."


def configure(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments."""
    parser.description = DESCRIPTION
    parser.add_argument("picture", metavar="FILE.svg", type=Path, help="where the picture goes")
    parser.add_argument(
        "results",
        nargs="*",
        metavar="RESULTS",
        help="an Envoy's results by its name or path, in the order of the columns (default: all of the latest run)",
    )
    add_reports(parser)
    add_scenarios(parser)


def run(options: argparse.Namespace) -> int:
    """Writes the file. Returns the exit code. Raises: BadInputError."""
    if options.picture.suffix != ".svg":
        raise BadInputError(f"{display_path(options.picture)}: the picture is SVG, and nothing else: call it NAME.svg")
    files = paths_of(options.results, options.reports).values() if options.results else latest(options.reports)
    drawn = matrix(library_of(options), [store.read(each) for each in files])
    try:
        options.picture.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(options.picture, drawn.encode())
    except OSError as error:
        raise BadInputError(f"cannot write {display_path(options.picture)}: {error.strerror}") from error
    return 0
