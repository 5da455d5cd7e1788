"""Workers of xdist that begin as forks of their controller, which has imported what they would import anew.

A Python that begins by itself imports for a second or more, and there are up to sixteen. These are forked before any
conftest.py is loaded and anything configured, while the process has one thread, and wait until xdist asks for them. It
asks execnet, whose execution model begins processes (https://execnet.readthedocs.io/en/latest/basics.html). What nobody
asks for ends with its input. Where more are asked for than there are, as to replace a dead one, a Python begins as
xdist would have it.
"""

import atexit
import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import types
import weakref
from collections.abc import Sequence
from typing import IO, Any, NoReturn

import pytest

from takeover.base import ctrl_c

_IMPORTED = ("takeover.run.wiring", "xdist.remote", "jsonpath", "takeover.net.http")
"""What each of them needs."""
_FOR_ENGINE = {"local": "takeover.engines.local.engine"}
"""What each needs, besides, where that engine is chosen."""


class WorkerForks:
    """Those that wait, and the hooks by which xdist takes them."""

    def __init__(self) -> None:
        self._waiting: list[_Fork] = []

    @classmethod
    def begin(cls, config: pytest.Config, engine: str | None, number: int) -> None:
        """Forks so many, unless this process has other threads, whose locks a fork would never see opened.

        Args:
            config: that of the controller.
            engine: as the option says.
            number: how many.
        """
        for each in (*_IMPORTED, *filter(None, [_FOR_ENGINE.get(engine or "local")])):
            importlib.import_module(each)
        if threading.active_count() > 1:
            return
        _open_usual_files()
        forks = cls()
        for _ in range(number):
            forks._waiting.append(_Fork(forks._waiting))
        config.pluginmanager.register(forks, f"takeover-{cls.__name__}")
        config.add_cleanup(forks.close)

    def close(self) -> None:
        """Ends those that nobody has asked for."""
        while self._waiting:
            self._waiting.pop().close()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_setupnodes(self, config: pytest.Config) -> None:
        """Has execnet take them, in place of new processes."""
        group = config.pluginmanager.get_plugin("dsession").nodemanager.group  # type: ignore[union-attr]
        model = group.execmodel
        forks = self

        class Forking(type(model)):  # type: ignore[misc]  # execnet's; where it gets its processes from
            @property
            def subprocess(self) -> types.SimpleNamespace:
                return types.SimpleNamespace(PIPE=subprocess.PIPE, Popen=forks.take)

        with contextlib.suppress(ValueError):  # gateways are there already, as --px makes them
            group.set_execmodel(Forking(), model)

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionstart(self) -> Any:
        """By its end xdist has begun all that it needs."""
        try:
            return (yield)
        finally:
            self.close()

    def take(self, command: Sequence[str], **pipes: int) -> "_Fork | subprocess.Popen[bytes]":
        """One that does what a Python does that is given execnet's code by its input; or such a Python."""
        if not self._waiting or command[0] != sys.executable or "-B" in command:
            return subprocess.Popen(command, **pipes)  # type: ignore[call-overload,no-any-return]  # execnet's arguments
        fork = self._waiting.pop(0)
        fork.tell_surroundings()
        return fork


class _Fork:
    """A process as execnet takes one: of a Popen it uses these, and no others.

    Args:
        earlier: those before it, whose pipes' ends it closes: they would not hear that this process has ended.

    Attributes:
        pid: its number.
        stdin: what it reads.
        stdout: what it writes.
    """

    def __init__(self, earlier: Sequence["_Fork"]) -> None:
        read, write = os.pipe()
        self.stdin: IO[bytes] = os.fdopen(write, "wb")
        answer, write = os.pipe()
        self.stdout: IO[bytes] = os.fdopen(answer, "rb")
        self._code: int | None = None
        for each in filter(None, (sys.stdout, sys.stderr)):  # None where somebody has closed it
            each.flush()
        ctrl_c.blocked()  # a worker hears of it when it can end as it should
        self.pid = os.fork()
        if not self.pid:
            for each in (*earlier, self):
                each.stdin.close()
                each.stdout.close()
            _serve(read, write)
        ctrl_c.obeyed()
        os.close(read)
        os.close(write)

    def tell_surroundings(self) -> None:
        """What a new process would inherit now."""
        self.stdin.write(json.dumps(dict(os.environ)).encode() + b"\n")  # ASCII: also what is no UTF-8 there

    def wait(self) -> int:
        """Waits for its end. Returns its exit code, or less than 0 for a signal."""
        if self._code is None:
            _, status = os.waitpid(self.pid, 0)
            self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def kill(self) -> None:
        """Ends it at once. Raises: ProcessLookupError where it has ended."""
        if self._code is None:
            os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Ends one that has nothing to do."""
        with contextlib.suppress(BrokenPipeError):
            self.stdin.close()
        self.stdout.close()
        self.wait()


def _open_usual_files() -> None:
    """Lets none of a worker's pipes be where it looks for its input and output: somebody may have closed those."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)


def _serve(read: int, write: int) -> NoReturn:
    """Becomes what `python -u -c "import sys;exec(eval(sys.stdin.readline()))"` is, and ends as it does."""
    code = 1
    try:
        _forget_what_the_controller_ends()
        ctrl_c.raises_again()
        for mine, usual in ((read, 0), (write, 1)):
            os.dup2(mine, usual)
            os.close(mine)
        sys.stdin = sys.__stdin__ = os.fdopen(0, closefd=False)  # type: ignore[misc]
        sys.stdout = sys.__stdout__ = os.fdopen(1, "w", closefd=False)  # type: ignore[misc]
        if surroundings := sys.stdin.readline():
            os.environ.clear()
            os.environ.update(json.loads(surroundings))
            sys.argv = ["-c"]
            main = sys.modules["__main__"] = types.ModuleType("__main__")
            exec(eval(sys.stdin.readline()), vars(main))  # noqa: S102, S307  # as execnet has it
            threading._shutdown()  # type: ignore[attr-defined]
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001  # as Python does where nobody handles it
        sys.excepthook(*sys.exc_info())
    finally:
        atexit._run_exitfuncs()
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
        os._exit(code)


def _forget_what_the_controller_ends() -> None:
    """What it removes at its end is its own; and this process does so at its end with what it will make."""
    atexit._clear()
    weakref.finalize._registry.clear()  # type: ignore[attr-defined]
    weakref.finalize._registered_with_atexit = False  # type: ignore[attr-defined]  # it would not look there again
