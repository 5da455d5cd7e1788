"""For imports that take long: a Ctrl-C waits for their end."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Within it, a Ctrl-C waits.

    One that passes through an `exec` of text, by which libraries make their classes, ends Python by a signal, and not
    by the exit code that whoever catches it wants.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # it comes to the main thread only
        return
    came: list[int] = []
    # To block the signal would not do: another thread takes it then, and the handler runs here all the same.
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)
