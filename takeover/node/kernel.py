"""The system calls for namespaces and mounts that Python 3.11 does not offer (see unshare(2), setns(2), mount(2))."""

import ctypes
import fcntl
import os
import re
import socket
import struct
from collections.abc import Collection, Iterator
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
NO_EXEC = 8
REMOUNT = 32
BIND = 4096
RECURSIVE = 16384
PRIVATE = 1 << 18

_FLAGS = {"nosuid": NO_SUID, "nodev": NO_DEV, "noexec": NO_EXEC}

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(namespaces: int) -> None:
    """Puts this process into new namespaces (its children, for `NEW_PIDS`)."""
    _check(_libc.unshare(ctypes.c_int(namespaces)), "unshare")


def enter(namespace: int, which: int = 0) -> None:
    """Joins the namespace behind an open file of /proc/PID/ns, or those kinds of a process's, by its pidfd.

    One of PIDs is joined by children that come later.
    """
    _check(_libc.setns(ctypes.c_int(namespace), ctypes.c_int(which)), "setns")


def take_in_orphans() -> None:
    """Makes this process the parent of what its descendants leave behind, as the first one of a PID namespace is."""
    set_child_subreaper = 36
    _check(_control(set_child_subreaper, 1), "prctl")


def name_process(name: str) -> None:
    """What this thread is called in lists of processes, until it executes something: 15 bytes."""
    set_name = 15
    _libc.prctl(ctypes.c_int(set_name), ctypes.c_char_p(name.encode()[:15]))


def leave_keyring() -> None:
    """Gives this process a session keyring of its own, where the kernel has any: keys are in no namespace."""
    number = {"x86_64": 250, "aarch64": 219}.get(os.uname().machine)
    if number is not None:
        join_session_keyring = 1
        _libc.syscall(ctypes.c_long(number), ctypes.c_int(join_session_keyring), None)


def gain_nothing() -> None:
    """Nothing that this process executes has more rights than it has itself."""
    _check(_control(38, 1), "prctl")  # PR_SET_NO_NEW_PRIVS


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


def bind(source: str | Path, target: str | Path, flags: int = 0) -> None:
    """Makes `source` visible at `target` too; what is mounted below it, with `RECURSIVE` alone."""
    mount(source, target, flags=BIND | flags)


def make_read_only(folder: Path) -> None:
    """Makes whatever is mounted in that mount one that nobody can write to, besides what is forbidden there already."""
    inside: set[str] = set()
    for number, parent, target, forbidden in mounts():  # what the folder hides is in another one
        if target == str(folder):
            inside = {number}
        elif parent in inside:
            inside.add(number)
            mount("none", target, flags=REMOUNT | BIND | READ_ONLY | NO_SUID | forbidden)


def mounts() -> Iterator[tuple[str, str, str, int]]:
    """All that this process can see, each after the one that it is in (see proc(5)).

    Its number, that of the one that it is in, where it is, and the flags of what is forbidden there.
    """
    for line in os.fsdecode(Path("/proc/self/mountinfo").read_bytes()).splitlines():
        number, parent, _, _, escaped, options, *_ = line.split(" ")
        target = re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), escaped)
        yield number, parent, target, sum(flag for name, flag in _FLAGS.items() if name in options.split(","))


def change_root(root: str | Path) -> None:
    """Makes a mount the root of this mount namespace, for all who are in it; nothing of the old one has a path then."""
    os.chdir(root)
    _check(_libc.pivot_root(b".", b"."), "pivot_root")
    unmount(".")  # the old root, which lies over the new one
    os.chdir("/")


def unmount(target: str | Path) -> None:
    """Takes a mount away, at once for whoever looks and for good when nobody uses it any more."""
    detach = 2
    _check(_libc.umount2(os.fsencode(str(target)), ctypes.c_int(detach)), f"unmount {target}")


def bound_capabilities(kept: Collection[int] = ()) -> None:
    """Sees to it that nothing that this process executes gets other capabilities, also if root executes it."""
    _control(47, 4)  # PR_CAP_AMBIENT_CLEAR_ALL
    number = 0
    while _control(23, number) >= 0:  # PR_CAPBSET_READ: the kernel knows a capability of that number
        if number not in kept:
            _check(_control(24, number), "prctl")  # PR_CAPBSET_DROP
        number += 1


def hold_capabilities(kept: Collection[int] = ()) -> None:
    """Gives up all other capabilities of this thread."""
    header = struct.pack("=Ii", 0x20080522, 0)  # version 3, this thread
    held = ctypes.create_string_buffer(24)
    _check(_libc.capget(header, held), "capget")
    # The effective, permitted and inheritable ones, of the lower 32 numbers and of those above.
    _, low, _, _, high, _ = struct.unpack("=6I", held.raw)
    mask = sum(1 << each for each in kept)
    low, high = low & mask, high & mask >> 32
    _check(_libc.capset(header, struct.pack("=6I", low, low, 0, high, high, 0)), "capset")


def _control(what: int, value: int) -> int:
    result: int = _libc.prctl(ctypes.c_int(what), *(ctypes.c_ulong(each) for each in (value, 0, 0, 0)))
    return result
