"""The manifests' files, each read and parsed once as long as its time and size stay."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.scenario.yaml_text import YamlDocument, parse_yaml


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
    def documents(self) -> tuple[YamlDocument, ...]:
        return tuple(parse_yaml(self.text, self.path))


_files: dict[Path, _File] = {}


def _read(path: Path) -> _File:
    try:
        status = path.stat()
        version = (status.st_mtime_ns, status.st_size)
        if path not in _files or _files[path].version != version:
            _files[path] = _File(path, version, path.read_bytes())
    except OSError as error:
        raise BadInputError(f"{display_path(path)}: cannot be read: {error.strerror}") from error
    return _files[path]


def read_yaml(path: Path) -> tuple[YamlDocument, ...]:
    """All documents of the file that are not empty, parsed once as long as the file's time and size stay.

    Raises: BadInputError "FILE:LINE: …" for what is no YAML, a duplicate key or an ambiguous value; "FILE: …" for a
        file that cannot be read.
    """
    return _read(path).documents


def read_text(path: Path) -> str:
    """The file's text, exactly (line ends as they are). Raises: BadInputError."""
    return _read(path).text
