"""Documents on disk: `REPORTS/TIME/results/NAME.json` of each run, the newest run as `REPORTS/latest`.

Published ones, which a repository keeps, are `REPORTS/versions/NAME.json`.
"""

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from takeover.base import atomic
from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.model.document import SCHEMA, Document
from takeover.model.json import decoder

LATEST = "latest"
RESULTS = "results"
PUBLISHED = "versions"
_RUN = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z(-\d+)?")
# Old enough that a month of nights can be looked at, and no more than some hundred megabytes.
_RUNS_KEPT = 30


def new_run(reports: Path, now: datetime) -> Path:
    """Makes the folder of a run that begins now, makes it the latest, and removes the oldest ones beyond 30.

    Raises: BadInputError for a place where that cannot be.
    """
    name = now.astimezone(UTC).strftime("%Y-%m-%dT%H%M%SZ")
    latest = reports / LATEST
    if latest.is_dir() and not latest.is_symlink():
        raise BadInputError(
            f"--reports: {display_path(latest)} is a folder, where a link to the newest run belongs: move it"
        )
    try:
        reports.mkdir(parents=True, exist_ok=True)
        run = _made(reports, name)
        (run / RESULTS).mkdir()
        atomic.point(latest, run.name)
    except OSError as error:
        raise BadInputError(f"--reports: cannot write to {display_path(reports)}: {error.strerror}") from error
    runs = sorted(each for each in reports.iterdir() if _RUN.fullmatch(each.name) and each.is_dir())
    for old in runs[:-_RUNS_KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return run


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
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInputError(f"{display_path(path)}: is no whole JSON document: {error}") from error
    if number != SCHEMA:
        what = "holds no results of a run" if number is None else f"is of schema {number}, and this reads {SCHEMA}"
        raise BadInputError(f"{display_path(path)}: {what}; run the suites again to make one")
    try:
        return _decode(data)
    except msgspec.ValidationError as error:
        raise BadInputError(f"{display_path(path)}: {error}") from error


def find(name: str, reports: Path) -> Path:
    """The file that `name` means: a path, or an Envoy of the latest run, or one whose results are published.

    Raises: BadInputError that lists what there is.
    """
    if "/" in name or name.endswith(".json"):
        return Path(name).expanduser()
    folders = [reports / LATEST / RESULTS, reports / PUBLISHED]
    for folder in folders:
        path = folder / f"{name}.json"
        if path.is_file():
            return path
    there = dict.fromkeys(path.stem for folder in folders for path in sorted(folder.glob("*.json")))
    raise BadInputError(
        f"no results of {name} in {' or '.join(map(display_path, folders))}; "
        f"there are {', '.join(there) or 'none: ./run makes them'}; or name a document by its path"
    )
