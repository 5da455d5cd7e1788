"""Data in the reader's words."""

import re
from collections.abc import Sequence


def counted(number: int, what: str) -> str:
    """Such as "1 test", "2 tests"."""
    return f"{number} {what}" + ("" if number == 1 else "s")


def listed(parts: Sequence[str]) -> str:
    """Such as "a, b and c"."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def spoken(nodeid: str) -> str:
    """A test's id as a sentence: `suites/a.py::test_it_is_so[x-1]` is "it is so (x-1)"."""
    name, _, case = nodeid.rpartition("::")[2].partition("[")
    sentence = re.sub(r"^test_", "", name).replace("_", " ")
    return f"{sentence} ({case.removesuffix(']')})" if case else sentence
