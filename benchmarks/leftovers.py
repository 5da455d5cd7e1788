"""Looks for what a run that has ended left behind: processes, namespaces, mounts, networks, rules, files."""

import contextlib
import getpass
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from takeover.node import host
from takeover.node.processes import descendants

ROOT = Path(__file__).parents[1]

TMP = "/tmp"  # noqa: S108 - where a program may write, whatever it is told
# What is watched has a /tmp of its own, where it can be seen what was left there. An ordinary user's run would need a
# user namespace for that, in which it were another one; and what lies in /tmp itself must be found there.
_OWN_TMP = ["unshare", "--mount", "--propagation", "private", "sh", "-c", f'mount --bind "$0" {TMP} && exec "$@"']
HAS_OWN_TMP = host.is_root() and not any(Path(each).is_relative_to(TMP) for each in (ROOT, sys.prefix))


class Tag:
    """Marks processes by their environment, which their children inherit, so that they can be found again.

    What gets an environment of its own is found by `argument`, where that is one of its arguments.
    Containers have an environment of their own. But when a node's first process is gone, so is everything in the node:
    the kernel waits for that.
    """

    def __init__(self) -> None:
        self._value = str(uuid.uuid4())
        self.environment = os.environ | {"TAKEOVER_TEST_TAG": self._value}
        self.argument = f"tag-{self._value}"

    def processes(self) -> list[str]:
        """The command lines of the processes that have it."""
        return [command for _, command in self._found()]

    def kill(self) -> None:
        """Ends them, and with them all that is in namespaces of theirs."""
        for process, _ in self._found():
            os.kill(process, signal.SIGKILL)

    def _found(self) -> list[tuple[int, str]]:
        return marked(f"TAKEOVER_TEST_TAG={self._value}", self.argument)


def marked(variable: str, argument: str = "") -> list[tuple[int, str]]:
    """Number and command line of each process that has a variable (`NAME=value`), or a word in its command."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # gone meanwhile, or not ours to read
            command = _command(process)
            if (argument and argument in command) or variable.encode() in (process / "environ").read_bytes().split(
                b"\0"
            ):
                found.append((int(process.name), command))
    return found


class Inmates:
    """The processes that are in namespaces of a run's own at one moment, whatever their environment.

    Found again by number and start: a namespace's number may soon be another run's.
    """

    def __init__(self, pid: int) -> None:
        others = set(_namespaces(Path("/proc/self")))
        own = {each for one in (pid, *descendants(pid)) for each in _namespaces(Path(f"/proc/{one}"))} - others
        every = Path("/proc").glob("[0-9]*") if own else ()
        self._found = {each: _start(each) for each in every if not own.isdisjoint(_namespaces(each))}

    def processes(self) -> list[str]:
        """The command lines of those that have not ended; one that only waits to be reaped is in no namespace."""
        left = []
        for process, start in self._found.items():
            with contextlib.suppress(OSError):
                if start and _start(process) == start:
                    left.append(f"{_command(process)} (in a namespace of the run)")
        return left


class WatchedRun:
    """A run in a process of its own.

    Args:
        folder: of its own: what it has for temporary files.
        has_own_tmp: that folder is its /tmp.
        of_process: what else the process is made with, see `subprocess.Popen`.
    """

    def __init__(
        self, tag: Tag, folder: Path, program: list[str], *, has_own_tmp: bool = HAS_OWN_TMP, **of_process: Any
    ) -> None:
        self.folder, self.began = folder, time.time()
        self._tag, self._inmates = tag, list[Inmates]()
        imported = filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])
        environment = tag.environment | {"PYTHONPATH": os.pathsep.join(imported), "TMPDIR": str(folder)}
        environment |= of_process.pop("env", {})
        if has_own_tmp:
            environment["TMPDIR"] = TMP
            program = [*_OWN_TMP, str(folder), *program]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "cwd": folder, "text": True}
        self.process: subprocess.Popen[str] = subprocess.Popen(program, env=environment, **pipes | of_process)

    def processes(self) -> list[str]:
        """The command lines of what is left of it, once it has ended."""
        inside = [line for each in self._inmates for line in each.processes()]
        return [*self._tag.processes(), *processes_at(self.folder), *inside]

    def left(self, seconds: float) -> list[str]:
        """What is left of it, once it has ended: processes after so many seconds, of what they made anything at all."""
        waiting = Retrying(
            retry=retry_if_result(bool),
            stop=stop_after_delay(seconds),
            wait=wait_fixed(0.05),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else [],
        )
        left: list[str] = waiting(self.processes)
        return [*left, *traces(self.folder), *self._in_shared_tmp()]

    def _in_shared_tmp(self) -> list[str]:
        """An ordinary user's files in /tmp since it began, where that is not its own: another's may be among them."""
        if host.is_root():
            return []
        found = []
        for each in Path(TMP).iterdir():
            with contextlib.suppress(OSError):
                status = each.lstat()
                if status.st_uid == os.getuid() and status.st_ctime > self.began and not _may_stay(each):
                    found.append(str(each))
        return found

    def is_ready(self) -> dict[str, str]:
        """What it says first."""
        assert self.process.stdout
        facts: dict[str, str] = json.loads(self.process.stdout.readline())
        return facts

    def end(self) -> int:
        """Lets it end. Returns its exit code."""
        self.process.communicate("\n", timeout=300)
        return self.process.returncode

    def interrupt(self) -> int:
        """Ends it by Ctrl-C. Returns its exit code."""
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=300)
        return self.process.returncode

    def has_containers(self) -> bool:
        """Whether a process of this run is in a container: in a PID namespace that is in a node's."""
        return any(len(_numbers(each)) > 2 for each in descendants(self.process.pid))

    def look(self) -> None:
        """Notes who is in its namespaces now: they may not be there when it has ended."""
        self._inmates.append(Inmates(self.process.pid))

    def kill(self) -> None:
        """Ends it by kill -9."""
        self.look()
        self.process.kill()
        self.process.communicate(timeout=300)


def _numbers(pid: int) -> list[str]:
    """What the process is called in each PID namespace that it is in, from this one on."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # it has ended
        return []
    return next((line.split()[1:] for line in lines if line.startswith("NSpid:")), [])


def _command(process: Path) -> str:
    return (process / "cmdline").read_text(errors="replace").replace("\0", " ")


def _namespaces(process: Path) -> list[str]:
    try:
        return [str((process / "ns" / each).readlink()) for each in ("net", "mnt", "pid")]
    except OSError:  # gone meanwhile, or not ours to read
        return []


def _start(process: Path) -> str:
    """When it started, in ticks; empty where it has ended."""
    try:
        state, *others = (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state in "ZX" else others[18]


def processes_at(folder: Path) -> list[str]:
    """Those that name a folder, work or have their root there: some, as a package's scripts, get a new environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # gone meanwhile, or not ours to read
            command = _command(process)
            places = [command, *(str((process / each).readlink()) for each in ("root", "cwd"))]
            if any(str(folder) in each for each in places) and int(process.name) not in _ourselves():
                found.append(command)
    return found


def _ourselves() -> set[int]:
    """This process and those that it comes from: their command may name the folder of all runs."""
    found, each = set(), os.getpid()
    while each > 1:
        found.add(each)
        each = int(re.findall(r"^PPid:\s*(\d+)", Path(f"/proc/{each}/status").read_text(), re.MULTILINE)[0])
    return found


def traces(folder: Path) -> list[str]:
    """What a node makes, wherever it could be seen from outside; others may be at work on this machine.

    Args:
        folder: that of a `WatchedRun`.
    """
    iptables = shutil.which("iptables-save", path=host.path_of_root())
    rules = subprocess.run([iptables], capture_output=True, text=True, check=False).stdout if iptables else ""
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    ours = re.compile(rf" /run/(pods|bundles|system|lab|netns/\d+ )|takeover|mmdebstrap|{re.escape(str(folder))}")
    return [
        *(each.name for each in Path("/sys/class/net").glob("pod*")),
        *(line for line in mounts if ours.search(line)),
        *(line for line in rules.splitlines() if "KUBE-REFUSED" in line),
        *(str(each) for each in Path("/run/netns").glob("[0-9]*")),
        *(str(each) for each in Path("/sys/fs/cgroup").glob("*/[0-9]*-envoyproxy")),
        *(str(each) for each in folder.iterdir() if not _may_stay(each)),
    ]


def _may_stay(path: Path) -> object:
    """Results are meant to; of its workers' folders, empty ones, pytest keeps the last three.

    And Python tries by a file of a moment, without a name of its own, whether the temporary folder can be written to.
    """
    return path.name in ("reports", "cache", f"pytest-of-{getpass.getuser()}") or (
        path.is_file() and re.fullmatch("[a-z0-9_]{8}", path.name) and path.read_bytes() in (b"", b"blat")
    )
