"""What of what was given may be stored and shown: nothing of it that may be a secret.

`secret_values` tells them; `Cleaner` takes them out of every text that leaves a run.
"""

import base64
import html
import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, overload
from urllib.parse import quote

from takeover.base.errors import BadInputError
from takeover.check.given.secret_places import Places
from takeover.check.given.secret_texts import spans
from takeover.check.records import Asked, Given
from takeover.model.json import JsonObject
from takeover.scenario.files import bounded_bytes
from takeover.scenario.supplying import LOGGED
from takeover.scene.redaction import REMOVED, without_secrets

_LONGEST_FILE = 1 << 20
_WORD = "removed"
_LONG = 12
"""Characters of a value that is known also where its last one is missing."""
_GRAM = 6
"""Characters by which values are looked for: none is shorter."""


class Secrets(NamedTuple):
    """Of what was given.

    Args:
        values: every text that may be a secret; lines one each.
        told_apart: those of which has to be known which one it is: parts of keys of scoped routes.
    """

    values: set[str]
    told_apart: tuple[str, ...] = ()


def secret_values(given: Given, asked: Iterable[Asked] = ()) -> set[str]:
    """Every text that may be a secret, of the configuration, of files that it names and of requests; lines one each.

    A value that is public elsewhere in the configuration (the name of a cluster, a path) is none.
    """
    return secrets_of(given, asked).values


def secrets_of(given: Given, asked: Iterable[Asked] = ()) -> Secrets:
    """The same, and which of them have to be told apart."""
    places = Places(public=set(LOGGED))  # each log has them
    for request in asked:
        places.others |= request.secrets
    places.message(given.bootstrap)
    for each in given.resources:
        if not each.is_static and not each.is_inline:
            places.message(each.data)
    for path, file in given.files.items():
        if not path.endswith((".yaml", ".yml", ".json")):  # configuration of its own: lists of resources
            places.message({"secret": {"inline_string": _text(file)}})
    values = places.values()
    return Secrets(values, tuple(sorted(places.scope_keys & values)))


def _text(file: Path) -> str:
    try:
        return bounded_bytes(file, _LONGEST_FILE, "a secret is shorter").decode()
    except (BadInputError, UnicodeDecodeError):
        return ""  # no text that could be shown


class Cleaner:
    """Takes secrets out of texts: given values, in every form in which a text may have them, and what looks like one.

    Args:
        values: of secrets, such as those of `secret_values`.
        told_apart: those in whose places words stand that tell which one it was.
    """

    def __init__(self, values: Iterable[str] = (), told_apart: Iterable[str] = ()) -> None:
        self._words = {each: f"({_WORD}-{number})" for number, each in enumerate(told_apart, 1)}
        self._by_gram: dict[str, list[str]] = {}
        for each in {form for value in values if len(value) >= _GRAM for form in _forms(value)}:
            self._by_gram.setdefault(each[:_GRAM], []).append(each)
        for listed in self._by_gram.values():
            listed.sort(key=len, reverse=True)
        self._any = re.compile(_any_of(self._by_gram)) if self._by_gram else None

    def __call__(self, text: str) -> str:
        """The text with `REMOVED` in the place of each."""
        found = sorted({*spans(text), *self._values_in(text)})
        made, at = [], 0
        for start, end in found:
            if end <= at:
                continue
            if start >= at:
                made += [text[at:start], self._words.get(text[start:end], REMOVED)]
            at = end
        return "".join([*made, text[at:]])

    def _values_in(self, text: str) -> Iterator[tuple[int, int]]:
        at = 0
        while self._any is not None and (begun := self._any.search(text, at)) is not None:
            start = begun.start()
            listed = self._by_gram[begun[0]]
            at = next((start + len(each) for each in listed if text.startswith(each, start)), start + 1)
            if at > start + 1:
                yield start, at


def _any_of(grams: Iterable[str]) -> str:
    """An expression for any of them, as a tree of what they begin with: each character is looked at about once."""
    tree: dict[str, list[str]] = {}
    for each in grams:
        tree.setdefault(each[0], []).append(each[1:])
    branches = []
    for first, rests in sorted(tree.items()):
        inner = _any_of(rests) if rests[0] else ""
        branches.append(re.escape(first) + inner)
    return branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"


def _forms(value: str) -> Iterable[str]:
    """How a text may have it: as it is, and as JSON, HTML, a URL, a shell and base64 write it."""
    forms = {form(each) for each in _sent(value) for form in _WRITTEN}
    return {each for each in forms if len(each) >= _GRAM}


def _sent(value: str) -> Iterator[str]:
    """As it is, and as probes send what is just another one."""
    yield value
    if len(value) >= _LONG:
        yield value[:-1]
        yield value.swapcase()


_WRITTEN: tuple[Callable[[str], str], ...] = (
    lambda value: value,
    lambda value: json.dumps(value)[1:-1],
    lambda value: json.dumps(value, ensure_ascii=False)[1:-1],
    html.escape,
    lambda value: html.escape(json.dumps(value)[1:-1]),
    lambda value: quote(value, safe=""),
    quote,
    lambda value: shlex.quote(value).removeprefix("'").removesuffix("'"),
    lambda value: repr(value)[1:-1],
    lambda value: base64.b64encode(value.encode()).decode(),
)


@overload
def redacted(value: str, secrets: Iterable[str] = ()) -> str: ...
@overload
def redacted(value: JsonObject, secrets: Iterable[str] = ()) -> JsonObject: ...
def redacted(value: str | JsonObject, secrets: Iterable[str] = ()) -> str | JsonObject:
    """What may be told of a text, or of a configuration, a dump, or anything else that is JSON.

    Args:
        value: of JSON only what is known to be harmless stays; a text loses `secrets`, and what looks like one.
        secrets: values such as those of `secret_values`; who cleans many texts makes one `Cleaner` of them.
    """
    if isinstance(value, str):
        return Cleaner(secrets)(value)
    made: JsonObject = without_secrets(value)
    return made
