"""Which process made something, and whether it still runs: told by host, id and start."""

import hashlib
import os
import socket
from contextlib import suppress
from pathlib import Path

# Machine and boot: hosts may share a name, clones of a machine its id. The namespace: two containers of one machine
# do not see each other's processes.
_MACHINE = ("/etc/machine-id", "/var/lib/dbus/machine-id")
_BOOT = "/proc/sys/kernel/random/boot_id"
_PROCESSES = "/proc/self/ns/pid"


def host() -> str:
    """The host's name, and an identity that no other set of processes that see each other has, where it can be told.

    It is hashed: a machine's id is to be kept from others (machine-id(5)).
    """
    machine = next((text for path in _MACHINE if (text := _read(path))), "")
    boot, processes = _read(_BOOT), ""
    with suppress(OSError):
        processes = str(Path(_PROCESSES).readlink())
    if not boot or not processes:
        return socket.gethostname()
    told = hashlib.sha256("\0".join((machine, boot, processes)).encode()).hexdigest()[:32]
    return f"{socket.gethostname()} {told}"


def is_this_host(told: str) -> bool:
    """Whether `host` said that here: a name alone says nothing, as many machines may have it."""
    return " " in told and told == host()


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


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
