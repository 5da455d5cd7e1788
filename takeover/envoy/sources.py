"""Where Envoys come from: what an item of `--envoy` is asked of.

Versions are PyPI's (`takeover.envoy.pypi`), paths are files of this machine; `github:VERSION` and
`image:REFERENCE` are what Envoy's project publishes (`takeover.envoy.github`, `takeover.envoy.image`). Whoever has
Envoys elsewhere registers a source of their own, for instance in a plugin of pytest (`-p my_builds`); `--envoy
builds:ITEM` asks it for ITEM:

    takeover.envoy.sources.register("builds", MyBuilds())
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from takeover.base.paths import given_path
from takeover.envoy.identity import identify
from takeover.model.release import Release

Tell = Callable[[str], None]

_PREFIX = re.compile(r"[a-z][a-z0-9+-]*")


class Source(Protocol):
    """A place where Envoys come from."""

    def releases(self, item: str, tell: Tell) -> list[Release]:
        """The releases that `item` selects, in the order in which they are to be tested; fetched if need be.

        `release_of` makes one of a file. Their names are a part of tests' ids: letters, digits and . _ + -

        Args:
            item: of `--envoy`, without the source's prefix.
            tell: gets one line for each thing that takes a while.

        Raises: BadInputError for what cannot be selected, TakeoverError when it cannot be fetched.
        """
        ...


class Files:
    """See `Source`: an item is the path of a binary."""

    def releases(self, item: str, tell: Tell) -> list[Release]:  # noqa: ARG002 - nothing here takes a while
        """The binary, by its file's name."""
        return [release_of(path_of(item).name, path_of(item))]


def release_of(name: str, binary: Path) -> Release:
    """An Envoy in a file. Raises: BadInputError when it is missing, not executable, or not an Envoy."""
    identity = identify(binary)
    return Release(
        name, identity.version, binary, identity.commit, identity.sha256, identity.build, False, identity.file
    )


def path_of(text: str) -> Path:
    """A path as it was given to `--envoy`. Raises: BadInputError for a home that nobody knows."""
    return given_path(text, "--envoy")


def register(prefix: str, source: Source) -> None:
    """Lets `--envoy PREFIX:ITEM` ask `source` for ITEM.

    Raises: ValueError for what is no prefix (lower case letters, digits, + and -), or is one already.
    """
    if not _PREFIX.fullmatch(prefix):
        raise ValueError(f"{prefix!r} is no prefix: lower case letters, digits, + and -")
    if prefix in _registered:
        raise ValueError(f"there is a source of Envoys with the prefix {prefix} already")
    _registered[prefix] = source


def registered(item: str) -> tuple[Source, str] | None:
    """The source that is asked for `item` by its prefix, and what it is asked for; None if there is no such prefix."""
    prefix, separator, rest = item.partition(":")
    return (_registered[prefix], rest) if separator and prefix in _registered else None


def forms() -> list[str]:
    """How items of the registered sources are written."""
    return [f"{prefix}:…" for prefix in _registered]


_registered: dict[str, Source] = {}
