"""Old runs go, so that reports do not fill the disk: by their number and size. One that still goes on stays."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from takeover.base.paths import display_path
from takeover.store.documents import runs

# A month of nights can be looked at; a run of two Envoys leaves some megabytes, one of a dozen some tens.
MOST_RUNS = 30
MOST_BYTES = 1_000_000_000
_KEPT = 2  # this one, and the one before, with which it is compared: however large they are


def hold(run: Path) -> None:
    """Keeps other runs from removing that run's folder until this process has ended, however it does.

    A long run is soon the oldest one. Where the file system has no locks nothing is held.
    """
    with contextlib.suppress(OSError):
        fcntl.flock(os.open(run, os.O_RDONLY | os.O_DIRECTORY), fcntl.LOCK_SH)


def remove_old_runs(reports: Path) -> str:
    """Removes the oldest ones beyond what is kept. Returns what to say of it, in one line; empty if none was."""
    found = runs(reports)
    sizes = {each: _size(each) for each in found}
    gone: list[Path] = []
    number, size = len(found), sum(sizes.values())
    for each in found[:-_KEPT]:
        if number <= MOST_RUNS and size <= MOST_BYTES:
            break
        with _ended(each) as has_ended:
            if not has_ended:
                continue
            shutil.rmtree(each, ignore_errors=True)
        gone.append(each)
        number, size = number - 1, size - sizes[each]
    if not any(not each.exists() for each in gone):
        return ""  # somebody else's
    which = gone[0].name if len(gone) == 1 else f"{len(gone)} runs, {gone[0].name} to {gone[-1].name}"
    return (
        f"removed from {display_path(reports.absolute())}: {which} ({sum(map(sizes.__getitem__, gone)) / 1e6:.1f} MB); "
        f"{MOST_RUNS} runs and {MOST_BYTES / 1e9:g} GB are kept"
    )


@contextlib.contextmanager
def _ended(run: Path) -> Iterator[bool]:
    """Whether nobody holds it; meanwhile nobody can."""
    with contextlib.ExitStack() as stack:
        try:
            folder = os.open(run, os.O_RDONLY | os.O_DIRECTORY)
            stack.callback(os.close, folder)
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        except OSError:  # gone meanwhile, or somebody else's; or there are no locks
            pass
        yield True


def _size(folder: Path) -> int:
    """In bytes; of files that go meanwhile none."""
    size = 0
    for each in folder.rglob("*"):
        try:
            size += each.lstat().st_size
        except OSError:
            continue
    return size
