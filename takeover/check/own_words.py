"""What an Envoy says of a configuration: its own words without what is of chance, with the names that stand there."""

from takeover.check.coverage.taken_apart import texts
from takeover.check.records import Given
from takeover.probes.normal_rules import own_words_without_chance, without_chance

_LONGEST_NAME = 500


def own_words(message: str, given: Given) -> str:
    """The message in its normal form.

    A name of the configuration that is in it stays as it is, though a part of it looks like one of chance.
    """
    if own_words_without_chance(message) == message:
        return message
    kept: list[str] = []
    for each in _of_chance(given):
        if each in message:
            message = message.replace(each, _mark(len(kept)))
            kept.append(each)
    message = own_words_without_chance(message)
    for number, each in enumerate(kept):
        message = message.replace(_mark(number), each)
    return message


def _of_chance(given: Given) -> list[str]:
    """Names and other short texts that a rule would change, the longest first."""
    found: dict[str, None] = {}
    for text in (text for each in (given.bootstrap, *(of.data for of in given.resources)) for text in texts(each)):
        if len(text) <= _LONGEST_NAME and text not in found and without_chance(text) != text:
            found[text] = None
    found |= dict.fromkeys(each.name for each in given.resources if without_chance(each.name) != each.name)
    return sorted(found, key=len, reverse=True)


def _mark(number: int) -> str:
    """What no configuration has, and no rule changes."""
    return f"\ue000{number}\ue001"
