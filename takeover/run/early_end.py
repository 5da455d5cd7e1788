"""A run that ends before its tests are over, by bad input or `pytest.exit`: one line and its exit code, in any process.

In a test's set-up pytest takes a usage error for the test's own, so bad input leaves it as an exit; around all tests it
becomes a usage error again, which pytest prints as a line, without a frame. A worker of xdist tells its controller: its
own words would be lost.
"""

import contextlib
from collections.abc import Generator, Iterator, Mapping
from typing import Any, NoReturn

import pytest

from takeover.run.safe_text import written_out

_TOLD = "takeover_end"  # in a worker's output: message and exit code


def stop(message: str) -> NoReturn:
    """Ends the run by that line, as bad input does (exit code 4), also from within a test."""
    pytest.exit(message, returncode=pytest.ExitCode.USAGE_ERROR)


def end_as(output: Mapping[str, Any]) -> None:
    """Ends the controller's run as a worker's has ended, if its output tells of an end.

    Raises: pytest.UsageError, or the exit.
    """
    message, code = output.get(_TOLD, (None, None))
    if message is None:
        return
    if code == pytest.ExitCode.USAGE_ERROR:
        raise pytest.UsageError(message)
    pytest.exit(message, returncode=code)


class EarlyEnd:
    """The hooks of a process that collects and runs tests, or waits for those who do."""

    def __init__(self, config: pytest.Config) -> None:
        self._output: dict[str, Any] = getattr(config, "workeroutput", {})

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        """Around all of the collection."""
        with self._told():
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Around all tests."""
        with self._told():
            return (yield)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except pytest.UsageError as error:
            self._tell("; ".join(map(str, error.args)), pytest.ExitCode.USAGE_ERROR)
            raise
        except pytest.exit.Exception as end:
            self._tell(end.msg, end.returncode)
            if end.returncode == pytest.ExitCode.USAGE_ERROR:
                raise pytest.UsageError(end.msg) from None
            raise

    def _tell(self, message: str, code: int | None) -> None:
        self._output[_TOLD] = (written_out(message), None if code is None else int(code))
