"""What a run's end waits for, told where it takes long: nobody should have to guess at a process that does not end."""

import contextlib
import os
import sys
import threading
import traceback
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from takeover.node.processes import descendants

_LONG = 60.0
"""Seconds: an end takes a few, on a busy machine or a cluster, too."""
_OURS = str(Path(__file__).parents[1])


@contextmanager
def told_where_long(what: str, after: float = _LONG) -> Iterator[None]:
    """Says on stderr, each time that `after` seconds have passed meanwhile, where this process is, and who is below it.

    Args:
        what: takes that long.
    """
    over = threading.Event()

    def tell() -> None:
        passed = 0.0
        while not over.wait(after):
            passed += after
            said = f"{what}: not done after {passed:g} s; {'; '.join([*_places(threading.get_ident()), *_below()])}\n"
            os.write(sys.stderr.fileno(), said.encode())

    thread = threading.Thread(target=tell, name="overdue", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class Overdue:
    """The hook of every process of a run, around all that others do at its end.

    Args:
        after: so many seconds.
    """

    def __init__(self, after: float = _LONG) -> None:
        self._after = after

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Generator[None, object, object]:
        """Says where the end waits."""
        with told_where_long("the run ends", self._after):
            return (yield)


def _places(not_of: int) -> Iterator[str]:
    """Each other thread that is in our code, and the main one: its name, and the innermost place, there or at all."""
    names = {each.ident: each.name for each in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        stack = traceback.extract_stack(frame)
        ours = [each for each in stack if each.filename.startswith(_OURS)]
        if ident != not_of and (ours or ident == threading.main_thread().ident):
            place = (ours or stack)[-1]
            file = Path(place.filename)
            within = file.relative_to(_OURS) if ours else Path(*file.parts[-2:])
            yield f"{names.get(ident, ident)} is in {within.as_posix()}:{place.lineno} {place.name}"


def _below() -> Iterator[str]:
    """Each process below this one: its number, name and state, and in which function of the kernel it waits."""
    for pid in descendants(os.getpid()):
        with contextlib.suppress(OSError):  # it has ended
            name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(") ")
            waits = Path(f"/proc/{pid}/wchan").read_text().strip("0")
            yield f"below: {pid} {name} ({f'{rest[0]} {waits}'.rstrip()})"
