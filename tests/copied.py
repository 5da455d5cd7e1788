"""Copies of the project's scenarios, for a test to break.

The atlas is three quarters of the files, tests copy a hundred times, and have no use for it but for what they name.
"""

import shutil
from pathlib import Path

from takeover.scenario.library import Library

MANIFESTS = Library.bundled().folder


def copy_manifests(to: Path, *scenarios: str) -> Path:
    """Copies the bases and those scenarios, by their paths in manifests/; none: all but the atlas. Returns `to`."""
    if not scenarios:
        return Path(shutil.copytree(MANIFESTS, to, ignore=shutil.ignore_patterns("atlas")))
    for each in ("bases", *scenarios):
        shutil.copytree(MANIFESTS / each, to / each, dirs_exist_ok=True)
    return to
