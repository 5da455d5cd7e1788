"""What a scenario declares of Envoy's versions: which ones it supports, and which of its tests fail on which."""

from dataclasses import dataclass

from msgspec import UNSET, UnsetType

from takeover.base.patterns import matches
from takeover.model.versions import VersionRange
from takeover.scenario.typed_yaml import Entry, Text


class SupportEntry(Entry, kw_only=True):
    """The Envoys that a scenario supports, by version, by what they have, or by both; its tests do not run on others.

    Args:
        envoy: a range of versions, such as `>=1.39`; without it: all.
        extensions: the names of those that an Envoy must have, such as `envoy.wasm.runtime.v8`. The binary is asked
            where the engine runs it; of an image nobody knows before it runs.
        reason: why not the others.
    """

    envoy: Text | UnsetType = UNSET
    extensions: tuple[Text, ...] = ()
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
    """The Envoys that a scenario supports, and why not the others.

    Args:
        envoy: their versions; None for all.
        extensions: what they must have.
    """

    envoy: VersionRange | None
    reason: str
    extensions: tuple[str, ...] = ()

    def refuses(self, version: str) -> str:
        """That a version is not among them; empty if it is."""
        if self.envoy is None or version in self.envoy:
            return ""
        return f"supports Envoy {self.envoy}: {self.reason}"

    def misses(self, extension: str) -> str:
        """That an Envoy is not among them for lack of that extension."""
        return f"does not run: this Envoy has no {extension}: {self.reason}"


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
    if entry.envoy is UNSET and not entry.extensions:
        raise entry.error("supports needs envoy or extensions")
    return Support(None if entry.envoy is UNSET else _range(entry, entry.envoy), entry.reason, entry.extensions)


def known_failure_of(entry: KnownFailureEntry) -> KnownFailure:
    """The known failure that an entry states. Raises: BadInputError "FILE:LINE: …"."""
    return KnownFailure(entry.test, _range(entry, entry.envoy), entry.reason, entry.where())


def _range(entry: SupportEntry | KnownFailureEntry, written: str) -> VersionRange:
    try:
        return VersionRange(written)
    except ValueError as error:
        raise entry.error(str(error), "envoy") from None
