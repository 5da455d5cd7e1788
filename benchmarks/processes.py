"""What processes there are below one, and what each used."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")


class Used(NamedTuple):
    """The CPU of a process, in seconds.

    Args:
        command: its command line, word by word.
        begun: when it did: tells it from another one of its number.
        own: of all its threads, exact.
        ended: of the processes that it started and waited for, to a hundredth.
    """

    command: tuple[str, ...]
    begun: str
    own: float
    ended: float


def descendants(root: int) -> Iterator[tuple[int, int]]:
    """The processes below that one and the parent of each, parents first."""
    children: dict[int, list[int]] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            children.setdefault(int(_fields(int(process.name))[1]), []).append(int(process.name))
        except OSError:
            continue
    left = [root]
    while left:
        below = [(child, parent) for parent in left for child in children.get(parent, [])]
        yield from below
        left = [child for child, _ in below]


def used(process: int) -> Used:
    """What that process has used. Raises: OSError where it has ended."""
    fields = _fields(process)
    command = Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    # The kernel's clock of another process counts nanoseconds, where /proc tells hundredths of a second.
    own = time.clock_gettime((~process << 3) | 2)
    return Used(tuple(command), fields[19], own, sum(map(int, fields[13:15])) / _TICKS)


def _fields(process: int) -> list[str]:
    """What follows the name in /proc/PID/stat, see proc(5)."""
    return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
