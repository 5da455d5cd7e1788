"""Where what was fetched or built once is kept for the next run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from takeover.base.errors import BadInputError


def cache_folder() -> Path:
    """The project's folder in the user's cache (XDG_CACHE_HOME); it may not exist yet."""
    return Path(platformdirs.user_cache_dir("envoy-takeover"))


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
