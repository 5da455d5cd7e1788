"""Where what was fetched or built once is kept for the next run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs

from takeover.base.errors import BadInputError


def cache_folder() -> Path:
    """The project's folder in the user's cache (XDG_CACHE_HOME); it may not exist yet."""
    return Path(platformdirs.user_cache_dir("envoy-takeover"))


def bytes_on_disk(folder: Path) -> int:
    """How much room all in a folder takes; 0 where there is none. What this user may not look into is not counted."""
    found = {}
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            with suppress(OSError):
                status = os.lstat(f"{parent}/{name}")
                found[status.st_dev, status.st_ino] = status.st_blocks * 512  # one that has two names takes room once
    return sum(found.values())


@contextmanager
def writing(what: str = "") -> Iterator[None]:
    """Around what makes files in the cache.

    Args:
        what: is kept there, for the message.

    Raises: BadInputError with the remedy, where they cannot be made.
    """
    try:
        yield
    except OSError as error:
        raise BadInputError(
            f"cannot keep {what or 'anything'} in {cache_folder()}: {error.strerror or error}: "
            "set XDG_CACHE_HOME to a folder that can be written"
        ) from error
