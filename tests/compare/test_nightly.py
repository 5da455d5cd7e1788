"""The nightly workflow that is shipped is green on its first night, and for what was looked at only."""

import functools
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from takeover.compare.accepted import accept, read_accepted
from takeover.compare.comparison import Comparison, compare
from takeover.compare.kinds import failing
from takeover.store import documents as store

ROOT = Path(__file__).parents[2]
JOBS: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/nightly.yml").read_text())["jobs"]
COMMAND, OF_THE_ATLAS = [each["run"] for each in JOBS["changes"]["steps"] if each.get("run", "").startswith("./run ")]
FAILING = failing(None)


def published(version: str) -> Path:
    return ROOT / "reports" / store.PUBLISHED / f"{version}.json"


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    """Of the Envoys that it compares, with what it accepts."""
    found = re.fullmatch(r'\./run --envoy (\S+) -m "not atlas" --accepted (\S+)', COMMAND)
    assert found, COMMAND
    names, file = found[1].split(","), found[2]
    comparison = compare({each: functools.partial(store.read, published(each)) for each in names})
    accept(comparison, read_accepted(ROOT / file, ROOT))
    return comparison


def test_what_the_versions_are_known_to_do_otherwise_is_accepted(comparison: Comparison) -> None:
    assert comparison.failing(FAILING) == []
    assert comparison.remarks == []  # no entry is of no use


def test_the_atlas_is_made_on_the_same_envoys_and_only_what_is_new_fails() -> None:
    assert f'{COMMAND.partition(" -m ")[0]} -m "atlas and probes" || [ $? -eq 1 ]' == OF_THE_ATLAS


def test_it_accepts_nothing_else(comparison: Comparison) -> None:
    accepted = [each for each in comparison.differences if each.accepted]
    assert accepted
    assert all(each.kind in FAILING for each in accepted)


def test_no_test_fails_on_the_versions_that_it_tests() -> None:
    for version in JOBS["suites"]["strategy"]["matrix"]["envoy"]:
        assert [each.id for each in store.read(published(version)).tests if each.state == "fail"] == []
