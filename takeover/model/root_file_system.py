"""What containers of the local engine see, as results tell it."""

from datetime import datetime

import msgspec


class RootFileSystem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A root file system that was made of packages of Debian, and for our own programs of Python's.

    Args:
        suite: Debian's or Ubuntu's name of the release, for instance bookworm.
        built: when, in UTC.
        packages: name → version of all that are installed in it; those that the image `peers` has of the Python
            package index are named `pypi:NAME`.
    """

    suite: str
    built: datetime
    packages: dict[str, str]

    def age_days(self, now: datetime) -> int:
        """How many whole days ago it was built."""
        return max(0, (now - self.built).days)
