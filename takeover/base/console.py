"""What commands print."""

import os
import sys

from takeover.base.errors import TakeoverError
from takeover.base.visible import visible, visible_json

NOBODY_READS = 141
"""The exit code of programs whose reader has ended: 128, and the number of the signal that others end by."""


def write(*lines: str) -> None:
    """Prints the lines at once, whoever's text is in them: whoever waits for a command sees how far it is.

    Raises: SystemExit where nobody reads them any more, as behind `| head`; TakeoverError where they cannot be written.
    """
    write_text("".join(f"{visible(each)}\n" for each in lines))


def write_json(data: bytes) -> None:
    """Prints JSON, whoever's text is in it: a line that every JSON reader takes. Raises: see `write`."""
    write_text(f"{visible_json(data.decode())}\n")


def write_text(text: str) -> None:
    """Prints a text of our own as it is. Raises: see `write`."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _write_nothing_more()
        raise SystemExit(NOBODY_READS) from None
    except OSError as error:
        _write_nothing_more()
        raise TakeoverError(f"cannot print: {error.strerror}") from None


def _write_nothing_more() -> None:
    """Else Python itself tries again as it ends, and says that it failed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
