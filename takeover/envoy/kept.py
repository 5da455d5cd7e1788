"""Envoys that were fetched, in the user's cache: each complete or not there at all, whatever its source.

One run fetches at a time. What it fetches stands in a folder of its own until it is checked; of a run that was killed
the next one takes that folder away.
"""

import contextlib
import errno
import fcntl
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from takeover.base.cache import cache_folder
from takeover.base.errors import BadInputError, TakeoverError
from takeover.envoy.identity import identify, read_whole
from takeover.envoy.sources import Tell

BINARY = "release/envoy"
"""Where `fetch_into` expects the binary in the folder that it gives."""

_DOWNLOAD_PREFIX = ".download-"
_CHECKSUM = "sha256"
"""Beside a binary, the SHA-256 that it had when it was fetched and checked, in hexadecimal."""


def releases_folder() -> Path:
    """Where fetched releases live: `NAME/envoy` in it."""
    return cache_folder() / "envoy"


def kept_binary(name: str) -> Path:
    """Where the binary of that name is, once it is fetched."""
    return releases_folder() / name / "envoy"


def fetch_into(name: str, title: str, tell: Tell, fetch: Callable[[Path, int], None]) -> Path:
    """The binary of that name: the one in the cache, or what `fetch` fetches now.

    Args:
        name: of its folder in the cache.
        title: what is fetched, for the line that says so.
        tell: gets one line for each thing that takes a while.
        fetch: makes `BINARY` in the folder that it gets, whole and checked; its other argument is the cache's lock.
    """
    binary = kept_binary(name)
    with _only_one_fetches(tell) as lock:
        if binary.exists():  # another run may have fetched it while this one waited
            return binary
        tell(f"fetching {title} into {binary.parent}")
        _remove_leftovers()
        with tempfile.TemporaryDirectory(prefix=_DOWNLOAD_PREFIX, dir=releases_folder()) as scratch:
            (Path(scratch) / BINARY).parent.mkdir()
            fetch(Path(scratch), lock)
            _, sha256 = read_whole(Path(scratch) / BINARY)
            (Path(scratch) / BINARY).with_name(_CHECKSUM).write_text(sha256)
            shutil.rmtree(binary.parent, ignore_errors=True)  # a folder without a binary, or none
            (Path(scratch) / BINARY).parent.rename(binary.parent)
    return binary


def require_whole(binary: Path) -> None:
    """Looks whether a kept binary is what it was when it came: a machine may have lost its power since.

    Raises: TakeoverError with the remedy.
    """
    told = binary.with_name(_CHECKSUM)
    try:
        if not told.is_file():  # it was fetched before checksums were kept: whether it is an Envoy is all there is
            identify(binary)
        elif read_whole(binary)[1] != told.read_text().strip():
            raise _damaged(binary, "its SHA-256 is not what it was when it was fetched")
    except BadInputError as error:
        raise _damaged(binary, str(error).removeprefix("--envoy: ")) from None


def _damaged(binary: Path, why: str) -> TakeoverError:
    return TakeoverError(
        f"--envoy: what is kept in {binary.parent} is damaged ({why}): remove this folder, and the next run fetches it"
    )


def remove_leftovers() -> None:
    """Takes away what a download left whose run was killed; not where another run is fetching."""
    if _leftovers():
        with contextlib.suppress(OSError), (releases_folder() / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove_leftovers()


def forget() -> None:
    """Removes every release from the cache. Raises: BlockingIOError where another run is fetching one."""
    folder = releases_folder()
    if not folder.exists():
        return
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for each in folder.iterdir():
            if each.is_dir():
                shutil.rmtree(each)
            elif each.name != "lock":
                each.unlink()


def _leftovers() -> list[Path]:
    return list(releases_folder().glob(f"{_DOWNLOAD_PREFIX}*"))


def _remove_leftovers() -> None:
    for leftover in _leftovers():  # of a dead run: we hold the lock
        shutil.rmtree(leftover, ignore_errors=True)


@contextlib.contextmanager
def _only_one_fetches(tell: Tell) -> Iterator[int]:
    """A lock over the cache. The kernel lifts it when its holder dies, however it dies."""
    releases_folder().mkdir(parents=True, exist_ok=True)
    with (releases_folder() / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EAGAIN):
                raise
            tell("waiting for another run that is fetching an Envoy")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()
