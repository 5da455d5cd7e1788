"""`takeover publish`: keeps the results of Envoys where a repository can hold them, to be compared with."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from takeover.base import console
from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.cli.results import add_reports, by_age, latest
from takeover.compare.remarks import made_otherwise
from takeover.model.document import Document
from takeover.store import documents as store
from takeover.store import together
from takeover.store.distinct import Distinct
from takeover.store.publishing import check_whole, publish

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
    parser.add_argument(
        "--together",
        action="store_true",
        help="write those of several Envoys to REPORTS/together instead, their probes without what all of them do"
        " alike: a twentieth of the size, to be compared with each other alone. Of an Envoy that is named several times"
        " the first results are kept, and what others have otherwise is of chance",
    )
    parser.add_argument(
        "--replace",
        action="store_true",
        help="let results take the place of published ones that have tests or probes which these have not, or that were"
        " made otherwise: on another engine, or by another --delivery",
    )
    add_reports(parser)


def run(options: argparse.Namespace) -> int:
    """Writes the files. Returns the exit code. Raises: BadInputError."""
    found = [store.find(each, options.reports) for each in options.results] or latest(options.reports)
    if options.together:
        folder = options.reports / together.FOLDER
        files = list(together.keep(_documents(found), folder))
        size = sum(each.stat().st_size for each in files) / 1e6
        console.write(f"{display_path(folder)} ({len(files)} files, {size:.1f} MB)")
        return 0
    for target in publish(found, options.reports, replace_others=options.replace):
        console.write(f"{display_path(target)} ({target.stat().st_size / 1e6:.1f} MB)")
    return 0


def _documents(files: Sequence[Path]) -> Iterator[Document]:
    """Those of the oldest release first. Raises: BadInputError."""
    distinct = Distinct()
    firsts: dict[str, tuple[str, Document]] = {}
    for path in sorted(files, key=by_age):
        document = check_whole(path)
        distinct.check(document, path)
        envoy, named = document.envoy, (display_path(path), document)
        first = firsts.setdefault(envoy.name, (named[0], replace(document, probes=[], tests=[])))
        if first[1].envoy.sha256 != envoy.sha256:
            raise BadInputError(f"{display_path(path)}: is of another binary than other results of {envoy.name}")
        if otherwise := made_otherwise(first, named):
            raise BadInputError(f"results of {envoy.name} were not made alike: {'; '.join(otherwise)}")
        yield document
