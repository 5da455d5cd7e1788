"""Documents on disk: `REPORTS/TIME/results/NAME.json` of each run, the newest run as `REPORTS/latest`.

Published ones, which a repository keeps, are `REPORTS/versions/NAME.json`.
"""

import contextlib
import re
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from takeover.base import atomic
from takeover.base.errors import BadInputError
from takeover.base.paths import display_path, distinct_name, given_path
from takeover.base.runner import runner
from takeover.model.document import SCHEMA, Document
from takeover.model.json import decoder, encode

FOLDER = "reports"
LATEST = "latest"
RESULTS = "results"
WHOLE = "whole"
PUBLISHED = "versions"
_RUN = re.compile(r"(?P<time>\d{4}-\d\d-\d\dT\d{6}Z)(-(?P<number>\d+))?")


def check(reports: Path) -> None:
    """Makes sure that a run can leave its results there, and leaves nothing itself.

    Raises: BadInputError for a place where that cannot be.
    """
    with _told(reports):
        there = next(each for each in (reports, *reports.parents) if each.exists() or each.is_symlink())
        with tempfile.TemporaryDirectory(prefix=".", dir=there) as name:
            atomic.point(Path(name, LATEST), name)


@contextlib.contextmanager
def _told(reports: Path) -> Iterator[None]:
    """Raises: BadInputError for a folder of reports in which something cannot be made."""
    latest = reports / LATEST
    try:
        if latest.is_dir() and not latest.is_symlink():
            raise BadInputError(
                f"--reports: {display_path(latest)} is a folder, where a link to the newest run belongs: move it"
            )
        yield
    except OSError as error:
        raise BadInputError(
            f"--reports: cannot write to {display_path(reports)}: {error.strerror}: give --reports DIR"
        ) from error


def new_run(reports: Path, now: datetime) -> Path:
    """Makes the folder of a run that begins now, and makes it the latest.

    Raises: BadInputError for a place where that cannot be.
    """
    name = now.astimezone(UTC).strftime("%Y-%m-%dT%H%M%SZ")
    with _told(reports):
        reports.mkdir(parents=True, exist_ok=True)
        run = _made(reports, name)
        (run / RESULTS).mkdir()
        atomic.point(reports / LATEST, run.name)
    return run


def runs(reports: Path) -> list[Path]:
    """The folders of runs, the oldest first."""
    found = [(name, each) for each in reports.iterdir() if (name := _RUN.fullmatch(each.name)) and each.is_dir()]
    return [each for _, each in sorted(found, key=lambda pair: (pair[0]["time"], int(pair[0]["number"] or 1)))]


def _made(reports: Path, name: str) -> Path:
    """The first of NAME, NAME-2, NAME-3, … that was not there: another run may have begun in the same second."""
    number = 1
    while True:
        run = reports / (name if number == 1 else f"{name}-{number}")
        try:
            run.mkdir()
        except FileExistsError:
            number += 1
        else:
            return run


def write(run: Path, name: str, document: bytes) -> Path:
    """Writes the document (JSON) of the Envoy called `name` into a run's folder. Raises: OSError."""
    path = run / RESULTS / f"{name}.json"
    atomic.write(path, msgspec.json.format(document, indent=1) + b"\n")
    return path


def write_whole(run: Path, name: str, entry: msgspec.Struct) -> None:
    """Writes what is too large for a document as an artefact of the run. Raises: OSError."""
    folder = run / WHOLE
    folder.mkdir(exist_ok=True)
    atomic.write(folder / f"{distinct_name(name)}.json", msgspec.json.format(encode(entry), indent=1) + b"\n")


_decode = decoder(Document).decode


class _Numbered(msgspec.Struct):
    """As much of a document of whatever form as tells its form."""

    schema: Any = None


def read(path: Path) -> Document:
    """The document in that file. Raises: BadInputError, one line that says what is wrong with it."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInputError(f"{display_path(path)}: cannot be read: {error.strerror}") from error
    try:
        number = msgspec.json.decode(data, type=_Numbered).schema
    except msgspec.ValidationError:  # no object
        number = None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInputError(f"{display_path(path)}: is no whole JSON document: {error}") from error
    if number != SCHEMA:
        what = "holds no results of a run" if number is None else f"is of schema {number}, and this reads {SCHEMA}"
        raise BadInputError(f"{display_path(path)}: {what}; run the suites again to make one")
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInputError(f"{display_path(path)}: {error}") from error


def nearest(folder: Path) -> Path:
    """The folder `reports` that holds results, in this folder or the nearest one above; else where one would be."""
    for each in (folder, *folder.parents):
        with contextlib.suppress(OSError):  # one that this user may not enter
            if any((each / FOLDER / of).is_dir() for of in (f"{LATEST}/{RESULTS}", PUBLISHED)):
                return each / FOLDER
    return folder / FOLDER


def option(reports: Path) -> list[str]:
    """The words that a command needs to find what is in this folder; none where it finds that from here by itself."""
    found = reports.absolute()
    return [] if found == nearest(Path.cwd()) else ["--reports", display_path(found)]


def published_names(reports: Path) -> list[str]:
    """The Envoys whose results are published."""
    return sorted(path.stem for path in (reports / PUBLISHED).glob("*.json"))


def find(name: str, reports: Path) -> Path:
    """The file that `name` means: a path, or an Envoy of the latest run, or one whose results are published.

    Raises: BadInputError that lists what there is.
    """
    return candidates(name, reports)[0]


def candidates(name: str, reports: Path) -> list[Path]:
    """All files that `name` may mean: a path; or those of an Envoy, of the latest run first, then the published ones.

    Raises: BadInputError that lists what there is.
    """
    if "/" in name or name.endswith(".json"):
        return [given_path(name)]
    folders = [reports / LATEST / RESULTS, reports / PUBLISHED]
    try:
        if found := [path for folder in folders if (path := folder / f"{name}.json").is_file()]:
            return found
        there = dict.fromkeys(path.stem for folder in folders for path in sorted(folder.glob("*.json")))
    except OSError as error:
        raise BadInputError(f"{display_path(reports)}: cannot be read: {error.strerror}") from None
    raise BadInputError(
        f"no results of {name} in {' or '.join(map(display_path, folders))}; "
        f"there are {', '.join(there) or f'none: {runner(Path.cwd())} makes them'}; or name a document by its path"
    )
