"""What a run's end waits for, told where it takes long: nobody should have to guess at a process that does not end."""

import os
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LONG = 60.0
"""Seconds: an end takes a few, on a busy machine or a cluster, too."""
_OURS = str(Path(__file__).parents[1])


@contextmanager
def told_where_long(what: str, after: float = _LONG) -> Iterator[None]:
    """Says on stderr, each time that `after` seconds have passed meanwhile, where this process is in our code.

    Args:
        what: takes that long.
    """
    over = threading.Event()

    def tell() -> None:
        passed = 0.0
        while not over.wait(after):
            passed += after
            said = f"{what}: not done after {passed:g} s; {'; '.join(_places(threading.get_ident()))}\n"
            os.write(sys.stderr.fileno(), said.encode())

    thread = threading.Thread(target=tell, name="overdue", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _places(not_of: int) -> Iterator[str]:
    """Each other thread that is in our code: its name, and the innermost place there."""
    names = {each.ident: each.name for each in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        ours = [each for each in traceback.extract_stack(frame) if each.filename.startswith(_OURS)]
        if ours and ident != not_of:
            place = Path(ours[-1].filename).relative_to(_OURS).as_posix()
            yield f"{names.get(ident, ident)} is in {place}:{ours[-1].lineno} {ours[-1].name}"
