"""`takeover paths`: draws the trace of each scenario, as a run measured it, into SVG files."""

import argparse
from pathlib import Path

from takeover.base import atomic
from takeover.base.errors import BadInputError
from takeover.base.paths import display_path, file_name
from takeover.cli.results import add_reports, add_scenarios, latest, library_of
from takeover.report.page import sections
from takeover.report.pictures import traces
from takeover.store import documents as store

_PICTURES = (".svg", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".pdf")
DESCRIPTION = "Draws the trace of each scenario's traffic, the longest one that a run measured: DIR/SCENARIO.svg."


def configure(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments."""
    parser.description = DESCRIPTION
    parser.add_argument("folder", metavar="DIR", type=Path, help="where the pictures go")
    parser.add_argument("--of", metavar="NAME|FILE", help="an Envoy's results (default: the first of the latest run)")
    add_reports(parser)
    add_scenarios(parser)


def run(options: argparse.Namespace) -> int:
    """Writes the files. Returns the exit code. Raises: BadInputError."""
    if options.folder.suffix.lower() in _PICTURES:
        raise BadInputError(
            f"{display_path(options.folder)}: a folder is needed, in which each scenario gets its own picture, as SVG"
        )
    path = store.find(options.of, options.reports) if options.of else latest(options.reports)[0]
    document = store.read(path)
    if not any(each.evidence for each in document.tests):
        raise BadInputError(
            f"{display_path(path)} tells of no trace: no test was run, or it is published without; run the suites"
        )
    try:
        options.folder.mkdir(parents=True, exist_ok=True)
        for section in sections(library_of(options), [document], []):
            if drawn := traces(section, standalone=True):
                atomic.write(options.folder / f"{file_name(section.about.name)}.svg", drawn[0].svg.encode())
    except OSError as error:
        raise BadInputError(f"cannot write to {display_path(options.folder)}: {error.strerror}") from error
    return 0
