"""What a document tells that another one can be compared with."""

from collections.abc import Callable

from takeover.compare.documents import Reach
from takeover.model.document import Document

PROBES = {("one", "edges/plain"), ("two", "edges/plain")}


def test_tests_that_ended_probes_configs_and_the_binary(document: Callable[..., Document]) -> None:
    tests = [
        {"id": name, "scenario": "one", "name": name, "state": state}
        for name, state in (("a", "pass"), ("b", "fail"), ("c", "not-run"))
    ]
    configs = [{"scenario": "one", "source": "manifest", "loads": True}]
    reach = Reach.of(document("x", tests=tests, configs=configs, binary={}))

    assert reach.known == PROBES | {("", "a"), ("", "b"), ("", "c")}
    assert reach.observed == PROBES | {("", "a"), ("", "b")}
    assert reach.places == reach.observed | {("one", "manifest"), ("", "")}
    for scenario, name, is_seen in (
        ("one", "edges/plain", True), ("one", "a", True), ("one", "c", False), ("three", "edges/plain", False),
        ("one", "manifest", True), ("two", "manifest", False), ("", "", True),
    ):  # fmt: skip
        assert reach.looked_at(scenario, name) is is_seen


def test_a_binary_that_was_not_asked_was_not_looked_at(document: Callable[..., Document]) -> None:
    reach = Reach.of(document("x"))

    assert reach.places == reach.observed == reach.known == PROBES
    assert not reach.looked_at("", "")
