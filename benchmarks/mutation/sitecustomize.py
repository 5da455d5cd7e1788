"""Writes down which lines of the library run, and in which test: in every process, also one that is killed.

Python imports a module of this name at its start. It is put into a copy of the project for that (see `recording`), and
does nothing unless TAKEOVER_LINES names a file. A program of coverage would write at a process's end: the first process
of a node has none, the kernel ends it. It imports nothing that Python has not imported already.
"""

import os
import sys
from types import CodeType, FrameType
from typing import Any

_TEST = "PYTEST_CURRENT_TEST"
_OUTER = "TAKEOVER_LINES_TEST"


def _record(file: str) -> None:
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "takeover", "")  # noqa: PTH100, PTH118, PTH120
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    # What a test starts is that test's. But nodes are forked from one process, for all the tests of a run.
    if _OUTER not in os.environ and _TEST in os.environ and "takeover.node.launcher" not in sys.orig_argv:
        os.environ[_OUTER] = os.environ[_TEST].rpartition(" ")[0]
    is_shared = _OUTER not in os.environ and "takeover.node.launcher" in sys.orig_argv
    known: set[tuple[str, CodeType, int]] = set()

    def test() -> str:
        return os.environ.get(_OUTER) or ("*" if is_shared else os.environ.get(_TEST, "").rpartition(" ")[0])

    def called(frame: FrameType, event: str, _: object) -> Any:
        code = frame.f_code
        if event != "call" or not code.co_filename.startswith(root):
            return None
        name, where = test(), code.co_filename.removeprefix(root)

        def line(frame: FrameType, event: str, _: object) -> Any:
            if event == "line" and (name, code, frame.f_lineno) not in known:
                known.add((name, code, frame.f_lineno))
                os.write(descriptor, f"{name}\t{where}\t{frame.f_lineno}\n".encode())
            return line

        return line

    import threading

    threading.settrace(called)
    sys.settrace(called)


if "TAKEOVER_LINES" in os.environ:
    _record(os.environ["TAKEOVER_LINES"])
