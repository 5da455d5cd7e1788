"""Which tests run which line of the library: recorded once for each file of tests, as long as it and the library stay.

Each file of tests runs by itself: of what happens in nodes it is not known in which test it happens, but in which file.
"""

import ast
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

from benchmarks.mutation.cage import Cage
from benchmarks.mutation.mutations import Mutant

PYTEST = ["-m", "pytest", "-q", "-n0", "-x", "-p", "no:cacheprovider"]
_ROOMS = {
    "evidence": ("model", "evidence", "scene", "suite"),
    "net": ("net", "probes/layers"),
    "compare": ("compare",),
    "normalisation": ("probes",),
    "local engine": ("node", "engines"),
}
"""Subject → the rooms whose tests are recorded for it."""
_LEFT_OUT = (
    "tests/engines/kind",
    "tests/engines/kubernetes",
    "tests/probes/peers",
    "tests/probes/test_full_reads.py",
)
"""Tests of other engines than that which is mutated, of protocols as others speak them, and those that take minutes."""
_PLUGIN = "benchmarks.mutation.durations"
_DEADLINE = 600.0
_OF_NODES = "*"
_MOST_TESTS = 300
_MOST_SECONDS = 15.0
_SENDS_TO_NODES = "node/client.py"


class Lines:
    """Which tests run a line, and how long each test takes.

    Args:
        tell: takes what is going on, a line each.
        files: of tests.
    """

    def __init__(self, root: Path, cage: Cage, tell: Callable[[str], None], files: Iterable[str]) -> None:
        self._root = root
        self._tests: defaultdict[str, defaultdict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.seconds: dict[str, float] = {}
        library = sha256(b"".join(each.read_bytes() for each in sorted((root / "takeover").rglob("*.py")))).hexdigest()

        def recorded(file: str) -> Path:
            of_file = sha256((library + file + (root / file).read_text()).encode()).hexdigest()[:16]
            folder = cage.kept / "lines" / of_file
            if not (folder / "seconds").exists():
                tell(f"recording {file}")
                folder.mkdir(parents=True, exist_ok=True)
                _record(cage, root, file, folder)
            return folder

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for folder in pool.map(recorded, files):
                self._take(folder)

    def _take(self, folder: Path) -> None:
        seconds = dict(line.split("\t")[::-1] for line in (folder / "seconds").read_text().splitlines())
        self.seconds |= {name: float(each) for name, each in seconds.items()}
        rows = [line.split("\t") for line in (folder / "lines").read_text().splitlines()]
        in_nodes = {test for test, file, _ in rows if file == _SENDS_TO_NODES and test in seconds}
        for test, file, line in rows:
            self._tests[file][int(line)] |= in_nodes if test == _OF_NODES else {test} & set(seconds)

    def tests(self, mutant: Mutant) -> list[str]:
        """Those that run what the mutant changes: first those of its room, the quickest first."""
        of_file = self._tests[mutant.file.removeprefix("takeover/")]
        found = set()
        for lines in _lines_to_look_for(ast.parse((self._root / mutant.file).read_text()), mutant.line):
            found = {test for line in lines or of_file for test in of_file.get(line, ())}
            if found:
                break
        room, chosen = f"tests/{mutant.file.split('/')[1]}/", list[str]()
        # Of a table in a module no line runs where it is looked at: the tests that have the module's name do.
        if not mutant.within:
            found |= {each for each in self.seconds if each.startswith(f"{room}test_{Path(mutant.file).stem}.py")}
        by_cost = sorted(found, key=lambda each: (not each.startswith(room), self.seconds[each], each))
        for test in by_cost[:_MOST_TESTS]:
            if sum(self.seconds[each] for each in chosen) < _MOST_SECONDS:
                chosen.append(test)
        return chosen


def files_of_tests(root: Path, subjects: Iterable[str]) -> Iterator[str]:
    """Those that are recorded for these subjects."""
    rooms = [root / "tests" / room for subject in subjects for room in _ROOMS[subject]]
    paths = [path.relative_to(root) for room in rooms for path in sorted(room.rglob("test_*.py"))]
    yield from (file for file in dict.fromkeys(map(str, paths)) if not file.startswith(_LEFT_OUT))


def _record(cage: Cage, root: Path, file: str, folder: Path) -> None:
    recorder = (root / "benchmarks" / "mutation" / "sitecustomize.py").read_text()
    environment = {"TAKEOVER_LINES": str(folder / "lines"), "TAKEOVER_DURATIONS": str(folder / "unfinished")}
    (folder / "lines").write_text("")
    command = [each for each in PYTEST if each != "-x"] + ["-p", _PLUGIN, file]
    ended = cage.run(command, _DEADLINE, {"sitecustomize.py": recorder}, environment)
    assert (folder / "unfinished").exists(), f"{file}:\n{ended.output}"
    (folder / "unfinished").rename(folder / "seconds")


def _lines_to_look_for(tree: ast.Module, line: int) -> Iterator[set[int]]:
    """The lines of the statement, or of what it is the head of; then those of its function; at last all.

    What is done when a module is imported is no test's own: the lines of functions tell who uses it.
    """
    around = [
        each for each in ast.walk(tree) if isinstance(each, ast.stmt) and _begin(each) <= line <= (each.end_lineno or 0)
    ]
    if functions := [each for each in around if isinstance(each, ast.FunctionDef)]:
        if around[-1] is not functions[-1]:
            body: list[ast.stmt] = getattr(around[-1], "body", [])
            yield set(range(around[-1].lineno, body[0].lineno if body else (around[-1].end_lineno or 0) + 1))
        yield {number for each in functions[-1].body for number in range(each.lineno, (each.end_lineno or 0) + 1)}
    yield {
        number
        for each in ast.walk(tree)
        if isinstance(each, ast.FunctionDef)
        for number in range(each.body[0].lineno, (each.end_lineno or 0) + 1)
    }
    yield set()


def _begin(statement: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(each.lineno for each in decorators)])
