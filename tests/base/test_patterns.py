import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from takeover.base.patterns import matches
from tests.unhurried import UNHURRIED


@pytest.mark.parametrize(
    ("text", "pattern", "is_so"),
    [
        ("abc", "abc", True),
        ("abc", "ab", False),
        ("abc", "a*c", True),
        ("ac", "a*c", True),
        ("a", "a*a", False),
        ("abcbc", "a*bc", True),
        ("test_it[a-b]", "test_it[*]", True),
        ("", "*", True),
        ("a\nb", "a*b", True),
        ("a.b", "a?b", False),
    ],
)
def test_matches(text: str, pattern: str, is_so: bool) -> None:
    assert matches(text, pattern) is is_so


@UNHURRIED
@given(st.text("ab", max_size=12), st.text("ab*", max_size=8))
def test_as_a_regular_expression_would(text: str, pattern: str) -> None:
    assert matches(text, pattern) is (re.fullmatch(pattern.replace("*", ".*"), text) is not None)


def test_many_stars_take_no_time() -> None:
    begin = time.thread_time()
    assert not matches("a" * 10_000, "*a" * 1_000 + "*b")
    assert time.thread_time() - begin < 5
