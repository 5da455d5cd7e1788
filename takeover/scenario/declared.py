"""What a scenario declares of Envoy's versions: which ones it supports, and which of its tests fail on which."""

from dataclasses import dataclass

from takeover.base.patterns import matches
from takeover.model.versions import VersionRange
from takeover.scenario.fields import Fields


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


def read_support(file: Fields) -> Support | None:
    """`supports: {envoy: RANGE, reason: TEXT}`, None if all versions are. Raises: BadInputError "FILE:LINE: …"."""
    if "supports" not in file.data:
        return None
    entry = Fields(file.document, ("supports",))
    entry.only("envoy", "reason")
    return Support(_range(entry), entry.take("reason", str))


def read_known_failures(file: Fields) -> tuple[KnownFailure, ...]:
    """`known_failures`: a list of {test: NAME, envoy: RANGE, reason: TEXT}. Raises: BadInputError "FILE:LINE: …"."""
    found = []
    for entry in file.children("known_failures"):
        entry.only("test", "envoy", "reason")
        where = entry.document.where(*entry.at)
        found.append(KnownFailure(entry.take("test", str), _range(entry), entry.take("reason", str), where))
    return tuple(found)


def _range(entry: Fields) -> VersionRange:
    try:
        return VersionRange(entry.take("envoy", str))
    except ValueError as error:
        raise entry.error(str(error), "envoy") from None
