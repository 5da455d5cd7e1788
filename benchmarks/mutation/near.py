"""The tests of a module: files that are called like it, or import it. Nothing has to be recorded to find them."""

import re
from collections.abc import Mapping
from pathlib import Path

from benchmarks.mutation.cage import Cage, Ended
from benchmarks.mutation.mutations import Mutant
from benchmarks.mutation.recording import PYTEST, files_of_tests

_NO_TESTS = 5
_DEADLINE = 60.0
"""Seconds for the files of one mutant. What takes longer says nothing: how long they take has not been recorded."""


class Near:
    """Lets a mutant meet the tests of its module.

    Args:
        without: path → text, what is changed in a copy without any mutant.
    """

    def __init__(self, root: Path, cage: Cage, without: Mapping[str, str]) -> None:
        self._root = root
        self._cage = cage
        self._without = without
        self._passes: dict[tuple[str, ...], bool] = {}

    def killed_by(self, mutant: Mutant, files: Mapping[str, str]) -> str:
        """The test that fails with these files, or how pytest ended if none ran; empty if one fails without them."""
        if not (near := tuple(self.files(mutant))):
            return ""
        ended = self._cage.run([*PYTEST, *near], _DEADLINE, files, {})
        if not ended.code or ended.code == _NO_TESTS:
            return ""
        if near not in self._passes:
            self._passes[near] = self._cage.run([*PYTEST, *near], _DEADLINE, self._without, {}).code == 0
        return (first_failed(ended) or f"exit code {ended.code}") if self._passes[near] else ""

    def files(self, mutant: Mutant) -> list[str]:
        """Those that have the name of the mutant's module first."""
        package, _, module = mutant.file.removesuffix(".py").replace("/", ".").rpartition(".")
        imports = re.compile(
            rf"^\s*(?:from|import) {re.escape(package)}\.{module}\b"
            rf"|^\s*from {re.escape(package)} import (?:\([^)]*|[^\n]*)\b{module}\b",
            re.MULTILINE,
        )
        files = list(files_of_tests(self._root, [mutant.subject]))
        named = [each for each in files if Path(each).stem == f"test_{module}"]
        return named + [each for each in files if each not in named and imports.search((self._root / each).read_text())]


def first_failed(ended: Ended) -> str:
    """The first test or file that pytest says failed; empty for none."""
    by = re.search(r"^(?:FAILED|ERROR) (\S+)", ended.output, re.MULTILINE)
    return by[1] if by else ""
