"""Processes that are to end with what they come from."""

import contextlib
import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path


def descendants(pid: int) -> Iterator[int]:
    """The processes that come from `pid`, children before their own children."""
    try:
        # A child belongs to the thread that made it.
        children = [
            child for each in Path(f"/proc/{pid}/task").glob("*/children") for child in each.read_text().split()
        ]
    except OSError:
        return
    for child in map(int, children):
        yield child
        yield from descendants(child)


def kill_all(pids: Iterable[int]) -> None:
    """Ends processes; some may have ended by themselves."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def end_children() -> None:
    """Ends all that comes from this process, which takes in orphans: also what is forked meanwhile."""
    with contextlib.suppress(ChildProcessError):  # none is left
        while True:
            kill_all(descendants(os.getpid()))
            os.waitpid(-1, 0)
