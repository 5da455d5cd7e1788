"""Paths as messages show them, and names of files."""

import re
from pathlib import Path

_LONGEST_NAME = 100


def display_path(path: Path) -> str:
    """`path` for a message: relative where it lies below the current folder."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def file_name(text: str) -> str:
    """A name that any file system and any artefact store takes."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", text).strip("-.")[-_LONGEST_NAME:] or "nameless"
