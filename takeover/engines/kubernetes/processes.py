"""Which process made something, and whether it still runs: told by host, id and start."""

import os
import socket
from pathlib import Path


def host() -> str:
    """This machine, or rather the set of processes that can see each other: two containers may share a host's name."""
    try:
        return f"{socket.gethostname()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()


def start(pid: int) -> str:
    """When a process started, in clock ticks since the machine's boot; "" where that cannot be told."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def runs(pid: int, started: str) -> bool:
    """Whether that very process of this host still runs: not another one that got its id later."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return start(pid) == started
