"""What a scenario declares of Envoy's versions: which ones it supports, and which of its tests fail on which."""

from dataclasses import dataclass

from takeover.base.patterns import matches
from takeover.model.versions import VersionRange
from takeover.scenario.typed_yaml import Entry, Text


class SupportEntry(Entry):
    """The versions of Envoy that a scenario supports; its tests do not run on others.

    Args:
        envoy: a range of versions, such as `>=1.39`.
        reason: why not the others.
    """

    envoy: Text
    reason: Text


class KnownFailureEntry(Entry):
    """Tests that fail on some versions of Envoy: they are told of when they pass.

    Args:
        test: the test's name without the Envoy, in which * stands for anything.
        envoy: a range of versions, such as `<1.38`.
        reason: why it fails there.
    """

    test: Text
    envoy: Text
    reason: Text


@dataclass(frozen=True, eq=False)
class Support:
    """The versions that a scenario supports, and why not the others."""

    envoy: VersionRange
    reason: str

    def __str__(self) -> str:
        return f"supports Envoy {self.envoy}: {self.reason}"


@dataclass(frozen=True, eq=False)
class KnownFailure:
    """Tests that fail on some versions, and are to be told of when they pass.

    Args:
        test: the test's name, in which * stands for anything, without the Envoy.
        where: the "FILE:LINE" where it is written.
    """

    test: str
    envoy: VersionRange
    reason: str
    where: str

    def is_about(self, test: str) -> bool:
        """Whether it tells of that test."""
        return matches(test, self.test)


def support_of(entry: SupportEntry) -> Support:
    """The support that an entry states. Raises: BadInputError "FILE:LINE: …"."""
    return Support(_range(entry), entry.reason)


def known_failure_of(entry: KnownFailureEntry) -> KnownFailure:
    """The known failure that an entry states. Raises: BadInputError "FILE:LINE: …"."""
    return KnownFailure(entry.test, _range(entry), entry.reason, entry.where())


def _range(entry: SupportEntry | KnownFailureEntry) -> VersionRange:
    try:
        return VersionRange(entry.envoy)
    except ValueError as error:
        raise entry.error(str(error), "envoy") from None
