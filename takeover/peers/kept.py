"""What stays until a program's end: to look for garbage among it takes an eighth of the time in which it is made."""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """What is made within stays: neither this process nor its forks look for garbage among it."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
