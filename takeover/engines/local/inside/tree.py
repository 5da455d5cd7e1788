"""The root file system of containers, as a node has it: one folder, or a few files and what is bound on top of them."""

from pathlib import Path

import msgspec

from takeover.node import kernel, mounts

ROOT_FILE_SYSTEM = "/root-file-system"
"""Where a node has one that is whole."""

_OPEN_TO_ALL = ("tmp", "var/tmp")


class Pieces(msgspec.Struct, frozen=True):
    """What one that is not whole is made of. Paths in it are absolute.

    Args:
        folders: what is empty, besides the folders that the others need, and those for what is temporary.
        files: path → text.
        links: path → what it points to.
        binds: path → path in the node, read-only.
    """

    folders: list[str]
    files: dict[str, str]
    links: dict[str, str]
    binds: dict[str, str]


class Tree:
    """Whence each container has a root of its own.

    Args:
        folder: where one that is in pieces is put together, on the node's own tmpfs.
        pieces: None where it is whole.
    """

    def __init__(self, folder: Path, pieces: Pieces | None) -> None:
        self._lower = Path(ROOT_FILE_SYSTEM) if pieces is None else folder
        self._binds = {} if pieces is None else pieces.binds
        if pieces is not None:
            _make(folder, pieces)

    def mount(self, bundle: Path) -> Path:
        """Makes a root below that folder, with a layer on top that can be written. Returns it."""
        root = bundle / "root"
        for folder in (root, bundle / "upper", bundle / "work"):
            folder.mkdir(parents=True)
        layers = f"lowerdir={self._lower},upperdir={bundle}/upper,workdir={bundle}/work"
        kernel.mount("overlay", root, "overlay", kernel.NO_DEV, layers)
        for inside, outside in self._binds.items():
            flags = mounts.READ_ONLY | mounts.NO_SUID | mounts.NO_DEV
            mounts.put(mounts.copied(outside, flags, recursive=True), f"{root}{inside}")
        return root


def _make(folder: Path, pieces: Pieces) -> None:
    # What is bound is no part of a layer, but the place for it is.
    for inside, outside in pieces.binds.items():
        if Path(outside).is_dir():
            Path(f"{folder}{inside}").mkdir(parents=True)
        else:
            _write(Path(f"{folder}{inside}"), "")
    for each in pieces.folders:
        Path(f"{folder}{each}").mkdir(parents=True, exist_ok=True)
    for inside, text in pieces.files.items():
        _write(Path(f"{folder}{inside}"), text)
    for inside, target in pieces.links.items():
        link = Path(f"{folder}{inside}")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
    for each in _OPEN_TO_ALL:
        (folder / each).mkdir(parents=True, exist_ok=True)
        (folder / each).chmod(0o1777)


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
