"""The end of a run: all that it made is removed, however it ended, and what could not be removed is told.

A worker of xdist does so before it says that it has finished: its controller waits for that, and hears what is left.
"""

import sys
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import pytest

from takeover.base import ctrl_c
from takeover.base.errors import NotRemovedError, TakeoverError
from takeover.engines.contract import ClusterEngine
from takeover.run.interrupt import held
from takeover.run.overdue import told_where_long
from takeover.run.scene_pool import ScenePool
from takeover.run.workers import Workers

_LEFT = "takeover_left"  # in a worker's output: why not all could be removed
_REMOVING = "what this run made is being removed"


@dataclass(frozen=True)
class _Left:
    """What could not be removed.

    Attributes:
        why: in one line, which an error of ours has made fit for a terminal.
        fails: whether the run fails by it; not where it is in nobody's hands here, as with somebody's finalizers.
    """

    why: str
    fails: bool


class Removal:
    """The hooks of a process that has made something.

    Args:
        workers: of the controller of xdist, whose own they are; else None.
    """

    def __init__(self, config: pytest.Config, pool: ScenePool, workers: Workers | None) -> None:
        self._output: dict[str, Any] | None = getattr(config, "workeroutput", None)
        self._pool = pool
        self._workers = workers
        self._session: pytest.Session | None = None

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Its exit code may have to change at the end."""
        self._session = session

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self) -> Generator[None, object, object]:
        """In a worker, nobody is told of what comes after; also where another's hook ends by a Ctrl-C, or otherwise."""
        try:
            return (yield)
        finally:
            if self._output is not None:
                ctrl_c.is_over()
                left = self._removed()
                self._output[_LEFT] = [(left.why, left.fails)] if left is not None else []

    def pytest_unconfigure(self) -> None:
        """Removes everything, however the run ended, and however often somebody presses Ctrl-C then.

        It stays ignored: Python's own end, which is left, would make of a run that is over one that a signal ended.

        Raises: pytest.UsageError, one line, where not all could be removed; where only somebody's finalizers hold it,
            that line is printed, and what the tests found stands.
        """
        if self._output is not None:  # a worker has; its controller may still tell it to, by the signal of a Ctrl-C
            ctrl_c.is_over()
            return
        with held(_REMOVING) as holding, told_where_long(_REMOVING):
            own = self._removed()
        ctrl_c.is_over()
        if holding.came and self._session is not None:
            self._session.exitstatus = pytest.ExitCode.INTERRUPTED
        outputs = self._workers.outputs() if self._workers is not None else []
        left = [_Left(*each) for output in outputs for each in output.get(_LEFT, ())]
        left += [own] if own is not None else []
        if not left:
            return
        told = f"not all could be removed: {'; '.join(dict.fromkeys(each.why for each in left))}"
        if any(each.fails for each in left):
            raise pytest.UsageError(told)
        sys.stderr.write(f"{told}\n")

    def _removed(self) -> _Left | None:
        """Removes everything of this process. Returns what could not be, None if all could."""
        is_cluster = isinstance(self._pool.made_engine, ClusterEngine)
        try:
            self._pool.close()
        except TakeoverError as error:
            return _Left(str(error), not isinstance(error, NotRemovedError))
        finally:
            if is_cluster and self._workers is not None and (lost := self._workers.lost()):
                sys.stderr.write(f"{', '.join(lost)} ended without a word: `takeover clean` shows what may be left\n")
        return None
