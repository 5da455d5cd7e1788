import re

import pytest

from takeover.check.derive import expressions
from takeover.check.derive.expressions import CannotMakeError

EXPRESSIONS = (
    "/api/v[12]/.*",
    "/(users|items)/[0-9]+",
    r"/a\.b/\d{3}(/\w+)?",
    "/x{2,4}y?",
    "(?i)/Any/[a-f]{8}",
    "/[^/]+/end",
    r"/[[:alpha:]]+/\Qa.b\E",
    "^/anchored$",
    "/(?:a|b(?:c|d))+/z",
    r"(.*,)?v2(,.*)?",
    "(?P<name>/[A-Z][a-z]*)",
    r"/\S+/\D\W",
    "/.+",
    "/[[:^digit:]x]|/y",
)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_what_is_made_is_matched_and_what_is_near_it_is_not(expression: str) -> None:
    made = expressions.matching(expression)
    assert expressions.matches(expression, made)
    try:
        near = expressions.not_matching(expression, made)
    except CannotMakeError:
        assert expression.endswith((".*", ".+", "\\W"))
    else:
        assert not expressions.matches(expression, near)
        assert abs(len(near) - len(made)) <= 1


def test_it_begins_as_it_is_told_where_the_expression_leaves_the_choice() -> None:
    assert expressions.matching("a|/b|/c", begins="/") == "/b"
    assert expressions.matching(".*", begins="/", allowed="/a").startswith("/")


@pytest.mark.parametrize("expression", [r"\pL+", "(a", "(?=a)b", "x{3000}", "a" * 3000, r"(a)\1"])
def test_what_cannot_be_made_is_said(expression: str) -> None:
    with pytest.raises(CannotMakeError):
        expressions.matching(expression)


def test_the_whole_text_must_match() -> None:
    assert not expressions.matches("a|ab", "abc")
    assert re.match("a|ab", "abc")


@pytest.mark.parametrize(
    "expression", [r"(a+)+b", r"(/[^/]+)*/end", r"(x*y*)*z|.*.*.*w", r"(?i)(ab*)+c{2,3}$", r"^(a|b?){3,}c*d*$"]
)
@pytest.mark.parametrize(
    "text", ["", "a", "aab", "/a/b/end", "/end", "xyxz", "w", "ABBcc", "abcccc", "bbb", "ab", "cd"]
)
def test_the_matcher_in_linear_time_says_what_pythons_own_says(expression: str, text: str) -> None:
    assert expressions.matches(expression, text) == (re.fullmatch(expression, text) is not None)


def test_no_expression_takes_more_than_linear_time() -> None:
    assert not expressions.matches("(a+)+b", "a" * 2000)
    assert not expressions.matches("(a|aa)+(a*)*.*.*.*.*b", "a" * 500)
    assert not expressions.matches("/([a-z0-9]{1,30}-?){1,10}", f"/{'a' * 300}.")


@pytest.mark.parametrize(
    ("expression", "text"), [(r"(?:\b[a-z]{1,10}/?){2}", "a/b"), ("(/[a-z0-9._-]{1,255}){1,100}", "/a/b")]
)
def test_where_repeats_have_bounds_and_there_is_no_automaton_they_are_matched_all_the_same(
    expression: str, text: str
) -> None:
    assert expressions.matches(expression, text)
    assert not expressions.matches(expression, f"{text}//")
