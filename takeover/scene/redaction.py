"""A config without what may be secret: its shape and the names in it stay."""

import re
from collections.abc import Iterable
from typing import Any

from takeover.scene.harmless_fields import ANY_VALUE, FREE_FORM, MESSAGE_WITHIN, NAMES, NAMES_WITHIN, WRITTEN

REMOVED = "(removed: may be a secret)"

# Messages of these packages have the fields that the lists are about; those of anybody's own may have any.
_OF_THE_API = re.compile(r"type\.googleapis\.com/(envoy|xds|udpa)\.[A-Za-z0-9_.]+")
_TYPE = re.compile(r"type\.googleapis\.com/[A-Za-z0-9_.]{1,200}")
# So short and so common that they are nobody's secret.
_TELL_NOTHING = frozenset({"", "*", "/"})
# Of trees of matchers: what a request must have there, such as a token in a header.
_KEYED_BY_VALUES = frozenset({"exact_match_map", "prefix_match_map"})
_SHORTEST = 8
"""Characters of a line of a Secret that is looked for."""


def without_secrets(config: Any) -> Any:
    """What Envoy tells of its config (JSON of its API's messages) with `REMOVED` for all that may be a secret.

    Whatever is not known to be harmless may be one: strings of fields outside `takeover.scene.harmless_fields`, and
    every value, of whatever type, in data of free form (metadata, a TypedStruct, an extension of one's own).
    """
    return _of_message(config, "")


def without_values(text: str, secrets: Iterable[str]) -> str:
    """The text with `REMOVED` for each line of these values that is in it: a log may show one alone, or all escaped.

    Lines of fewer than eight characters stay: they would be found in much that is none of them.
    """
    lines = {line.strip() for each in secrets for line in each.splitlines()}
    lines = {each for each in lines if len(each) >= _SHORTEST and not each.startswith("-----")}
    if not lines:
        return text
    return re.sub("|".join(map(re.escape, sorted(lines, key=len, reverse=True))), REMOVED, text)


def _of_message(value: Any, within: str) -> Any:
    """What may be told of a message of the API, or of several: those that the field `within` holds."""
    if isinstance(value, list):
        return [_of_message(each, within) for each in value]
    if not isinstance(value, dict):
        return value if isinstance(value, bool | int | float | None) else _removed(value)
    if "@type" in value and not _OF_THE_API.fullmatch(str(value["@type"])):
        return _of_free_form(value, keeping_type=True)
    return {key: _of_field(key, each, within) for key, each in value.items()}


def _of_field(key: str, value: Any, within: str) -> Any:
    if key == "@type":
        return value
    if isinstance(value, str):
        return value if _is_harmless(key, value, within) else _removed(value)
    if key == "map" and within in _KEYED_BY_VALUES and isinstance(value, dict):
        return {f"{REMOVED} {number}": _of_message(each, key) for number, each in enumerate(value.values(), 1)}
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return [each if _is_harmless(key, each, within) else _removed(each) for each in value]
    return _of_free_form(value) if _is_free_form(key, value, within) else _of_message(value, key)


def _is_harmless(key: str, value: str, within: str) -> bool:
    if key in NAMES or (within, key) in NAMES_WITHIN:
        return True
    return any(key in fields and form.fullmatch(value) for form, fields in WRITTEN.items())


def _is_free_form(key: str, value: Any, within: str) -> bool:
    if key in ANY_VALUE:
        return True
    if not isinstance(value, dict) or (within, key) in MESSAGE_WITHIN:
        return False
    # `config` holds a Struct in some messages, and in others any message, which says its type.
    return key in FREE_FORM or (key == "config" and "@type" not in value)


def _of_free_form(value: Any, *, keeping_type: bool = False) -> Any:
    if isinstance(value, dict):
        return {
            key: each if key == "@type" and keeping_type and _is_type(each) else _of_free_form(each)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [_of_free_form(each) for each in value]
    return None if value is None else _removed(value)


def _is_type(value: Any) -> bool:
    return isinstance(value, str) and _TYPE.fullmatch(value) is not None


def _removed(value: Any) -> Any:
    return value if isinstance(value, str) and value in _TELL_NOTHING else REMOVED
