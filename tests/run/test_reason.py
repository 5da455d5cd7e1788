"""Why an assertion failed, on one line: which row of a table, what came, what was expected."""

import time
import uuid
from typing import Any

import pytest

from takeover.run.reason import Comparison


@pytest.mark.parametrize(
    ("came", "expected", "text"),
    [
        (503, 200, "503, not 200"),
        # A table's row by its key, in the order of what is expected, however the other side is ordered.
        ({"b": 1, "a": 2}, {"a": 3, "b": 4}, "[a]: 2, not 3"),
        ({"a": 1}, {"a": 1, "b": 2}, "[b]: nothing, not 2"),
        ({"a": 1, "d": 2, "c": 3}, {"a": 1}, "[c]: 3, not nothing"),
        # What is within a row.
        ({"a": (200, ["x"])}, {"a": (200, ["y"])}, "[a][1][0]: 'x', not 'y'"),
        (["one", "two"], ["one"], "[1]: 'two', not nothing"),
        ((200, "a"), (200, "b"), "[1]: 'a', not 'b'"),
        ({"a", "b"}, {"b", "c"}, "'a', not 'c'"),
        ({"a", "b"}, {"b"}, "'a', not nothing"),
        # Long texts from shortly before they differ.
        ("x" * 200 + "a", "x" * 200 + "b", f"…{'x' * 20}a', not …{'x' * 20}b'"),
        (b"y" * 200, b"", f"b'{'y' * 78}…, not b''"),
        ("x" * 30, "", f"'{'x' * 30}', not ''"),
        # Of what was measured, what is the same in every run.
        ("attempt 3 passed, but at most 0.934 tokens", "", "'attempt 3 passed, but at most … tokens', not ''"),
        ("n = 2000: 1100 against 900; p = 1e-10", "", "'n = …: … against …; p = 1e-…', not ''"),
        (float("nan"), 1.5, "nan, not 1.5"),
    ],
)
def test_the_first_difference_is_told(came: Any, expected: Any, text: str) -> None:
    assert Comparison("==", came, expected).told({}) == text


def test_of_other_comparisons_both_sides_are_told() -> None:
    assert Comparison("in", "myage", ["server"]).told({}) == "not 'myage' in ['server']"


def test_what_varies_from_run_to_run_is_left_out() -> None:
    varying = [
        uuid.uuid4(),
        object(),
        time.monotonic(),
        "10.1.2.3:41234",
        "10.1.2.30:80",
        "2026-11-25T10:00:00Z",
        uuid.uuid4().hex,
    ]

    told = [Comparison("==", [each], ["-"]).told({"10.1.2.3": "client", "10.1.2.30": "server"}) for each in varying]

    came = ["UUID('ID')", "<object object at 0x…>", "…", "'client:PORT'", "'server:80'", "'TIME'", "'HASH'"]
    assert told == [f"[0]: {each}, not '-'" for each in came]
