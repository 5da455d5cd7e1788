"""Ctrl-C while a program of ours begins: there is nothing yet to tidy up, and Python's answer would be a traceback.

Imports next to nothing: meanwhile who imports it first must guard that.
"""

import os
import signal

INTERRUPTED = 2
"""The exit code of what was ended by Ctrl-C, as pytest has it."""


def told() -> None:
    """Says the line of who was interrupted."""
    os.write(2, b"\ninterrupted\n")


def ends_at_once() -> None:
    """From here on Ctrl-C ends this process with 2 and one line, until `raises_again`.

    It does, too, where whoever began this process blocked the signal, and where one has come since. Where it is ignored
    (in the background of a script) or somebody handles it, that stays.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)
    obeyed()


def raises_again() -> None:
    """Undoes `ends_at_once`: Ctrl-C raises KeyboardInterrupt."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def is_over() -> None:
    """From here on Ctrl-C changes nothing: Python's own end would make of it a process that a signal ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # One that was raised within exec(), as dataclasses use it, Python takes for unhandled, whoever handled it, and ends
    # itself by the signal; until another exec() begins.
    exec("")  # noqa: S102


def blocked() -> None:
    """Lets a Ctrl-C wait until it is `obeyed`; in processes that begin meanwhile, until they say so themselves."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def obeyed() -> None:
    """Lets no Ctrl-C wait any longer."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _end(*_: object) -> None:
    told()
    os._exit(INTERRUPTED)
