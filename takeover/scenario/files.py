"""The manifests' files, each read and parsed once as long as its time and size stay.

Whoever wrote them may be anybody: only a regular file of a bounded size is read, and none by a link out of its place.
"""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.scenario.yaml_text import YamlDocument, parse_yaml

MAX_BYTES = 2 << 20
"""Of a file: twice what a ConfigMap may hold."""
_REMEDY = "a file of manifests is shorter"


@dataclass(frozen=True, eq=False)
class _File:
    """A file as it was at one time."""

    path: Path
    version: tuple[int, int]
    data: bytes

    @cached_property
    def text(self) -> str:
        try:
            return self.data.decode()
        except UnicodeDecodeError as error:
            line = self.data.count(b"\n", 0, error.start) + 1
            raise BadInputError(f"{display_path(self.path)}:{line}: not UTF-8 text") from error

    @cached_property
    def is_text(self) -> bool:
        try:
            self.data.decode()
        except UnicodeDecodeError:
            return False
        return True

    @cached_property
    def documents(self) -> tuple[YamlDocument, ...]:
        return tuple(parse_yaml(self.text, self.path))


_files: dict[Path, _File] = {}


def _read(path: Path) -> _File:
    try:
        status = path.stat()
        _check_regular(path, status, MAX_BYTES, _REMEDY)
        version = (status.st_mtime_ns, status.st_size)
        if path not in _files or _files[path].version != version:
            _files[path] = _File(path, version, _bytes(path, MAX_BYTES, _REMEDY))
    except OSError as error:
        raise BadInputError(f"{display_path(path)}: cannot be read: {error.strerror}") from error
    return _files[path]


def bounded_bytes(path: Path, most: int, remedy: str) -> bytes:
    """What is in a regular file of anybody's that has at most so many bytes; `remedy` ends the message if it has more.

    Raises: BadInputError for what cannot be read, a folder, a pipe, a socket, a device, and for a file that is longer.
    """
    try:
        _check_regular(path, path.stat(), most, remedy)
        return _bytes(path, most, remedy)
    except (OSError, ValueError) as error:  # ValueError: a NUL in its name
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise BadInputError(f"{display_path(path)}: cannot be read: {why}") from error


def _bytes(path: Path, most: int, remedy: str) -> bytes:
    """What is in the file, which is looked at once more when it is open: to open a pipe would wait for its writer."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC), "rb") as file:
        _check_regular(path, os.fstat(file.fileno()), most, remedy)
        data = file.read(most + 1)  # its size may be no size, as in /proc
    if len(data) > most:
        raise _too_long(path, most, remedy)
    return data


def _check_regular(path: Path, status: os.stat_result, most: int, remedy: str) -> None:
    """Raises: BadInputError for a folder, a pipe, a socket, a device, and for a file that is too long."""
    if not stat.S_ISREG(status.st_mode):
        raise BadInputError(f"{display_path(path)}: cannot be read: it is {file_kind(status.st_mode)}, not a file")
    if status.st_size > most:
        raise _too_long(path, most, remedy)


def _too_long(path: Path, most: int, remedy: str) -> BadInputError:
    return BadInputError(f"{display_path(path)}: longer than {most} bytes: {remedy}")


def file_kind(mode: int) -> str:
    """What a file's mode says that it is."""
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFREG: "a file"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def other_suffix(path: Path) -> Path:
    """What another might call a YAML file of ours: nobody reads it, and so it must not be passed over."""
    return path.with_suffix(".yml") if path.suffix == ".yaml" else path


def not_read(path: Path, name: str) -> BadInputError:
    """What to raise for a file that ends with .yml: it is to have that name."""
    return BadInputError(f"{display_path(path)}: is not read: call it {name}")


def yaml_files(folder: Path) -> list[Path]:
    """The folder's files of YAML, sorted; none if there is no such folder.

    Raises: BadInputError for one that ends with .yml.
    """
    for path in sorted(folder.glob("*.yml")):
        raise not_read(path, f"{path.stem}.yaml")
    return sorted(folder.glob("*.yaml"))


def own_file(folder: Path, name: str, within: Sequence[Path] = ()) -> Path:
    """The file of that name in the folder, perhaps by a link that stays in one of `within`; if none, in the folder.

    Raises: BadInputError for a link that leads elsewhere, and for one of that name that ends with .yml.
    """
    path = folder / name
    try:
        other = other_suffix(path)
        if path.suffix != other.suffix and other.exists():
            raise not_read(other, name)
        target = path.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: a loop of symbolic links
        raise BadInputError(f"{display_path(path)}: cannot be read: {error}") from error
    if not any(target.is_relative_to(each) for each in within or (folder.resolve(),)):
        raise BadInputError(f"{display_path(path)}: a link that leads elsewhere: put the file itself there")
    return path


def read_yaml(path: Path) -> tuple[YamlDocument, ...]:
    """All documents of the file that are not empty, parsed once as long as the file's time and size stay.

    Raises: BadInputError "FILE:LINE: …" for what is no YAML, a duplicate key or an ambiguous value; "FILE: …" for a
        file that cannot be read.
    """
    return _read(path).documents


def read_text(path: Path) -> str:
    """The file's text, exactly (line ends as they are). Raises: BadInputError."""
    return _read(path).text


def read_bytes(path: Path) -> bytes:
    """What is in the file. Raises: BadInputError."""
    return _read(path).data


def is_text(path: Path) -> bool:
    """Whether what is in the file is UTF-8. Raises: BadInputError for a file that cannot be read."""
    return _read(path).is_text
