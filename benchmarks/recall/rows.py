"""The list of documented changes."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.version import InvalidVersion, Version

from takeover.base.errors import BadInputError
from takeover.base.paths import display_path

_COLUMNS = ("version", "area", "change", "guard", "how a client or operator could see it", "needs")
_EARLIER = re.compile(r"(?:already in|also in|also|first PyPI binary) (\d+\.\d+\.\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Row:
    """A documented change. Its guard is not read: it may not help to find it.

    Args:
        versions: those with which it came: the one in whose notes it stands, and earlier ones that had it, too.
        change: what is otherwise.
        how: how a client or operator could see it; that alone says by what kinds of differences.
    """

    versions: tuple[Version, ...]
    area: str
    change: str
    how: str
    needs: str

    @property
    def words(self) -> str:
        """All that the list says of it."""
        return f"{self.change}\n{self.how}"

    def __str__(self) -> str:
        return f"{self.versions[0]}  {self.area}: {self.change}"


def read_rows(file: Path) -> list[Row]:
    """The list, a TSV whose first line names its columns. Raises: BadInputError."""
    try:
        with file.open(encoding="utf-8", newline="") as text:
            lines = list(csv.reader(text, "excel-tab"))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(f"{display_path(file)}: cannot be read: {error}: give a TSV of changes") from error
    if not lines or tuple(lines[0]) != _COLUMNS:
        raise BadInputError(f"{display_path(file)}: the first line must name the columns {', '.join(_COLUMNS)}")
    return [_row(file, number, line) for number, line in enumerate(lines[1:], 2) if line]


def _row(file: Path, number: int, line: Sequence[str]) -> Row:
    if len(line) != len(_COLUMNS):
        raise BadInputError(f"{display_path(file)}:{number}: {len(line)} fields, where {len(_COLUMNS)} belong")
    version, area, change, _, how, needs = line
    try:
        return Row((Version(version), *map(Version, _EARLIER.findall(how))), area, change, how, needs)
    except InvalidVersion as error:
        raise BadInputError(f"{display_path(file)}:{number}: {version!r} is no version") from error
