"""Files of this machine that the user names: all that a check ever reads beside the configuration itself."""

import posixpath
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.scenario.files import file_kind

MAX_FILES = 10_000
MAX_BYTES = 256 << 20
"""Of all of them."""


def pairs(written: Sequence[str]) -> dict[str, Path]:
    """What `--files PATH=LOCAL` says, as often as it is there. Raises: BadInputError."""
    found: dict[str, Path] = {}
    for each in written:
        path, equals, local = each.partition("=")
        if not (path and equals and local):
            raise BadInputError(f"--files {each}: must be PATH=LOCAL: how the configuration names it, and where it is")
        found[path] = Path(local)
    return found


def files_of(named: Mapping[str, Path]) -> dict[str, Path]:
    """Each file by the path by which the configuration names it, in the plainest form of it (no `//`, `.`, `..`).

    Args:
        named: path → a file, or a folder whose files are meant.

    Raises: BadInputError for what is not there or no file, for a link that leads out of its folder, and for too many.
    """
    found: dict[str, Path] = {}
    size = 0
    for path, local in named.items():
        for below, file in _files(local):
            found[_joined(path, below)] = file
            size += file.stat().st_size
            if len(found) > MAX_FILES or size > MAX_BYTES:
                raise BadInputError(
                    f"--files {path}={display_path(local)}: more than {MAX_FILES} files or {MAX_BYTES >> 20} MiB: "
                    "name a folder that has only what the configuration reads"
                )
    return found


def _joined(path: str, below: str) -> str:
    plain = posixpath.normpath(posixpath.join(path, below) if below else path)
    return "/" + plain.lstrip("/") if plain.startswith("/") else plain


def _files(local: Path) -> Iterator[tuple[str, Path]]:
    """What is below `local`, with its path from there; of a file nothing is."""
    try:
        root = local.resolve(strict=True)
        mode = root.stat().st_mode
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: a loop of links
        raise BadInputError(f"--files {display_path(local)}: cannot be read: {_why(error)}") from None
    if stat.S_ISREG(mode):
        _open(local, root)
        yield "", root
    elif stat.S_ISDIR(mode):
        yield from _below(root, root, "", frozenset())
    else:
        raise BadInputError(f"--files {display_path(local)}: cannot be read: it is {file_kind(mode)}")


def _below(root: Path, folder: Path, above: str, open_: frozenset[Path]) -> Iterator[tuple[str, Path]]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise BadInputError(f"--files {display_path(folder)}: cannot be read: {_why(error)}") from None
    for each in entries:
        if each.name.startswith(".."):  # what a kubelet's links lead to, which stands beside them
            continue
        try:
            target = each.resolve(strict=True)
            mode = target.stat().st_mode
        except (OSError, RuntimeError) as error:
            raise BadInputError(f"--files {display_path(each)}: cannot be read: {_why(error)}") from None
        if not target.is_relative_to(root):
            raise BadInputError(f"--files {display_path(each)}: a link out of its folder: put the file itself there")
        if stat.S_ISREG(mode):
            _open(each, target)
            yield above + each.name, target
        elif stat.S_ISDIR(mode) and target not in open_:
            yield from _below(root, target, f"{above}{each.name}/", open_ | {target})


def _open(written: Path, target: Path) -> None:
    try:
        target.open("rb").close()
    except OSError as error:
        raise BadInputError(f"--files {display_path(written)}: cannot be read: {_why(error)}") from None


def _why(error: BaseException) -> str:
    return (error.strerror if isinstance(error, OSError) else "") or str(error)
