"""What the published documents differ in, by the ids that people's accepted differences rest on: none may move."""

import functools
from pathlib import Path

from packaging.version import Version

from takeover.compare.comparison import compare
from takeover.store import documents as store

VERSIONS = Path(__file__).parents[2] / "reports" / store.PUBLISHED
PINNED = Path(__file__).with_name("published_differences.txt")
"""A line each, worst first: its id, its kind, and what differs."""


def test_the_published_differences_keep_their_ids() -> None:
    paths = sorted(VERSIONS.glob("*.json"), key=lambda path: Version(path.stem))
    comparison = compare({path.stem: functools.partial(store.read, path) for path in paths})

    # That build has no V8, and so no filters of WebAssembly.
    assert comparison.remarks == ["not compared: 113 tests or probes that 1.36.2 has and 1.38.3 has not"]
    assert len(paths) == 11
    assert [f"{each.id} {each.kind} {each.what}" for each in comparison.differences] == PINNED.read_text().splitlines()
