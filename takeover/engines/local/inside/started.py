"""A process in a container: how it is forked, whose it becomes, what it runs."""

import os
import select
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO

import msgspec

from takeover.engines.local.inside import capabilities
from takeover.node import kernel

_STREAMS = 3
_NOT_RUN = 1
"""The exit code of what could not be run."""


class Process(msgspec.Struct, frozen=True):
    """What runs in a container.

    Args:
        args: the program, by its path or by its name in the PATH of `environment`, and its arguments.
        groups: besides `gid`.
        bounding: the capabilities (`CAP_…`) that it may have.
        held: those that it has.
        may_gain: whether what it executes may have more rights.
    """

    args: list[str]
    environment: dict[str, str]
    folder: str
    uid: int
    gid: int
    groups: list[int]
    bounding: list[str]
    held: list[str]
    may_gain: bool


class Started:
    """A child of this process; as much of `subprocess.Popen` as who waits for it needs.

    Args:
        under_way: the end of a pipe that is closed when the program runs.
        stdout: what it says, where somebody reads that.
    """

    def __init__(self, pid: int, under_way: int, stdout: IO[bytes] | None) -> None:
        self.pid = pid
        self.stdout = stdout
        self._under_way = under_way
        self._code: int | None = None

    @property
    def runs(self) -> bool:
        """Whether it became its program, or ended before."""
        if self._under_way >= 0 and _is_readable(self._under_way, 0):
            os.close(self._under_way)
            self._under_way = -1
        return self._under_way < 0

    def poll(self) -> int | None:
        """Its exit code, or a signal's number below 0; None while it runs."""
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._end(pid, status)
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        """Waits for its end. Raises: subprocess.TimeoutExpired."""
        if self._code is None and timeout is not None:
            ended = os.pidfd_open(self.pid)
            try:
                if not _is_readable(ended, timeout):
                    raise subprocess.TimeoutExpired(str(self.pid), timeout)
            finally:
                os.close(ended)
        if self._code is None:
            self._end(*os.waitpid(self.pid, 0))
        assert self._code is not None
        return self._code

    def kill(self) -> None:
        """Ends it."""
        if self._code is None:
            os.kill(self.pid, signal.SIGKILL)

    def _end(self, pid: int, status: int) -> None:
        if pid:
            self._code = os.waitstatus_to_exitcode(status)
            if self._under_way >= 0:
                os.close(self._under_way)
                self._under_way = -1


def _is_readable(file: int, within: float) -> bool:
    """Whether that happens within so many seconds; the file may have any number, as select(2) does not take it."""
    events = select.poll()
    events.register(file, select.POLLIN)
    return bool(events.poll(within * 1000))


def start(
    process: Process, enter: Callable[[], None], files: Sequence[int], pids: int | None, stdout: IO[bytes] | None = None
) -> Started:
    """Forks a child that goes to its place and becomes the program. What hinders it, it tells on stderr.

    Args:
        enter: called in the child, as root.
        files: its stdin, stdout and stderr; the caller keeps its own.
        pids: the PID namespace that it is in; None: a new one, whose first process it is.

    Raises: OSError where that namespace ends.
    """
    under_way, until_runs = os.pipe()
    try:
        with _children_in(pids):
            pid = os.fork()
            if pid == 0:
                _become(process, enter, files)
    except OSError:
        os.close(under_way)
        raise
    finally:
        os.close(until_runs)
    return Started(pid, under_way, stdout)


@contextmanager
def _children_in(pids: int | None) -> Iterator[None]:
    """Children of this process are in that PID namespace meanwhile."""
    own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if pids is None:
            kernel.unshare(kernel.NEW_PIDS)
        else:
            kernel.enter(pids)
        yield
    finally:
        kernel.enter(own)
        os.close(own)


def _become(process: Process, enter: Callable[[], None], files: Sequence[int]) -> None:
    try:
        kernel.name_process("container")
        os.setsid()
        _take_all_signals()
        for number, file in enumerate(files):
            os.dup2(file, number)
        for open_file in map(int, os.listdir("/proc/self/fd")):  # noqa: PTH208
            if open_file >= _STREAMS:
                with suppress(OSError):  # that of the list itself
                    os.set_inheritable(open_file, False)
        enter()
        if not os.path.isdir(process.folder):  # noqa: PTH112
            os.makedirs(process.folder)  # noqa: PTH103
        _take_rights(process)
        os.chdir(process.folder)
        os.execvpe(process.args[0], process.args, process.environment)  # noqa: S606
    except BaseException as error:  # noqa: BLE001 - whatever it is, this process is to become nothing else
        told = f"cannot run {process.args[0]}: {getattr(error, 'strerror', None) or error}"
        os.write(2, f"takeover: {told}\n".encode(errors="replace"))
    finally:
        os._exit(_NOT_RUN)


def _take_all_signals() -> None:
    """As a program finds them that a runtime starts: Python ignores some; who started the run, others, or blocks them.

    nohup ignores SIGHUP, a shell's `&` SIGINT and SIGQUIT; ./run has SIGINT blocked.
    """
    for each in signal.valid_signals():
        if signal.getsignal(each) == signal.SIG_IGN:
            signal.signal(each, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _take_rights(process: Process) -> None:
    kernel.bound_capabilities(capabilities.numbers(process.bounding))
    os.setgroups(process.groups)
    os.setgid(process.gid)
    os.setuid(process.uid)
    kernel.hold_capabilities(capabilities.numbers(process.held))
    if not process.may_gain:
        kernel.gain_nothing()
