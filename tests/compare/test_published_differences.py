"""What the published documents differ in, by the ids that people's accepted differences rest on: none may move."""

import functools
import itertools
import re
from pathlib import Path

from packaging.version import Version

from takeover.compare.comparison import compare, identity
from takeover.compare.documents import document_changes
from takeover.store import documents as store
from takeover.store import together
from takeover.store.together import Together

REPORTS = Path(__file__).parents[2] / "reports"
VERSIONS = REPORTS / store.PUBLISHED
PINNED = Path(__file__).with_name("published_differences.txt")
"""A line each, worst first: its id, its kind, and what differs."""


def test_the_published_differences_keep_their_ids() -> None:
    paths = sorted(VERSIONS.glob("*.json"), key=lambda path: Version(path.stem))
    comparison = compare({path.stem: functools.partial(store.read, path) for path in paths})

    # That build has no V8, and so no filters of WebAssembly.
    assert comparison.remarks == ["not compared: 113 tests or probes that 1.36.2 has and 1.38.3 has not"]
    assert len(paths) == 11
    assert [f"{each.id} {each.kind} {each.what}" for each in comparison.differences] == PINNED.read_text().splitlines()


def test_what_the_readme_names_is_published() -> None:
    """Whoever reads of a difference there can look at both of its sides."""
    left = set(re.findall(r"`([0-9a-f]{8})`", (REPORTS / "README.md").read_text()))
    assert len(left) > 50
    left -= {line.partition(" ")[0] for line in PINNED.read_text().splitlines()}
    kept = Together(REPORTS / together.FOLDER)
    *olds, newest = kept.names
    read = functools.lru_cache(maxsize=2)(kept.document)
    for old, new in [*((each, newest) for each in olds), *itertools.pairwise(olds)]:
        left -= {identity(change) for change in document_changes(read(old), read(new))} if left else set()
    assert not left
