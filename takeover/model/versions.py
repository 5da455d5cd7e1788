"""Envoy's versions as numbers that can be compared, and ranges of them."""

import re
from collections.abc import Collection

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

_NUMBER = re.compile(r"v?(\d+(?:\.\d+)*(?:\.post\d+)?)", re.ASCII)
_RELEASE = re.compile(r"\d+(\.\d+)+(\.post\d+)?", re.ASCII)


def version_of(text: str) -> Version | None:
    """The version that a package or a binary calls itself by, without what follows the number; None if there is none.

    A build before a release ("1.41.0-dev") counts as the release: it is made from the same source.
    """
    number = _NUMBER.match(text)
    return Version(number[1]) if number else None


def is_version(text: str) -> bool:
    """Whether that is a release's own name, as an index has it, and nothing else."""
    return _RELEASE.fullmatch(text) is not None


def follows(after: Version, before: Version, known: Collection[Version] = ()) -> bool:
    """Whether no release lies between them, as far as their numbers and those that are known tell.

    A new line (1.41.0) follows what is known to be the newest of the line before: no number says which one that is.
    """
    if any(before < each < after for each in known):
        return False
    if (after.major, after.minor) != (before.major, before.minor):
        begins = (after.major, after.minor, after.micro, after.post) == (before.major, before.minor + 1, 0, None)
        return begins and before in known
    if after.micro != before.micro:
        return after.micro == before.micro + 1 and after.post is None
    return (after.post or 0) == (before.post or 0) + 1


class VersionRange:
    """A range such as ">=1.36.3, <1.40". Raises: ValueError for a text that is none."""

    def __init__(self, text: str) -> None:
        try:
            self._specifiers = SpecifierSet(text)
        except InvalidSpecifier as error:
            raise ValueError(f"{text!r} is no range of versions; write it like '>=1.36.3, <1.40'") from error
        self._text = text

    def __contains__(self, version: str) -> bool:
        """Whether it holds that version; one that cannot be told is in every range."""
        number = version_of(version)
        return number is None or self._specifiers.contains(number, prereleases=True)

    def __str__(self) -> str:
        return self._text
