"""For imports that take long: a Ctrl-C waits for their end."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Within it, a Ctrl-C waits.

    One that passes through an `exec` of text, by which libraries make their classes, ends Python by a signal, and not
    by the exit code that whoever catches it wants.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
