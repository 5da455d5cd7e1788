"""A container's log as a file that stays open: of what was read, nothing is read again."""

import codecs
import os


class OpenLog:
    """The log of one container.

    Args:
        file: is closed with this.
    """

    def __init__(self, file: int) -> None:
        self._file = file
        self._begin()

    def _begin(self) -> None:
        self._read = 0
        self._text = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    @property
    def is_current(self) -> bool:
        """Whether it is the log that the container has: one that is made again has another."""
        return os.fstat(self._file).st_nlink > 0

    def text(self) -> str:
        """All that was written so far."""
        size = os.fstat(self._file).st_size
        if size < self._read:  # whoever writes has emptied it
            self._begin()
        while self._read < size and (data := os.pread(self._file, size - self._read, self._read)):
            self._read += len(data)
            self._text += self._decoder.decode(data)
        return self._text + self._decoder_rest()

    def _decoder_rest(self) -> str:
        """What is there of a character that is not all there yet."""
        return self._decoder.getstate()[0].decode(errors="replace")

    def close(self) -> None:
        """Closes the file."""
        os.close(self._file)
