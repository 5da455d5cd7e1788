"""Paths as messages show them."""

from pathlib import Path


def display_path(path: Path) -> str:
    """`path` for a message: relative where it lies below the current folder."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
