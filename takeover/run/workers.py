"""With `-n`: how many workers of xdist there are, and what they are told and heard to say.

On this machine, unless -n says otherwise, several Envoys, or probes, have two workers for each core (tests also wait),
four with the atlas, whose probes mostly wait; sabotages have four, too. All suites on one Envoy, also without some that
-m leaves out, are tested by three for two cores, those of xDS alone, which wait more, by four. A part that is named is
tested by this process: it is over before workers would be there.
"""

import contextlib
import copy
import functools
import os
import signal
import time
import traceback
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from takeover.base import ctrl_c
from takeover.engines.contract import Engine
from takeover.run.early_end import end_as
from takeover.run.interrupt import held
from takeover.run.plan import Plan
from takeover.run.probe_groups import ATLAS, MARK, chooses
from takeover.run.reading import are_several, read_ahead
from takeover.run.roles import OURS
from takeover.run.scopes import SHARED_OUT_BY, Scopes
from takeover.run.worker_forks import WorkerForks

_MOST_FOR_ONE = 4  # the suites of one Envoy are too few for more
_MOST_THAT_WAIT = 16  # beyond two for each core: each is a Python that has read all scenarios
_THAT_WAITS = "xds"  # for updates; the suites of another mark alone take as long with several workers, or longer
_SHORTLY = 2.0
"""Seconds in which the local engine's workers end."""
_LONG = 300.0
"""Seconds in which those end that wait for a cluster: for what they began to deploy, and for what they remove."""


def choose_number(config: pytest.Config) -> None:
    """Stands for -n where there is enough to do for all cores; to be called before xdist looks at it.

    Raises: pytest.UsageError for a number that is none of workers.
    """
    if hasattr(config, "workerinput"):
        return  # this is such a worker
    option = config.option
    given = config.getoption("numprocesses", None)
    if isinstance(given, int) and given < 0:
        raise pytest.UsageError(f"-n {given}: give the number of workers, 0 for none")
    is_said = config.getoption("numprocesses", 0) is not None or option.tx or option.dist != "no"
    one_process = option.keep or option.sweep is not None or option.collectonly
    one_process = one_process or option.engine not in (None, "local")
    # Of plugins that somebody may do without.
    one_process = one_process or config.getoption("usepdb", False) or config.getoption("stepwise", False)
    if not is_said and not one_process and (number := _worth_their_start(config)) > 1:
        option.numprocesses = number
    option.loadscopereorder = option.sabotage is not None  # see below: what takes long is not what has most tests


def begin_ahead(early: pytest.Config) -> None:
    """Begins the workers that there will be, before any conftest.py is loaded, which each of them loads itself.

    Args:
        early: with the options that are known so far. What is wrong in them is told when all are known.
    """
    config = copy.copy(early)
    option = config.option = copy.copy(early.known_args_namespace)
    folder, tests = early.invocation_params.dir, early.getini("testpaths")
    config.args = option.file_or_dir or (folder == early.rootpath and tests) or [str(folder)]
    with contextlib.suppress(pytest.UsageError):
        choose_number(config)
        number = config.getoption("numprocesses", 0)  # there is no such option where somebody does without xdist
        if not number or option.tx or option.collectonly or option.help or option.version:
            return
        if not isinstance(number, int):
            number = early.hook.pytest_xdist_auto_num_workers(config=config)
        read_ahead(config)
        WorkerForks.begin(early, option.engine, min(number, option.maxprocesses or number))


def _worth_their_start(config: pytest.Config) -> int:
    option = config.option
    cores: int = config.hook.pytest_xdist_auto_num_workers(config=config)
    that_wait = max(cores * 2, min(cores * 4, _MOST_THAT_WAIT))
    suites = {Path(config.rootpath, each).resolve() for each in config.getini("testpaths")}
    is_of_all = not option.keyword and {Path(each).resolve() for each in config.args} == suites
    if are_several(option.envoy) or (option.probes and is_of_all):
        return that_wait if is_of_all and chooses(option.markexpr, {ATLAS, MARK}) else cores * 2
    # In the article's order, or while it happens. Without a plugin of pytest's its option is not there.
    is_read = config.getoption("verbose", 0) > 0 or config.getoption("capture", None) == "no"
    if not is_of_all or is_read:
        return 0
    if option.sabotage == "*":
        return that_wait
    if chooses(option.markexpr, ()):  # all but what is named there
        return min(cores * 3 // 2, _MOST_FOR_ONE)
    return min(cores * 2, _MOST_FOR_ONE) if chooses(option.markexpr, {_THAT_WAITS}) else 0


class Workers:
    """The hooks by which xdist's controller shares a run among its workers; unless --dist asks for another way."""

    def __init__(self, plan: Plan, scopes: Scopes, engine: Callable[[], Engine], tell: Callable[[str], None]) -> None:
        self._plan = plan
        self._scopes = scopes
        self._engine = engine
        self._tell = tell
        self._ready: list[Any] = []
        self._down: set[Any] = set()
        self._is_under_way = False
        self._lost: list[str] = []

    def outputs(self) -> list[dict[str, Any]]:
        """What the workers said that have finished."""
        return [each.workeroutput for each in self._ready if hasattr(each, "workeroutput")]

    def lost(self) -> list[str]:
        """Those that were there, and ended without a word."""
        return [each.gateway.id for each in self._ready if not hasattr(each, "workeroutput")]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionstart(self) -> Generator[None, object, object]:
        """A worker that is gone before it can be spoken with: xdist would end by a traceback."""
        try:
            return (yield)
        except (EOFError, OSError) as error:
            if _is_of_the_terminal(error):
                raise pytest.UsageError(f"the output cannot be written: {error}") from None
            raise pytest.UsageError(_nobody_came("a worker", f" ({error})" if str(error) else "")) from None
        finally:
            ctrl_c.obeyed()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_setupnodes(self) -> None:
        """Lets a Ctrl-C wait while the workers' Pythons begin, which would answer it by tracebacks."""
        ctrl_c.blocked()

    def pytest_runtest_logstart(self) -> None:
        """From here on a worker that dies has a test that says so."""
        self._is_under_way = True

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Ends the run as a worker's has ended; and where as many as there should be have died before the first test.

        xdist replaces one that dies alone, as by somebody's hand.
        """
        self._down.add(node)
        end_as(getattr(node, "workeroutput", {}))
        if error and not self._is_under_way and not hasattr(node, "workeroutput"):
            self._lost.append(node.gateway.id)
            if len(self._lost) >= max(2, len(node.nodemanager.specs)):
                raise pytest.UsageError(_nobody_came(f"workers ({', '.join(self._lost)})"))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodeready(self, node: Any) -> None:
        """A worker has come up: it may make something."""
        self._ready.append(node)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Lets the workers remove what they made, where the run ends before they do: xdist would soon kill them."""
        at_work = [each for each in self._ready if each not in self._down and not hasattr(each, "workeroutput")]
        if not at_work:
            return
        for each in at_work:  # not all have heard of a Ctrl-C, and none of anything else
            with contextlib.suppress(ProcessLookupError):
                os.kill(each.gateway._rinfo().pid, signal.SIGINT)
        with held("the workers are removing what they made") as ctrl_c:
            if not _wait_for(at_work, _SHORTLY):
                self._tell("waiting until the workers have removed what they made")
                _wait_for(at_work, _LONG)
        if ctrl_c.came:
            session.exitstatus = pytest.ExitCode.INTERRUPTED

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tells each worker what its controller found out."""
        node.sendcommand = _heard_or_over(node.sendcommand)
        node.workerinput.update(self._plan.for_worker(self._engine))
        node.workerinput[SHARED_OUT_BY] = node.config.getoption("dist")  # in a worker, xdist says "no"

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> object | None:
        """Keeps tests of one file, or of a scenario's folder, and Envoy together, with --sabotage of one sabotage."""
        if config.getoption("dist") != OURS:
            return None
        from takeover.run.scheduling import Scheduling

        return Scheduling(config, log, self._scopes)


def _is_of_the_terminal(error: Exception) -> bool:
    """Whether it comes from writing what pytest prints: the disk may be full, or a pipe's reader be gone."""
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(frame.f_globals.get("__name__") == pytest.TerminalReporter.__module__ for frame in frames)


def _heard_or_over(send: Callable[..., None]) -> Callable[..., None]:
    """Lets pass that a worker has ended meanwhile: how it did is the next that is heard of it."""

    @functools.wraps(send)
    def sent(name: str, **arguments: object) -> None:
        with contextlib.suppress(OSError):
            send(name, **arguments)

    return sent


def _wait_for(nodes: list[Any], seconds: float) -> bool:
    """Waits until those workers have ended. Returns whether they have."""
    end = time.monotonic() + seconds
    for each in nodes:
        try:
            each.channel.waitclose(max(0.0, end - time.monotonic()))
        except each.channel.TimeoutError:
            return False
        except (each.channel.RemoteError, EOFError):
            continue  # interrupted before it could say so; or dead
    return True


def _nobody_came(who: str, why: str = "") -> str:
    return f"{who} ended while starting, without a word{why}: is there enough memory? give fewer with -n, or none (-n0)"
