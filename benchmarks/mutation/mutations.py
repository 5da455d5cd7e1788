"""The mutants there can be, and a sample of them that stays the same as long as the code that it changes does.

cosmic-ray knows the changes and makes them. A place in the code can mostly be changed in several ways (`+` alone in
eleven): places are drawn, then one way for each, so that arithmetic does not outweigh everything else.
"""

import ast
import functools
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from hashlib import sha256
from pathlib import Path
from typing import Any

from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.ast.ast_query import ASTQuery
from cosmic_ray.mutating import mutate_code

from benchmarks.mutation.removal import RemoveStatement

SUBJECTS = {
    "evidence": ["takeover/evidence/*.py"],
    "net": ["takeover/net/*.py"],
    "compare": ["takeover/compare/*.py"],
    "normalisation": [
        "takeover/probes/normal_form.py",
        "takeover/probes/normal_rules.py",
        "takeover/probes/own_words.py",
        "takeover/probes/admin_form.py",
        "takeover/probes/lengths.py",
    ],
    "local engine": ["takeover/engines/local/*.py", "takeover/engines/local/inside/*.py", "takeover/node/*.py"],
}
"""Subject → patterns of its files."""
_REMOVAL = "RemoveStatement"


@dataclass(frozen=True)
class Mutant:
    """One change of the library.

    Args:
        file: its path in the project.
        within: the function or class that holds it; empty for a module's own code.
        old: the first line that is changed, without its indentation.
        new: what stands there then.
        number: which of the places in one line (or in lines that look the same), from 0.
        line: where it is now.
        code: the file with the change.
    """

    file: str
    within: str
    old: str
    new: str
    number: int
    line: int
    code: str

    @property
    def text(self) -> str:
        """What it is, wherever its line is."""
        which = f" ({self.number + 1})" if self.number else ""
        return f"{self.file} {self.within or '-'}{which}: {self.old} → {self.new}"

    @property
    def subject(self) -> str:
        """Which of `SUBJECTS` it belongs to."""
        return next(name for name, patterns in SUBJECTS.items() if any(fnmatch(self.file, each) for each in patterns))


@dataclass(frozen=True)
class _Place:
    """Where a file can be changed, and in which ways: cosmic-ray's operators, and which of its occurrences each has."""

    file: str
    position: tuple[int, int]
    within: str
    old: str
    number: int
    family: str
    ways: tuple[tuple[str, int], ...]


def sample(root: Path, subjects: list[str], seed: str) -> Iterator[Mutant]:
    """One mutant for each place that can be changed, in an order of chance.

    An edit of the project moves no other place in that order.
    """
    files = {file for subject in subjects for pattern in SUBJECTS[subject] for file in root.glob(pattern)}
    places = [place for file in sorted(files) for place in _places(file.read_text(), str(file.relative_to(root)))]
    for place in sorted(places, key=lambda each: _chance(seed, each)):
        for name, occurrence in sorted(place.ways, key=lambda way: _chance(seed, place, way[0])):
            mutant = _mutant(root, place, name, occurrence)
            if mutant is not None:
                yield mutant
                break


def _mutant(root: Path, place: _Place, operator: str, occurrence: int) -> Mutant | None:
    """None for a change that changes nothing, or after which it is no Python any more."""
    code = (root / place.file).read_text()
    changed = mutate_code(code, _operator(operator), occurrence)
    if changed is None or changed == code:
        return None
    try:
        with warnings.catch_warnings(action="error"):  # as pytest does: `is "text"` is found without any test
            compile(changed, place.file, "exec")
    except SyntaxError:
        return None
    pairs = zip(code.splitlines(), changed.splitlines(), strict=False)
    new = next(new.strip() for old, new in pairs if old != new) if place.family != "RemoveDecorator" else "nothing"
    return Mutant(place.file, place.within, place.old, new, place.number, place.position[0], changed)


def _places(code: str, file: str) -> Iterator[_Place]:
    """Those of a file, but in annotations: a change there is mypy's to find, no test's."""
    nodes, annotated, lines = list(ast_nodes(get_ast(code))), _annotated(code), code.splitlines()
    ways: dict[tuple[tuple[int, int], str], list[tuple[str, int]]] = {}
    within: dict[tuple[int, int], str] = {}
    for name in _operator_names():
        operator = _operator(name)
        found = ((node, start) for node in nodes for start, _ in operator.mutation_positions(node))
        for occurrence, (node, start) in enumerate(found):
            if start not in annotated:
                within[start] = within.get(start) or ASTQuery(node).get_definition_name() or ""
                ways.setdefault((start, name.removeprefix("core/").partition("_")[0]), []).append((name, occurrence))
    alike: Counter[tuple[str, str, str]] = Counter()
    for (start, family), its in sorted(ways.items()):
        old = lines[start[0] - 1].strip()
        look = (within[start], old, family)
        yield _Place(file, start, within[start], old, alike[look], family, tuple(its))
        alike[look] += 1


@functools.cache
def _operator_names() -> list[str]:
    """Those of cosmic-ray that need no arguments and change something, and our own."""
    names = [name for name in plugins.operator_names() if name != "core/NoOp"]
    return [*(name for name in names if not plugins.get_operator(name).arguments()), _REMOVAL]


def _operator(name: str) -> Any:
    return RemoveStatement() if name == _REMOVAL else plugins.get_operator(name)()


def _annotated(code: str) -> set[tuple[int, int]]:
    """The positions within annotations."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        for each in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if isinstance(each, ast.expr):
                found |= {
                    (part.end_lineno or 0, column)
                    for part in ast.walk(each)
                    if isinstance(part, ast.expr)
                    for column in range(part.col_offset, part.end_col_offset or 0)
                }
    return found


def _chance(seed: str, place: _Place, way: str = "") -> str:
    text = f"{seed} {place.file} {place.within} {place.old} {place.number} {place.family} {way}"
    return sha256(text.encode()).hexdigest()
