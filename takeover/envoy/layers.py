"""Takes one file out of an image's layers, as who puts them on one another would find it.

The upper layers hide what the lower ones have: by a file of the same name, by a whiteout (`.wh.NAME`), by a folder that
says that it is all there is (`.wh..wh..opq`). Links are followed. Nothing is unpacked but the file, and each layer is
read to a bound.
"""

import gzip
import posixpath
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from takeover.base.errors import TakeoverError

_LARGEST_LAYER = 4 << 30
"""Bytes of a layer, unpacked: images for building Envoy have as much."""

_LARGEST_FILE = 1 << 30
_LONGEST_HEADER = 1 << 20
"""Bytes that are read at once: the records before a file's (PAX) have no more, and a file is read in pieces."""

_MOST_ENTRIES = 500_000
_MOST_LINKS = 16
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"


def take_out(path: str, layers: int, layer: Callable[[int], Path], into: Path) -> bool:
    """Writes the file at `path` of an image into a file. Returns whether there is one.

    Args:
        path: without a slash at its beginning.
        layers: how many there are.
        layer: gives the file that holds a layer; they are asked for from the uppermost down, as far as need be.
        into: the file that is written.

    Raises: TakeoverError for what is no layer, or too much; OSError.
    """
    for _ in range(_MOST_LINKS):
        found, target = _look(path, layers, layer, into)
        if found or not target:
            return found
        path = target
    raise TakeoverError(f"in the image a link of /{path} leads to the next without end")


def _look(path: str, layers: int, layer: Callable[[int], Path], into: Path) -> tuple[bool, str]:
    """Whether the file is at `path`, and written now; if not, where a link of it leads; empty: it is nowhere."""
    above = [path[:end] for end in range(len(path)) if path[end] == "/"]
    gone = {_joined(posixpath.dirname(each), f".wh.{posixpath.basename(each)}") for each in (*above, path)}
    gone |= {_joined(each, ".wh..wh..opq") for each in ("", *above)}
    for number in reversed(range(layers)):
        found, linked, target, is_hidden = False, "", "", False
        for archive, entry in _entries(layer(number)):
            name = _joined("", entry.name)
            if name in gone:
                is_hidden = True
            elif name == path:  # the last one of that name counts
                found, linked, target = entry.isfile(), "", ""
                if found:
                    _write(archive, entry, into)
                elif entry.islnk():
                    linked = _joined("", entry.linkname)
                elif entry.issym():
                    target = _joined(posixpath.dirname(path), entry.linkname)
                else:
                    is_hidden = True
            elif name in above and not entry.isdir():
                is_hidden = True
                if entry.issym():
                    target = _joined(_joined(posixpath.dirname(name), entry.linkname), path[len(name) + 1 :])
        if found or (linked and _take_from(layer(number), linked, into)):
            return True, ""
        if target or is_hidden:
            return False, target
    return False, ""


def _take_from(layer: Path, path: str, into: Path) -> bool:
    """Writes the file to which another one of the same layer is a hard link."""
    for archive, entry in _entries(layer):
        if entry.isfile() and _joined("", entry.name) == path:
            _write(archive, entry, into)
            return True
    return False


def _joined(folder: str, link: str) -> str:
    """Where a link leads, from the root of the image: nothing leads out of that."""
    return posixpath.normpath(posixpath.join("/", folder, link)).lstrip("/")


def _entries(layer: Path) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    try:
        with layer.open("rb") as file:
            begin = file.read(4)
            file.seek(0)
            if begin == _ZSTD:
                raise TakeoverError("the image's layers are compressed by zstd, which is not read here: give a path")
            unpacked = gzip.GzipFile(fileobj=file) if begin[:2] == _GZIP else file
            with tarfile.TarFile(fileobj=_Bounded(unpacked), mode="r") as archive:  # type: ignore[arg-type]
                count = 0
                while (entry := archive.next()) is not None:
                    if (count := count + 1) > _MOST_ENTRIES:
                        raise TakeoverError(f"a layer of the image has more than {_MOST_ENTRIES} files")
                    yield archive, entry
                    archive.members.clear()  # type: ignore[attr-defined]  # it would remember all of them
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise TakeoverError(f"a layer of the image is no whole tar archive: {error}") from None


def _write(archive: tarfile.TarFile, entry: tarfile.TarInfo, into: Path) -> None:
    if entry.size > _LARGEST_FILE:  # one with holes may say so in a few bytes
        raise TakeoverError(f"/{entry.name} of the image is larger than {_LARGEST_FILE >> 30} GiB: no Envoy is")
    source = archive.extractfile(entry)
    assert source is not None  # it is a file
    with source, into.open("wb") as file:
        shutil.copyfileobj(source, file, _LONGEST_HEADER)


class _Bounded:
    """What is unpacked, as tarfile reads it: not endlessly, and not much at once."""

    def __init__(self, file: IO[bytes] | gzip.GzipFile) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        if size > _LONGEST_HEADER:
            raise TakeoverError("a layer of the image has a header that is longer than 1 MiB")
        self._expect(self._file.tell() + size)
        return self._file.read(size)

    def seek(self, place: int) -> int:
        self._expect(place)
        return self._file.seek(place)

    def tell(self) -> int:
        return self._file.tell()

    @staticmethod
    def _expect(place: int) -> None:
        if place > _LARGEST_LAYER:
            raise TakeoverError(f"a layer of the image is larger than {_LARGEST_LAYER >> 30} GiB unpacked")
