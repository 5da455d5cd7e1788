"""Copies of the project, and of its scenarios, for a test to break.

The atlas is three quarters of the files, tests copy a hundred times, and have no use for it but for what they name.
"""

import shutil
from pathlib import Path

from takeover.scenario.library import Library

ROOT = Path(__file__).parents[1]
MANIFESTS = Library.bundled().folder
_PARTS = ("conftest.py", "pyproject.toml", "fixtures", "suites", "takeover")


def copy_project(to: Path) -> None:
    """Copies what a run needs, without the atlas.

    Of what Python has compiled it has all but what pytest rewrites, which tells where it was compiled: to compile it
    all again takes seconds in each process of a run.
    """
    copy_manifests(to / "manifests")
    for part in _PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, to / part, ignore=shutil.ignore_patterns("*-pytest-*.pyc"))
        else:
            shutil.copy(ROOT / part, to / part)


def copy_manifests(to: Path, *scenarios: str) -> Path:
    """Copies the bases and those scenarios, by their paths in manifests/; none: all but the atlas. Returns `to`."""
    if not scenarios:
        return Path(shutil.copytree(MANIFESTS, to, ignore=shutil.ignore_patterns("atlas")))
    for each in ("bases", *scenarios):
        shutil.copytree(MANIFESTS / each, to / each, dirs_exist_ok=True)
    return to
