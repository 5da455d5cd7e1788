"""Whether a run has collected all of a project's tests: only then can be said of a name that no test has it."""

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from takeover.run.options import project_folder


def has_all_tests(session: pytest.Session, items: Iterable[pytest.Item]) -> bool:
    """Whether there is an item of each of the project's test files, and nothing chose among those of one.

    A file without one was not named, is left out, skips itself, or cannot be read, which pytest tells.
    """
    option = session.config.option
    is_part = any("::" in argument for argument in session.config.args) or getattr(option, "lf", False)
    if is_part or session.testsfailed or option.sabotage is not None:  # which multiplies tests, and leaves others out
        return False
    collected = {item.path for item in items}
    return bool(collected) and all(each in collected for each in _test_files(session.config))


def _test_files(config: pytest.Config) -> Iterator[Path]:
    """Those that pytest finds by itself: below `testpaths`, else in the project's folder."""
    patterns: list[str] = config.getini("testpaths")
    # As pytest does it: pathlib takes neither . nor what is absolute.
    found = [each for named in patterns for each in glob.glob(str(config.rootpath / named), recursive=True)]  # noqa: PTH207
    for place in map(Path, found) if found else [project_folder(config)]:
        yield from _below(place, config.getini("python_files"), config.getini("norecursedirs"))


def _below(place: Path, files: list[str], left_out: list[str]) -> Iterator[Path]:
    if not place.is_dir():
        yield place
        return
    for folder, names, found in os.walk(place):  # which may be changed while it goes on
        names[:] = [each for each in names if not _is_left_out(Path(folder, each), left_out)]
        paths = (Path(folder, name) for name in found if name.endswith(".py"))
        yield from (path for path in paths if any(path.match(each) for each in files))


def _is_left_out(folder: Path, patterns: list[str]) -> bool:
    """Whether pytest does not look into it: by a pattern, or as it is a virtual environment."""
    return any(folder.match(each) for each in patterns) or (folder / "pyvenv.cfg").is_file()
