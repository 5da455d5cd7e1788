"""Old runs go, so that reports do not fill the disk: by their number, and by their size."""

import shutil
from pathlib import Path

from takeover.base.paths import display_path
from takeover.store.documents import runs

# A month of nights can be looked at; a run of two Envoys leaves some megabytes, one of a dozen some tens.
MOST_RUNS = 30
MOST_BYTES = 1_000_000_000
_KEPT = 2  # this one, and the one before, with which it is compared: however large they are


def remove_old_runs(reports: Path) -> str:
    """Removes the oldest ones beyond what is kept. Returns what to say of it, in one line; empty if none was."""
    found = runs(reports)
    sizes = [_size(each) for each in found]
    gone = 0
    while len(found) - gone > _KEPT and (len(found) - gone > MOST_RUNS or sum(sizes[gone:]) > MOST_BYTES):
        gone += 1
    for each in found[:gone]:
        shutil.rmtree(each, ignore_errors=True)
    if not any(not each.exists() for each in found[:gone]):
        return ""  # somebody else's
    which = found[0].name if gone == 1 else f"{gone} runs, {found[0].name} to {found[gone - 1].name}"
    return (
        f"removed from {display_path(reports.absolute())}: {which} ({sum(sizes[:gone]) / 1e6:.1f} MB); "
        f"{MOST_RUNS} runs and {MOST_BYTES / 1e9:g} GB are kept"
    )


def _size(folder: Path) -> int:
    """In bytes; of files that go meanwhile none."""
    size = 0
    for each in folder.rglob("*"):
        try:
            size += each.lstat().st_size
        except OSError:
            continue
    return size
