"""Paths as messages show them, and names of files."""

import functools
import hashlib
import re
from pathlib import Path

from takeover.base.errors import BadInputError

_LONGEST_NAME = 100

_CALLED: dict[Path, str] = {}


def call(folder: Path, name: str) -> None:
    """From here on messages call that folder so: its real name tells nobody anything, and is never the same again."""
    _CALLED[folder] = name


def display_path(path: Path) -> str:
    """`path` for a message: relative where it lies below the current folder, or one that has a name for messages."""
    for folder, name in _CALLED.items():
        if path.is_relative_to(folder):
            return str(Path(name, path.relative_to(folder)))
    return _relative(path, Path.cwd())


@functools.lru_cache(1024)  # each probe says where it is written
def _relative(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def given_path(text: str, option: str = "") -> Path:
    """A path as somebody gave it, absolute: whoever changes the current folder later does not change what it means.

    The shell expands ~ at the start of a word alone, and not what nobody's home is.

    Args:
        option: with what it was given, for the message.

    Raises: BadInputError for the home of somebody who is not known.
    """
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:
        whose = text.partition("/")[0]
        raise BadInputError(f"{option} {text}: nobody knows the folder {whose}: write it out".lstrip()) from None


def file_name(text: str) -> str:
    """A name that any file system and any artefact store takes."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", text).strip("-.")[-_LONGEST_NAME:] or "nameless"


def distinct_name(text: str) -> str:
    """Likewise, and never the same for two texts: where it is not the text itself, a hash of that is its end."""
    name = file_name(text)
    return name if name == text else f"{name}-{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:8]}"
