"""Where a mutant runs: it may do anything there, and nothing of it stays.

A mutant of what makes mounts, namespaces and processes does to this machine what nobody has thought of. So each gets
namespaces of its own and a copy of the project in memory; all else is read-only; and when its time is over, or this
process ends, the kernel ends all that it started. That needs root.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from takeover.base.cache import cache_folder
from takeover.node import kernel

_FOLDERS = ("takeover", "tests", "suites", "fixtures", "manifests", "benchmarks", "docs", "locks")
_FILES = ("conftest.py", "pyproject.toml", "run")
_LEFT_AS_IT_IS = ("/proc", "/sys", "/dev")
_MADE = "made"
"""A file that says that what failed is what ran in the cage, not the cage."""


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, None for one whose time was over; and what it wrote."""

    code: int | None
    output: str


class Cage:
    """Copies of a project, in each of which one command runs.

    Args:
        root: of the project.
        folder: one to mount on; results of commands, which they find as `kept`, are below it.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self._root = root
        self._place = folder / "place"
        self.kept = folder / "kept"
        for each in (self._place, self.kept):
            each.mkdir(parents=True, exist_ok=True)

    def run(
        self, arguments: Sequence[str], seconds: float, files: Mapping[str, str], environment: Mapping[str, str]
    ) -> Ended:
        """Runs Python with these arguments in a copy.

        Args:
            arguments: likewise.
            seconds: after which it is ended with all that it started.
            files: path → text, of the copy's files that are replaced or new.
            environment: what is added to this process's own.
        """
        with tempfile.TemporaryDirectory(dir=self.kept) as changed:
            for name, text in files.items():
                (Path(changed) / name).parent.mkdir(parents=True, exist_ok=True)
                (Path(changed) / name).write_text(text)
            namespaces = ["--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child"]
            places = [str(each) for each in (self._root, self._place, self.kept, changed)]
            command = [
                "setpriv",
                "--pdeathsig",
                "KILL",
                "unshare",
                *namespaces,
                sys.executable,
                "-m",
                "benchmarks.mutation.cage",
                *places,
                *arguments,
            ]
            own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
            outside = {**own, **environment, "PYTHONPATH": str(self._root)}
            with (Path(changed) / "output").open("w+b") as output:
                process = subprocess.Popen(
                    command, env=outside, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
                )
                try:
                    code: int | None = process.wait(seconds)
                except subprocess.TimeoutExpired:
                    code = None
                finally:
                    process.kill()  # its child is told by the kernel, and is the first process of all the others
                    process.wait()
                output.seek(0)
                written = output.read().decode(errors="replace")
                assert (Path(changed) / _MADE).exists(), f"no cage could be made:\n{written}"
                return Ended(code, written)


def main() -> None:
    """Makes the cage around this process, and becomes the command."""
    root, place, kept, changed = map(Path, sys.argv[1:5])
    kernel.mount("none", "/", flags=kernel.PRIVATE | kernel.RECURSIVE)
    cache = cache_folder()
    kernel.mount("tmpfs", place, "tmpfs")
    tree = place / "project"
    tree.mkdir()
    for name in _FOLDERS:
        shutil.copytree(root / name, tree / name, symlinks=True)
    for name in _FILES:
        shutil.copy2(root / name, tree / name)
    shutil.copytree(changed, tree, dirs_exist_ok=True, ignore=shutil.ignore_patterns("output"))
    _cover(cache, place / "cache")
    for name in ("tmp", "home"):
        (place / name).mkdir()
    kernel.bind(kept, kept)  # a mount of its own, which can be written
    _make_read_only([place, kept, *map(Path, _LEFT_AS_IT_IS)])
    kernel.bind(place / "tmp", "/tmp")  # noqa: S108
    kernel.mount("proc", "/proc", "proc", kernel.NO_SUID | kernel.NO_DEV)
    kernel.bring_loopback_up()
    os.chdir(tree)
    (changed / _MADE).touch()
    own = {"PYTHONPATH": str(tree), "HOME": str(place / "home"), "XDG_CACHE_HOME": str(place / "cache")}
    os.execve(sys.executable, [sys.executable, *sys.argv[5:]], {**os.environ, **own})  # noqa: S606


def _cover(cache: Path, new: Path) -> None:
    """Makes the cache visible below `new`, where what is written to it is forgotten."""
    target = new / cache.name
    folders = [new / each for each in ("upper", "work")]
    for each in (target, *folders):
        each.mkdir(parents=True)
    if cache.exists():
        options = f"lowerdir={cache},upperdir={folders[0]},workdir={folders[1]}"
        kernel.mount("overlay", target, "overlay", options=options)


def _make_read_only(but: list[Path]) -> None:
    for number, _, target, forbidden in list(kernel.mounts()):
        if not any(Path(target).is_relative_to(each) for each in but) and number == _mount_at(target):
            kernel.mount("none", target, flags=kernel.REMOUNT | kernel.BIND | kernel.READ_ONLY | forbidden)


def _mount_at(target: str) -> str | None:
    """The number of the mount that this path leads to, see mountinfo and fdinfo in proc(5).

    That of another one where one covers it, None where that has no such path.
    """
    try:
        opened = os.open(target, os.O_PATH)
    except FileNotFoundError:
        return None
    try:
        told = Path(f"/proc/self/fdinfo/{opened}").read_text()
    finally:
        os.close(opened)
    return dict(line.split(":\t", 1) for line in told.splitlines())["mnt_id"]


if __name__ == "__main__":
    main()
