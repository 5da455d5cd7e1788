"""The folder with resources: it is read at the start, and again whenever a file of it changes."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from takeover.peers.control_plane import resources
from takeover.peers.control_plane.resources import Resource, ResourceError
from takeover.peers.yaml_data import YamlError, is_yaml_file, read_yaml

_EVERY = 0.1
"""Seconds after which it is looked at again. A change is read when it has rested as long."""
_WHEN_ASKED = "when-asked"

FileState = tuple[str, int, int, int]
State = tuple[FileState, ...]


class Folder:
    """A folder of files `{"resources": [RESOURCE…]}`, as Envoy's own file subscription has them.

    A file that has `"served": "when-asked"` besides is kept for who asks for it by its name.

    Args:
        path: where it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[str, tuple[FileState | None, dict[str, Any]]] = {}

    def read(self) -> tuple[list[Resource], str]:
        """All resources, and the version_info that the files name, if any does.

        Raises: ResourceError, in one line, with the file's name.
        """
        found: list[Resource] = []
        versions: set[str] = set()
        where: dict[tuple[str, str], str] = {}
        for file in self._files():
            written = self._written(file)
            if written.get("served") == _WHEN_ASKED:
                continue
            versions |= {str(written["version_info"])} if "version_info" in written else set()
            of_file = _resources(written, file)
            for each in of_file:
                first = where.setdefault((each.url, each.name), file.name)
                if first != file.name or sum(each.name == x.name and each.url == x.url for x in of_file) > 1:
                    raise ResourceError(f"{file}: {each.url} {each.name} is there twice; first in {first}")
            found += of_file
        return found, "+".join(sorted(versions))

    def read_when_asked(self, name: str) -> list[Resource]:
        """The resources of a file that is served when it is asked for. Raises: ResourceError."""
        all_of_it = {file.name: self._written(file) for file in self._files()}
        kept = {each: written for each, written in all_of_it.items() if written.get("served") == _WHEN_ASKED}
        if name not in kept:
            raise ResourceError(f"no file {name} that is served {_WHEN_ASKED}; there are: {', '.join(kept) or 'none'}")
        return _resources(kept[name], self.path / name)

    def state(self) -> State:
        """What changes whenever a file does."""
        return tuple(state for name in self._names() if (state := self._state_of(name)) is not None)

    def _state_of(self, name: str) -> FileState | None:
        """Of one file; None where it is gone."""
        try:
            stat = os.stat(f"{self.path}/{name}")  # noqa: PTH116 - of the file behind the link
        except OSError:
            return None
        return name, stat.st_mtime_ns, stat.st_size, stat.st_ino

    def _written(self, file: Path) -> dict[str, Any]:
        """What stands in it, parsed once as long as it stays as it is. Raises: ResourceError."""
        state = self._state_of(file.name)  # before it is read: one that changes meanwhile is parsed again
        known = self._known.get(file.name)
        if known is None or state is None or known[0] != state:
            known = self._known[file.name] = state, _load(file)
        return known[1]

    def _files(self) -> list[Path]:
        return [self.path / each for each in self._names()]

    def _names(self) -> list[str]:
        # Asked for all the time: with paths it takes five times as long.
        try:
            names = os.listdir(self.path)  # noqa: PTH208
        except OSError as error:
            raise ResourceError(f"{self.path}: {error.strerror}") from None
        return sorted(filter(is_yaml_file, names))

    async def watch(self, changed: Callable[[], None], gone: Callable[[str], None]) -> None:
        """Calls `changed` after each change, for ever.

        Args:
            changed: likewise.
            gone: gets what is to be told while the folder cannot be listed.
        """
        known = before = self.state()
        is_gone = False
        while True:
            await asyncio.sleep(_EVERY)
            try:
                now = self.state()
            except ResourceError as error:
                if not is_gone:
                    gone(str(error))
                is_gone = True
                continue
            is_gone = False
            if now == before != known:
                known = now
                changed()
            before = now


def _resources(written: dict[str, Any], file: Path) -> list[Resource]:
    """Raises: ResourceError."""
    try:
        return resources.parse_all(written.get("resources"))
    except ResourceError as error:
        raise ResourceError(f"{file}: {error}") from None


def _load(file: Path) -> dict[str, Any]:
    """Raises: ResourceError."""
    try:
        found = read_yaml(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YamlError) as error:
        raise ResourceError(f"{file}: {error}") from None
    if len(found) > 1:
        raise ResourceError(f"{file}: must hold one YAML document, not {len(found)}")
    written = found[0] if found else None
    if written is None:
        return {"resources": []}
    if not isinstance(written, dict):
        raise ResourceError(f"{file}: no object with resources")
    if written.get("served", _WHEN_ASKED) != _WHEN_ASKED:
        raise ResourceError(f"{file}: served is {_WHEN_ASKED}, or is left out, not {written['served']}")
    return written
