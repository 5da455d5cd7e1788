"""Which Envoys a run tests: what `--envoy` selects."""

import re
from pathlib import Path

from takeover.base.errors import BadInputError
from takeover.envoy.identity import identify
from takeover.envoy.store import Tell, expect_version, fetched, installed, memory, offered
from takeover.model.release import Release

_VERSION = re.compile(r"v?(\d+(?:\.\d+)+(?:\.?(?:post|dev|a|b|rc)\d+)?)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


def resolve(selection: str | None, tell: Tell = lambda _: None) -> list[Release]:
    """The releases that `VERSION|latest|all|PATH|NAME=PATH[,…]` selects, in that order; None: the installed version.

    `all`: the oldest first. Fetches what is not in the user's cache yet. `tell` gets one line for each thing that takes
    a while.

    Raises: BadInputError for what cannot be selected, TakeoverError when a version cannot be fetched.
    """
    items = [installed()[0]] if selection is None else [item.strip() for item in selection.split(",")]
    wanted: list[tuple[str, Path | None]] = [named for item in items for named in _wanted(item)]
    names = [name for name, _ in wanted]
    for name in names:
        if names.count(name) > 1:
            raise BadInputError(f"--envoy selects {name} twice; name a build of your own with NAME=PATH")
    return [_version(name, tell) if path is None else _own_build(name, path) for name, path in wanted]


def _wanted(item: str) -> list[tuple[str, Path | None]]:
    """Name and path (None for a version) of each release that one item selects."""
    if item == "latest":
        return [(offered()[0], None)]
    if item == "all":
        return [(version, None) for version in reversed(offered())]  # differences are told from the first one on
    if version := _VERSION.fullmatch(item):
        return [(version[1], None)]
    name, separator, path = item.partition("=")
    if separator and "/" not in name:
        if not _NAME.fullmatch(name):
            raise BadInputError(f"--envoy {item}: a NAME is letters, digits and . _ + -, not {name!r}")
        return [(name, _path(path))]
    if "/" in item or _path(item).is_file():
        return [(_path(item).name, _path(item))]
    raise BadInputError(f"--envoy: {item!r} is no version, latest, all, PATH or NAME=PATH, nor a file here")


def _path(text: str) -> Path:
    """The shell expands ~ only at the start of a word."""
    return Path(text).expanduser().absolute()


def _version(version: str, tell: Tell) -> Release:
    path = fetched(version, tell)
    identity = identify(path, memory())
    expect_version(version, identity)
    return Release(version, version, path, identity.commit, identity.sha256, identity.build, ".post" in version)


def _own_build(name: str, path: Path) -> Release:
    identity = identify(path, memory())
    return Release(name, identity.version, path, identity.commit, identity.sha256, identity.build, False)
