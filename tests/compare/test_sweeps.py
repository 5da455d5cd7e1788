"""What two sweeps of the same variants differ in."""

from collections.abc import Callable
from typing import Any

import pytest

from takeover.compare.comparison import compare
from takeover.compare.detail import beside, detail
from takeover.model.document import Document

TAKEN = {"scenario": "one", "name": "Listener.a = 1", "state": "taken"}
REFUSED = TAKEN | {"state": "refused", "error": "a is too small"}
OTHERWISE = REFUSED | {"error": "b"}
UNANSWERED = TAKEN | {"state": "unanswered"}
ENDED = TAKEN | {"state": "ended", "error": "exit code 134: panic"}


def of(document: Callable[..., Document], name: str, *variants: dict[str, Any], **changed: Any) -> Document:
    return document(name, sweep={"variants": list(variants), "fields": 1, **changed})


def probe(status: int) -> list[dict[str, Any]]:
    return [{"name": "get", "seen": {"status": status}}]


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        (TAKEN, REFUSED, [("config-rejected", "Listener.a = 1", "config", "taken", "refused")]),
        (REFUSED, TAKEN, [("config-accepted", "Listener.a = 1", "config", "refused", "taken")]),
        (
            TAKEN,
            TAKEN | {"state": "unanswered"},
            [("config-rejected", "Listener.a = 1", "config", "taken", "unanswered")],
        ),
        (TAKEN, ENDED, [("crash", "Listener.a = 1", "Envoy", "goes on", "ends (exit code 134)")]),
        (ENDED, ENDED, [("crash", "Listener.a = 1", "Envoy", "ends (exit code 134)", "ends (exit code 134)")]),
        (
            REFUSED,
            REFUSED | {"error": "b"},
            [("warning", "Listener.a = 1", "the config's error", "a is too small", "b")],
        ),
        (REFUSED, REFUSED, []),
        (
            TAKEN | {"probes": probe(200)},
            TAKEN | {"probes": probe(403)},
            [("status", "Listener.a = 1: get", "status", "200", "403")],
        ),
        (TAKEN, TAKEN | {"probes": probe(403)}, []),  # of which only one tells what it does
    ],
)
def test_each_change_is_a_difference_of_its_kind(
    document: Callable[..., Document], was: dict[str, Any], now: dict[str, Any], told: list[tuple[str, ...]]
) -> None:
    old, new = of(document, "1.39.0", was), of(document, "1.40.0", now)
    found = compare({"1.39.0": lambda: old, "1.40.0": lambda: new})
    assert [(each.kind, each.places[0].probe, each.what, each.was, each.now) for each in found.differences] == told
    assert found.compared == {"1.40.0": 3}  # and two probes
    assert found.total == 3


def test_what_only_one_was_asked_is_told_and_not_compared(document: Callable[..., Document]) -> None:
    old = of(document, "1.39.0", TAKEN, TAKEN | {"name": "Listener.b = 1"})
    new = of(document, "1.40.0", TAKEN, left_out=1)
    found = compare({"1.39.0": lambda: old, "1.40.0": lambda: new})
    assert found.differences == []
    assert found.remarks == [
        "1.40.0: the sweep left out 1 variants",
        "not compared: 1 tests or probes that 1.39.0 has and 1.40.0 has not",
    ]


def test_the_smallest_configuration_stands_beside_and_the_command_that_shows_it_again(
    document: Callable[..., Document],
) -> None:
    smallest = {"config": "a: 1\n"}
    old, new = of(document, "1.39.0", TAKEN | smallest), of(document, "1.40.0", REFUSED | smallest)
    comparison = compare({"1.39.0": lambda: old, "1.40.0": lambda: new})
    [difference] = comparison.differences
    shown = beside(difference, old, new, "pytest")
    assert shown is not None
    assert ("the smallest that differs", "a: 1\n", "a: 1\n") in shown.facts
    assert shown.commands == ["pytest --envoy 1.39.0 --sweep=one", "pytest --envoy 1.40.0 --sweep=one"]
    lines = list(detail(comparison, difference, old, new, 120))
    assert not [each for each in lines if "takeover explain" in each]  # it makes probes of probes.yaml again
