"""A run's folder as people find it: `index.html`, `junit.xml`, `summary.md`, and what failed tests left."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from takeover.base import atomic
from takeover.base.paths import distinct_name, file_name
from takeover.model.document import Document
from takeover.report.compared import Compared
from takeover.report.failure import Failure
from takeover.report.index import index
from takeover.report.junit import junit
from takeover.report.summary import summary
from takeover.report.without_envoy import WithoutEnvoy
from takeover.scenario.library import Library
from takeover.store import bounds
from takeover.store import documents as store

FAILURES = "failures"
_ABOUT = "failure.json"
_MESSAGE = "message.txt"


def keep(run: Path, failure: Failure, artefacts: Mapping[str, str]) -> None:
    """Writes what a failed test left into a folder of its own, one for each test and Envoy.

    Of a test that fails again, as it ends, what it left then is added: the first failure is the one to tell. A message
    that is too long for the page is one more file there.

    Raises: OSError.
    """
    folder = run / FAILURES / f"{distinct_name(failure.release)}-{distinct_name(failure.name)}"
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / _ABOUT).is_file():
        failure = _added(folder, failure)
    files = set(failure.files)
    for title, text in artefacts.items():
        files.add(_write(folder, file_name(title), text.encode(errors="replace")))
    message = bounds.message(failure.message)
    if message != failure.message:
        atomic.write(folder / _MESSAGE, failure.message.encode(errors="replace"))
        files.add(_MESSAGE)
    kept = msgspec.structs.replace(failure, message=message, files=sorted(files), folder=f"{FAILURES}/{folder.name}")
    atomic.write(folder / _ABOUT, msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")


def _added(folder: Path, later: Failure) -> Failure:
    """What the folder tells, and how the same test failed after that."""
    first = msgspec.json.decode((folder / _ABOUT).read_bytes(), type=Failure)
    whole = folder / _MESSAGE
    message = whole.read_text() if whole.is_file() else first.message
    return msgspec.structs.replace(
        first,
        message=f"{message}\n\nand after that:\n\n{later.message}",
        command=first.command or later.command,
        expected=first.expected or later.expected,
    )


def _write(folder: Path, name: str, text: bytes) -> str:
    """Writes it there, beside what has that name already, unless that is the same. Returns the name that it has."""
    number, path = 1, folder / name
    while path.name in (_ABOUT, _MESSAGE) or (path.is_file() and path.read_bytes() != text):
        number += 1
        path = folder / f"{number}-{name}"
    atomic.write(path, text)
    return path.name


def publish(
    run: Path,
    library: Library,
    documents: Sequence[Path],
    compared: Compared | None = None,
    without_envoy: Sequence[WithoutEnvoy] = (),
) -> Path:
    """Writes the page, the summary and JUnit's XML of these documents. Returns the page.

    Args:
        library: what the documents' scenarios are of.
        compared: what differs between them, None if there is nothing to compare.
        without_envoy: the tests of which no document tells.

    Raises: OSError; BadInputError for a document that cannot be read.
    """
    # One at a time: the observations of many Envoys would fill the memory.
    keep = compared.without_what_is_not_shown if compared else _without_probes
    found = [keep(store.read(path)) for path in documents if path.is_file()]
    failures = failures_of(run, found)
    page = run / "index.html"
    for path, text in (
        (run / "junit.xml", junit(found, failures, compared, without_envoy)),
        (run / "summary.md", summary(library, found, failures, compared, without_envoy)),
        (page, index(library, found, failures, compared, without_envoy)),
    ):
        atomic.write(path, text.encode(errors="replace"))
    return page


def _without_probes(document: Document) -> Document:
    document.probes = []
    return document


def failures_of(run: Path, documents: Sequence[Document]) -> list[Failure]:
    """Every test that failed, with what it left in the run's folder, if it left something."""
    left = [msgspec.json.decode(each.read_bytes(), type=Failure) for each in (run / FAILURES).glob(f"*/{_ABOUT}")]
    known = {(each.release, each.name): each for each in left}
    return [
        msgspec.structs.replace(
            known.get((document.envoy.name, test.name)) or Failure(test.scenario, document.envoy.name, test.name, ""),
            evidence=test.evidence,
            reason=test.reason,
        )
        for document in documents
        for test in document.tests
        if test.state == "fail"
    ]
