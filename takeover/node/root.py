"""The root of a node: a file system of its own in memory, with what it needs of this machine, which is read-only there.

Nothing else of this machine has a path in a node, whatever somebody calls a thing there. See pivot_root(2).
"""

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import msgspec

from takeover.node import host, kernel

DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
"""Those that a runtime gives each container."""
_SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32")
_LIBRARIES = "/etc/ld.so.cache"  # where programs find them
_OF_PROGRAMS = (_LIBRARIES, "/etc/localtime", "/etc/ssl/certs")
_LIBRARY = re.compile(r"(/\S+) \(0x[0-9a-f]+\)$", re.MULTILINE)
_HOSTS = "127.0.0.1\tlocalhost\n::1\tlocalhost\n"


class Root(msgspec.Struct, frozen=True):
    """What a node sees of this machine.

    Args:
        seen: path in the node → file or folder of this machine.
        links: path in the node → what it points to.
        read_only_proc: for programs that nobody trusts. Where a container around us hides parts of its /proc, the
            kernel gives no other one: then there is none.
    """

    seen: dict[str, str]
    links: dict[str, str] = {}
    read_only_proc: bool = False


def for_programs(*files: str | Path) -> Root:
    """The root in which any program of this machine runs: its folders of programs and libraries, and these files."""
    seen, links = {}, {}
    for name in _SYSTEM:
        folder = Path("/", name)
        if folder.is_symlink():
            links[str(folder)] = str(folder.readlink())
        elif folder.is_dir():
            seen[str(folder)] = str(folder)
    seen |= {name: name for name in _OF_PROGRAMS if Path(name).exists()}
    seen |= {str(Path(each).absolute()): str(each) for each in files}
    return Root(seen, links, read_only_proc=True)


def needed_by(*programs: str) -> dict[str, str]:
    """What these programs of the machine need to run, and a node's own Python for what it imports late: `Root.seen`.

    They are trusted: their loader is asked for their libraries. One that is missing is left out.

    Raises: BadInputError where nothing tells which they are.
    """
    host.require_programs("ldd")
    paths = [path for each in programs if (path := shutil.which(each, path=host.path_of_root()))]
    # It complains, and goes on, of programs that need no libraries.
    told = subprocess.run(["ldd", *paths], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    found = [*paths, *_LIBRARY.findall(told.stdout), _LIBRARIES, sysconfig.get_path("stdlib")]
    return {each: each for each in found if Path(each).exists()}


def enter(root: Root) -> None:
    """Makes it, and the root of this process and of all in its mount namespace.

    Raises: OSError that says what this machine, or a container around, does not allow.
    """
    kernel.mount("none", "/", flags=kernel.PRIVATE | kernel.RECURSIVE)
    # Opened first: the new root hides what lies where it is made.
    opened = {target: os.open(source, os.O_PATH) for target, source in root.seen.items()}
    place = Path("/tmp")  # noqa: S108 - any folder that every machine has
    kernel.mount("tmpfs", place, "tmpfs", kernel.NO_SUID | kernel.NO_DEV, "mode=755")
    for name in ("proc", "dev", "run", "etc", "tmp"):
        (place / name).mkdir()
    (place / "tmp").chmod(0o1777)
    (place / "etc/hosts").write_text(_HOSTS)
    for target, link in root.links.items():
        (place / target[1:]).symlink_to(link)
    for target, source in opened.items():
        _show(f"/proc/self/fd/{source}", place / target[1:])
        os.close(source)
    for name in DEVICES:
        if Path("/dev", name).exists():
            _show(f"/dev/{name}", place / "dev" / name)
    kernel.make_read_only(place)
    _mount_proc(place / "proc", root.read_only_proc)
    kernel.change_root(place)


def _show(source: str, target: Path) -> None:
    if target.exists():  # in a folder that is seen already
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if Path(source).is_dir():
        target.mkdir()
        kernel.bind(source, target, kernel.RECURSIVE)
    else:
        target.touch()
        kernel.bind(source, target)


def _mount_proc(target: Path, read_only: bool) -> None:
    flags = kernel.NO_SUID | kernel.NO_DEV | kernel.NO_EXEC
    try:
        kernel.mount("proc", target, "proc", flags | (kernel.READ_ONLY if read_only else 0))
    except PermissionError:
        if not read_only:
            raise
