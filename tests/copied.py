"""Copies of the project, and of its scenarios, for a test to break.

The atlas is three quarters of the files, tests copy a hundred times, and have no use for it but for what they name.
"""

import shutil
from pathlib import Path

from takeover.scenario.library import Library

ROOT = Path(__file__).parents[1]
MANIFESTS = Library.bundled().folder
_PARTS = ("conftest.py", "pyproject.toml", "fixtures", "suites")
_REWRITTEN = "suite"
"""The part of the library whose assertions pytest rewrites: what it compiled tells where that was done."""


def copy_project(to: Path) -> None:
    """Copies what a run needs, without the atlas; but the library, which no test breaks, are links to the one there is.

    It is four fifths of the files, and to compile it again takes seconds in each process of a run.
    """
    copy_manifests(to / "manifests")
    for part in (*_PARTS, f"takeover/{_REWRITTEN}"):
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, to / part, ignore=shutil.ignore_patterns("*-pytest-*.pyc"))
        else:
            shutil.copy(ROOT / part, to / part)
    for each in (ROOT / "takeover").iterdir():
        if each.name != _REWRITTEN:
            (to / "takeover" / each.name).symlink_to(each)


def copy_manifests(to: Path, *scenarios: str) -> Path:
    """Copies the bases and those scenarios, by their paths in manifests/; none: all but the atlas. Returns `to`."""
    if not scenarios:
        return Path(shutil.copytree(MANIFESTS, to, ignore=shutil.ignore_patterns("atlas")))
    for each in ("bases", *scenarios):
        shutil.copytree(MANIFESTS / each, to / each, dirs_exist_ok=True)
    return to
