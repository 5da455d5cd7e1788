"""What is published of a run's documents: what comparing needs, written so that a diff of two of them can be read."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from takeover.base import atomic
from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.compare.remarks import made_otherwise
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


def publish(paths: Sequence[Path], reports: Path, *, replace_others: bool = False) -> Iterator[Path]:
    """Writes what is published of the documents under their names to REPORTS/versions; yields where each is.

    Args:
        replace_others: whether one may take the place of one that tells of more, or was made otherwise.

    Raises: BadInputError, before any is written, for one that tells less than there is to compare, or than what is
        published under its name, or was made otherwise than that, and for two of one name.
    """
    made: dict[Path, Document] = {}
    for path in paths:
        target = reports / store.PUBLISHED / f"{path.stem}.json"
        if target in made:
            raise BadInputError(
                f"{display_path(path)}: other results of {path.stem} are named, too: one name, one file"
            )
        made[target] = check_whole(path)
        if target.exists() and not replace_others:
            _require_no_other(path, made[target], target)
    for target, document in made.items():
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            atomic.write(target, published(document))
        except OSError as error:
            raise BadInputError(f"cannot write to {display_path(target.parent)}: {error.strerror}") from error
        yield target


def _require_no_other(path: Path, document: Document, target: Path) -> None:
    try:
        before = store.read(target)
    except BadInputError:
        return  # of an older form, or broken: nothing can be compared with it
    if less := len(_told(before) - _told(document)):
        told = f"{less} tests or probes are missing that {display_path(target)} has: --replace leaves them out"
        raise BadInputError(f"{display_path(path)}: {told}")
    if otherwise := made_otherwise((display_path(target), before), (display_path(path), document)):
        raise BadInputError(f"{'; '.join(otherwise)}: --replace puts it in its place")


def _told(document: Document) -> set[tuple[str, str]]:
    return {("", each.name) for each in document.tests} | {(each.scenario, each.probe) for each in document.probes}


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
