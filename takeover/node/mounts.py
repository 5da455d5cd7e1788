"""Mounts that are made first, and get their place later: the calls that Linux has had for that since 5.2 and 5.12.

See open_tree(2), fsopen(2), mount_setattr(2), move_mount(2). What is made so is found by its file, not by a path, so it
can be put into a root that sees nothing of where it comes from.
"""

import ctypes
import os
from pathlib import Path

READ_ONLY = 1
NO_SUID = 2
NO_DEV = 4
NO_EXEC = 8

# The numbers of those calls, on every architecture the same.
_OPEN_TREE, _MOVE_MOUNT, _OPEN, _CONFIGURE, _MOUNT, _SET_ATTRIBUTES = 428, 429, 430, 431, 432, 442
_HERE = -100  # AT_FDCWD
_CLONE, _CLOSED_ON_EXEC, _EMPTY_PATH, _RECURSIVE = 1, os.O_CLOEXEC, 0x1000, 0x8000
_CREATE = 6  # FSCONFIG_CMD_CREATE
_FROM_FILE, _ALONG_LINKS = 0x4, 0x10  # MOVE_MOUNT_F_EMPTY_PATH, MOVE_MOUNT_T_SYMLINKS

_libc = ctypes.CDLL(None, use_errno=True)


def _call(what: str, number: int, *arguments: object) -> int:
    result: int = _libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def copied(source: str | Path, forbidden: int, recursive: bool = False) -> int:
    """A mount of what is at `source`, as an open file, with what is forbidden there and these besides."""
    flags = _CLONE | _CLOSED_ON_EXEC | (_RECURSIVE if recursive else 0)
    file = _call(f"copy {source}", _OPEN_TREE, _HERE, os.fsencode(source), ctypes.c_uint(flags))
    attributes = (ctypes.c_uint64 * 4)(forbidden, 0, 0, 0)
    try:
        flags = _EMPTY_PATH | (_RECURSIVE if recursive else 0)
        what = f"restrict {source}"
        _call(what, _SET_ATTRIBUTES, file, b"", ctypes.c_uint(flags), attributes, ctypes.c_size_t(32))
    except OSError:
        os.close(file)
        raise
    return file


def of_processes() -> int:
    """A /proc of the PID namespace of this process's children, as an open file."""
    context = _call("open proc", _OPEN, b"proc", ctypes.c_uint(1))
    try:
        _call("make proc", _CONFIGURE, context, ctypes.c_uint(_CREATE), None, None, 0)
        return _call("mount proc", _MOUNT, context, ctypes.c_uint(1), ctypes.c_uint(NO_SUID | NO_DEV | NO_EXEC))
    finally:
        os.close(context)


def put(mount: int, target: str | Path) -> None:
    """Gives such a mount its place, and closes its file."""
    flags = ctypes.c_uint(_FROM_FILE | _ALONG_LINKS)
    try:
        _call(f"mount on {target}", _MOVE_MOUNT, mount, b"", _HERE, os.fsencode(target), flags)
    finally:
        os.close(mount)
