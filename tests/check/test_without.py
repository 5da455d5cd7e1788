"""A configuration without what an Envoy does not take: with a cluster the listeners go that name it."""

from pathlib import Path

import yaml

from takeover.check.given import read
from takeover.check.records import Given
from takeover.check.without import needing, static, without
from tests.check.whole import cluster, listener, written

TO_A = {"match": {"prefix": "/"}, "route": {"cluster": "a"}}
TO_B = {"match": {"prefix": "/"}, "route": {"cluster": "b"}}


def given(folder: Path) -> Given:
    listeners = (listener("one", 8000, TO_A), listener("two", 8001, TO_B), listener("three", 8002, TO_B, TO_A))
    return read(written(folder, *listeners, clusters=(cluster("a"), cluster("b"))), {})


def names(of: Given, key: str) -> list[str]:
    return [each.name for each in static(of, key)]


def test_listeners_need_the_clusters_that_they_name(tmp_path: Path) -> None:
    assert needing(given(tmp_path), ("clusters", 0)) == [("listeners", 0), ("listeners", 2)]
    assert needing(given(tmp_path), ("listeners", 0)) == []


def test_what_stands_within_goes_with_it_and_the_rest_stays_as_it_is(tmp_path: Path) -> None:
    whole = given(tmp_path)
    rest = without(whole, {("clusters", 0), ("listeners", 0)})
    assert (names(rest, "listeners"), names(rest, "clusters")) == (["two", "three"], ["b"])
    assert len(rest.resources) < len(whole.resources)
    assert all("listeners[0]" not in each.place.path for each in rest.resources)
    written_again = yaml.safe_load((tmp_path / "gateway.yaml").read_text())["static_resources"]
    kept = rest.bootstrap["static_resources"]
    assert [each["name"] for each in kept["listeners"]] == [each["name"] for each in written_again["listeners"][1:]]
    assert names(without(rest, {("listeners", 0)}), "listeners") == ["three"]
