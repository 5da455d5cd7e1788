"""Texts for Envoy's StringMatcher and its like: one that matches, one that just does not, and whether one does."""

from collections.abc import Mapping
from typing import Any

from takeover.check.derive import expressions
from takeover.check.derive.expressions import CannotMakeError


def matches(matcher: Mapping[str, Any], text: str) -> bool:
    """Whether an `envoy.type.matcher.v3.StringMatcher` matches. Raises: CannotMakeError."""
    kind, value = kind_of(matcher)
    if kind == "safe_regex":
        return expressions.matches(value, text)
    if matcher.get("ignore_case"):
        value, text = value.lower(), text.lower()
    match kind:
        case "exact":
            return text == value
        case "prefix":
            return text.startswith(value)
        case "suffix":
            return text.endswith(value)
        case _:
            return value in text


def matching(matcher: Mapping[str, Any]) -> str:
    """A text that it matches. Raises: CannotMakeError."""
    kind, value = kind_of(matcher)
    if kind == "safe_regex":
        return expressions.matching(value)
    return value


def not_matching(matcher: Mapping[str, Any]) -> str:
    """A text that it just does not match. Raises: CannotMakeError."""
    kind, value = kind_of(matcher)
    if kind == "safe_regex":
        return expressions.not_matching(value, expressions.matching(value))
    for near in (value[:-1], value + "x", "x" + value, "another"):
        if near and not matches(matcher, near):
            return near
    raise CannotMakeError("all texts match")


def kind_of(matcher: Mapping[str, Any]) -> tuple[str, str]:
    """Which kind it is, and its text. Raises: CannotMakeError for a kind that is not known."""
    for kind in ("exact", "prefix", "suffix", "contains"):
        if kind in matcher:
            value = str(matcher[kind])
            return kind, value
    if "safe_regex" in matcher:
        return "safe_regex", str(matcher["safe_regex"].get("regex", ""))
    if not set(matcher) - {"ignore_case"}:
        return "exact", ""
    raise CannotMakeError(f"a matcher of strings by {', '.join(sorted(set(matcher) - {'ignore_case'}))}")
