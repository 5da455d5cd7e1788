"""`takeover paths`: draws the path of each scenario, as a run measured it, into SVG files."""

import argparse
from pathlib import Path

from takeover import atomic
from takeover.commands.results import add_reports, latest
from takeover.errors import BadInputError
from takeover.report.page import sections
from takeover.report.pictures import ways
from takeover.results import store
from takeover.scenario.yaml_text import shown

DESCRIPTION = "Draws the path of each scenario's traffic, the longest one that a run measured: DIR/SCENARIO.svg."


def configure(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments."""
    parser.description = DESCRIPTION
    parser.add_argument("folder", metavar="DIR", type=Path, help="where the pictures go")
    parser.add_argument("--of", metavar="NAME|FILE", help="an Envoy's results (default: the first of the latest run)")
    add_reports(parser)


def run(options: argparse.Namespace) -> int:
    """Writes the files. Returns the exit code. Raises: BadInputError."""
    path = store.find(options.of, options.reports) if options.of else latest(options.reports)[0]
    document = store.read(path)
    if not any(each.evidence for each in document.tests):
        raise BadInputError(
            f"{shown(path)} tells of no path: no test was run, or it is published without; ./run the suites"
        )
    try:
        options.folder.mkdir(parents=True, exist_ok=True)
        for section in sections([document], []):
            if drawn := ways(section, standalone=True):
                atomic.write(options.folder / f"{section.about.name}.svg", drawn[0].svg.encode())
    except OSError as error:
        raise BadInputError(f"cannot write to {shown(options.folder)}: {error.strerror}") from error
    return 0
