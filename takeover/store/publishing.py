"""What is published of a run's documents: what comparing needs, written so that a diff of two of them can be read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from takeover.base import atomic
from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.model.document import Document
from takeover.model.json import decoder, encode
from takeover.store import documents as store

_fields = decoder(dict[str, Any]).decode


def published(document: Document) -> bytes:
    """The document, of the same schema: without times and what tests measured, with one test, probe or name a line."""
    return in_lines(_fields(encode(without_times(document))))


def without_times(document: Document) -> Document:
    """The document without what its tests took and measured, which nothing compares."""
    tests = [replace(each, seconds=0.0, evidence=[], measurements=[]) for each in document.tests]
    return replace(document, tests=tests)


def publish(path: Path, reports: Path) -> Path:
    """Writes what is published of the document at `path` under its name to REPORTS/versions; returns where that is.

    Raises: BadInputError for one that tells less than there is to compare.
    """
    document = check_whole(path)
    target = reports / store.PUBLISHED / f"{path.stem}.json"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(target, published(document))
    except OSError as error:
        raise BadInputError(f"cannot write to {display_path(target.parent)}: {error.strerror}") from error
    return target


def check_whole(path: Path) -> Document:
    """The document in that file. Raises: BadInputError for one that tells less than there is to compare."""
    document = store.read(path)
    if not document.complete:
        raise BadInputError(f"{display_path(path)}: its run was stopped before its end: run it again to publish it")
    if not document.probes:
        raise BadInputError(f"{display_path(path)}: no probe was observed: run it with --probes to publish it")
    return document


def in_lines(fields: dict[str, Any]) -> bytes:
    """JSON in which every entry of a list has a line."""
    return b"".join(_lines(fields)) + b"\n"


def _lines(fields: dict[str, Any]) -> Iterator[bytes]:
    before = b"{\n"
    for name, value in fields.items():
        yield before + encode(name) + b":"
        match value:
            case list() if value:
                yield b"[\n" + b",\n".join(map(encode, value)) + b"\n]"
            case dict() if any(isinstance(each, list) for each in value.values()):
                yield from _lines(value)
            case _:
                yield encode(value)
        before = b",\n"
    yield b"\n}"
