"""Patterns in which * stands for anything, and nothing else for anything but itself: names of tests have brackets."""

import re


def matches(text: str, pattern: str) -> bool:
    """Whether the whole of `text` is as `pattern` says."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None
