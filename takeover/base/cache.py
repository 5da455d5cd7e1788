"""Where what was fetched or built once is kept for the next run."""

from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """The project's folder in the user's cache (XDG_CACHE_HOME); it may not exist yet."""
    return Path(platformdirs.user_cache_dir("envoy-takeover"))
