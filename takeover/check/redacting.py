"""What a process prints, without what may be a secret."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TextIO


class _Redacting:
    """A text stream that changes what is written to it; all else is the stream's own."""

    def __init__(self, stream: TextIO, redacted: Callable[[str], str]) -> None:
        self._stream = stream
        self._redacted = redacted

    def write(self, text: str) -> int:
        self._stream.write(self._redacted(text))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for each in lines:
            self.write(each)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


@contextlib.contextmanager
def redacting_output(redacted: Callable[[str], str]) -> Iterator[None]:
    """Within it, standard output and standard error have no secret; each text that is written at once is looked at."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (_Redacting(each, redacted) for each in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
