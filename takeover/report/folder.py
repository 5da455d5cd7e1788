"""A run's folder as people find it: `index.html`, `junit.xml`, `summary.md`, and what failed tests left."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from takeover.base import atomic
from takeover.base.paths import file_name
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
    """Writes what a failed test left into a folder of its own, once for each test and Envoy.

    A message that is too long for the page is one more file there.

    Raises: OSError.
    """
    folder = run / FAILURES / f"{file_name(failure.release)}-{file_name(failure.name)}"
    folder.mkdir(parents=True, exist_ok=True)
    files = {file_name(name): text for name, text in artefacts.items()}
    message = bounds.message(failure.message)
    if message != failure.message:
        files[_MESSAGE] = failure.message
    for name, text in files.items():
        atomic.write(folder / name, text.encode(errors="replace"))
    kept = msgspec.structs.replace(failure, message=message, files=sorted(files), folder=f"{FAILURES}/{folder.name}")
    atomic.write(folder / _ABOUT, msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")


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
