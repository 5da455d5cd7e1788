"""Lengths of what holds addresses: an address has as many characters as its engine gives it, and so they differ.

Where an address is named in the text, a length that counts the text is put as if the address had the length that the
local engine gives; so it is with numbers of chance, which have more digits or fewer. Only a length that is exactly that
of a text which was received is touched.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from takeover.model.document import LogEntry, Observation

POD_ADDRESS, SERVICE_ADDRESS = len("10.244.0.2"), len("10.96.1.1")
"""Of a Pod, and of a Service whose manifest gives no address, on the local engine."""

_HEADER = "content-length"
_IN_TEXT = re.compile(rf"(?mi)^({_HEADER}: *)(\d+)(?=\r?$)")
_NUMBERS = re.compile(r"(?mi)^x-datadog-(?:trace|parent)-id: (\d{1,20})(?=\r?$)")
"""Ids of chance that are written in decimal."""
_DIGITS = 20
"""As many as the largest of them has."""
_HEAD_END = "\r\n\r\n"
_SENT = "bytes_sent"
"""The field of Envoy's log entries, as the scenarios call it."""


class Lengths:
    """Mends lengths in an observation as it was received.

    Args:
        addresses: finds them in a text.
        wanted: address → the length that it is to have.
    """

    def __init__(self, addresses: re.Pattern[str], wanted: Mapping[str, int]) -> None:
        self._addresses = addresses
        self._wanted = wanted

    def _mended(self, text: str) -> int:
        """The length that the text would have."""
        addresses = (len(each) - self._wanted[each] for each in self._addresses.findall(text))
        numbers = (len(each) - _DIGITS for each in _NUMBERS.findall(text))
        return len(text) - sum(addresses) - sum(numbers)

    def header(self, name: str, value: str, body: str) -> str:
        """The value of a header of the answer with that body."""
        is_it = name.lower() == _HEADER and body and value == str(len(body))
        return str(self._mended(body)) if is_it else value

    def body(self, text: str) -> str:
        """A body that may hold whole answers, with their heads."""
        pieces, end = [], 0
        for found, answer in _answers_in(text):
            pieces += [text[end : found.start(2)], str(self._mended(answer))]
            end = found.end(2)
        return "".join([*pieces, text[end:]])

    def entry(self, entry: LogEntry, observed: Observation) -> LogEntry:
        """An entry of Envoy's log, which may count a body, or all that was sent."""
        value: Any = entry.get(_SENT)
        text = next((each for each in _counted(observed) if len(each) == value), None) if value else None
        return entry if text is None else {**entry, _SENT: self._mended(text)}


def _answers_in(text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Where in a text the length of a body stands, and that body, if all of it follows."""
    for found in _IN_TEXT.finditer(text):
        begin = text.find(_HEAD_END, found.end())
        body = text[begin + len(_HEAD_END) :][: int(found[2])]
        if begin >= 0 and len(body) == int(found[2]):
            yield found, body


def _counted(observed: Observation) -> Iterator[str]:
    """The texts that Envoy may have counted: a body alone, or with its head where it only passed bytes on."""
    yield observed.body
    head = f"{observed.protocol} {observed.status} {observed.reason}\r\n"
    yield head + "".join(f"{name}: {value}\r\n" for name, value in observed.headers) + "\r\n" + observed.body
    for _, body in _answers_in(observed.body):
        yield body
