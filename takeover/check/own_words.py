"""What an Envoy says of a configuration: its own words without what is of chance, with the names that stand there."""

from functools import cached_property

from takeover.check.coverage.taken_apart import texts
from takeover.check.records import Given
from takeover.probes.normal_rules import without_chance
from takeover.probes.own_words import own_words_without_chance

_LONGEST_NAME = 500


class OwnWords:
    """Puts what Envoys say of one configuration into its normal form."""

    def __init__(self, given: Given) -> None:
        self._given = given

    def of(self, message: str) -> str:
        """A message in its normal form.

        A name of the configuration that is in it stays as it is, though a part of it looks like one of chance.
        """
        if own_words_without_chance(message) == message:
            return message
        kept: list[str] = []
        for each in self._of_chance:
            if each in message:
                message = message.replace(each, _mark(len(kept)))
                kept.append(each)
        message = own_words_without_chance(message)
        for number, each in enumerate(kept):
            message = message.replace(_mark(number), each)
        return message

    @cached_property
    def _of_chance(self) -> list[str]:
        """Names and other short texts that a rule would change, the longest first."""
        found: dict[str, None] = {}
        data = (self._given.bootstrap, *(of.data for of in self._given.resources))
        for text in (text for each in data for text in texts(each)):
            if len(text) <= _LONGEST_NAME and text not in found and without_chance(text) != text:
                found[text] = None
        names = (each.name for each in self._given.resources)
        found |= dict.fromkeys(each for each in names if without_chance(each) != each)
        return sorted(found, key=len, reverse=True)


def _mark(number: int) -> str:
    """What no configuration has, and no rule changes."""
    return f"\ue000{number}\ue001"
