"""The system calls for namespaces and mounts that Python 3.11 does not offer (see unshare(2), setns(2), mount(2))."""

import ctypes
import fcntl
import os
import socket
import struct
from pathlib import Path

NEW_MOUNTS = 0x00020000
NEW_CGROUP = 0x02000000
NEW_UTS = 0x04000000
NEW_IPC = 0x08000000
NEW_PIDS = 0x20000000
NEW_NETWORK = 0x40000000

READ_ONLY = 1
NO_SUID = 2
NO_DEV = 4
BIND = 4096
RECURSIVE = 16384
PRIVATE = 1 << 18

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(namespaces: int) -> None:
    """Puts this process into new namespaces (its children, for `NEW_PIDS`)."""
    _check(_libc.unshare(ctypes.c_int(namespaces)), "unshare")


def enter(namespace: int) -> None:
    """Joins the namespace behind an open file of /proc/PID/ns."""
    _check(_libc.setns(ctypes.c_int(namespace), ctypes.c_int(0)), "setns")


def take_in_orphans() -> None:
    """Makes this process the parent of what its descendants leave behind, as the first one of a PID namespace is."""
    set_child_subreaper = 36
    _check(_libc.prctl(ctypes.c_int(set_child_subreaper), *(ctypes.c_ulong(each) for each in (1, 0, 0, 0))), "prctl")


def bring_loopback_up() -> None:
    """Makes 127.0.0.1 and ::1 answer in this process's network namespace (see netdevice(7))."""
    set_flags, up = 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sH14x", b"lo", up))


def mount(source: str | Path, target: str | Path, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mounts `source` on `target`; the message of a failure names both."""
    words = [os.fsencode(str(word)) for word in (source, target)]
    result = _libc.mount(words[0], words[1], kind.encode() or None, ctypes.c_ulong(flags), options.encode() or None)
    _check(result, f"mount {source} on {target}")


def bind(source: str | Path, target: str | Path) -> None:
    """Makes `source` visible at `target` too, without what is mounted below it."""
    mount(source, target, flags=BIND)


def unmount(target: str | Path) -> None:
    """Takes a mount away, at once for whoever looks and for good when nobody uses it any more."""
    detach = 2
    _check(_libc.umount2(os.fsencode(str(target)), ctypes.c_int(detach)), f"unmount {target}")
