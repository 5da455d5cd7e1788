"""Where in a configuration secrets stand: whatever is not known to be harmless or public may be one."""

import base64
import binascii
import contextlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from takeover.check.given.redacted import is_redacted
from takeover.check.given.secret_names import BODIES, FORMATS, KEYS_WITHIN, PUBLIC, PUBLIC_HEADERS, SECRET
from takeover.check.given.secret_texts import embedded
from takeover.scene.harmless_fields import ANY_VALUE, FREE_FORM, MESSAGE_WITHIN, NAMES, NAMES_WITHIN, WRITTEN

_OF_THE_API = re.compile(r"type\.googleapis\.com/(envoy|xds|udpa)\.(?!type\.v[13]\.TypedStruct)[A-Za-z0-9_.]+")
_CONSTANT = re.compile(r"[A-Z][A-Z0-9_]{0,60}")
# Addresses, protocols and types: nobody's secret, wherever they stand.
_PLAIN = re.compile(
    r"[\d.]+(/\d+)?|[0-9a-f:]*:[0-9a-f:]+(/\d+)?|([a-z]+-)?https?/\d(\.\d)?"
    r"|type\.googleapis\.com/[\w.]+|envoy\.[a-z0-9_.]+"
)
# A line of an htpasswd, cookies, what a scheme of authentication has.
_QUOTED = re.compile(r"\"[^\"\n]+\"|'[^'\n]+'")
_LAST = re.compile(
    r"^[\w.@-]+:(\S+)$|(?:^|;\s*)[\w.-]+=([^;\s]+)|^(?:Bearer|Basic|Token|ApiKey)\s+(\S+)$", re.IGNORECASE
)
_OPERATOR = re.compile(r"%[A-Z0-9_]+(?:\([^%]*?\))?(?::\d+)?%")
_MATCHES = re.compile(r"(string|exact|prefix|suffix|contains|safe_regex|range|present|invert)_match")
_SHORTEST, _SHORTEST_OF_SURE, _SURE_FROM = 8, 6, 12
"""Characters of one that may be a secret, of one that is, and of one that is even where it stands in public, too."""


@dataclass
class Places:
    """Collects the secrets of configurations.

    Args:
        sure: what is called a secret, or stands where only secrets do.
        others: what may be one.
        public: what is none.
        scope_keys: parts of the keys of scoped routes; which headers they come from (`scoped_by`) says whether they
            are secrets.
    """

    sure: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)
    public: set[str] = field(default_factory=set)
    scope_keys: set[str] = field(default_factory=set)
    scoped_by: set[str] = field(default_factory=set)

    def message(self, value: Any, within: str = "") -> None:
        """Looks through a message of Envoy's API, or several: those that the field `within` holds."""
        if isinstance(value, list):
            for each in value:
                self.message(each, within)
        elif isinstance(value, dict):
            if "@type" in value and not _OF_THE_API.fullmatch(str(value["@type"])):
                self.free(value)
            elif isinstance(named := value.get("key", value.get("name")), str) and _is_header(value, within):
                self._header(named, value)
            elif name := _looked_at(value.get("input")):
                self._matched(name, value)
            else:
                if isinstance(extractor := value.get("header_value_extractor"), dict):
                    self.scoped_by.add(str(extractor.get("name")))
                for key, each in value.items():
                    self._field(key, each, within)

    def _matched(self, name: str, value: dict[str, Any]) -> None:
        """What a tree of matchers looks for in a header or parameter; what it leads to."""
        for key, each in value.items():
            if key.endswith("_match_map") and isinstance(ends := each.get("map"), dict):
                self._header(name, {"exact": list(ends)})
                self.message(list(ends.values()), key)
            elif key == "value_match":
                self._header(name, each)
            elif key != "input":
                self._field(key, each, "")

    def _field(self, key: str, value: Any, within: str) -> None:
        if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
            for each in value:
                self._text(key, each, within)
        elif isinstance(value, str):
            self._text(key, value, within)
        elif key in FORMATS or key in ANY_VALUE or (isinstance(value, dict) and _is_free(key, value, within)):
            self.free(value)
        else:
            self.message(value, key)

    def _text(self, key: str, value: str, within: str) -> None:
        if key == "@type" or is_redacted(value):
            return
        self._embedded(value)
        if key == "string_key":
            self.scope_keys.add(value)
        elif (
            key in NAMES
            or (within, key) in NAMES_WITHIN
            or any(key in fields and form.fullmatch(value) for form, fields in WRITTEN.items())
        ):
            self.public.add(value)
        elif key in BODIES and within not in FORMATS:
            self._body(value, key, is_sure=SECRET.search(within) is not None)
        elif (within, key) in KEYS_WITHIN or (SECRET.search(key) and key not in PUBLIC):
            self._secret(value)
        elif key in PUBLIC or _CONSTANT.fullmatch(value):
            self.public.add(value)
        else:
            self._may_be(value)

    def _header(self, name: str, value: dict[str, Any]) -> None:
        """What is matched of a header or parameter, or added: its value is a secret by its name."""
        texts = [each for key, each in _strings(value) if key not in ("key", "name", "@type", "append_action")]
        is_added = "key" in value
        for each in texts:
            self._embedded(each)
            if SECRET.search(name) and not name.startswith(":"):
                self._secret(each)
            elif is_added and not PUBLIC_HEADERS.fullmatch(name):
                self._may_be(each)
            else:
                self.public.add(each)

    def request(self, headers: Iterable[str], path: str, body: str) -> None:
        """Looks through a request: headers as `name: value`."""
        for each in headers:
            name, _, value = each.partition(":")
            self._header(name, {"key": name, "value": value.strip()})
        self._embedded(path)
        self._may_be(body)
        self._of_json(body)
        if not body.lstrip().startswith(("{", "[", "<")):
            for name, value in parse_qsl(body):
                (self._secret if SECRET.search(name) else self._may_be)(value)

    def free(self, value: Any) -> None:
        """All texts of data of anybody's own form; those in JSON that is a text, too."""
        for key, each in _strings(value):
            if key == "@type" or is_redacted(each):
                continue
            self._embedded(each)
            if key == "filename":
                self.public.add(each)
                continue
            self._of_json(each)
            if SECRET.search(key):
                self._secret(each)
            else:
                self._may_be(each)

    def _body(self, value: str, key: str, *, is_sure: bool) -> None:
        texts = [value]
        if key == "inline_bytes":
            with contextlib.suppress(binascii.Error, ValueError):
                texts.append(base64.b64decode(value).decode("utf-8", "replace"))
        for each in texts:
            (self._secret if is_sure else self._may_be)(each)
            self._of_json(each)
            for quoted in _QUOTED.finditer(each):  # a script's, which it may send by itself
                self._may_be(quoted[0][1:-1])

    def _of_json(self, value: str) -> None:
        with contextlib.suppress(ValueError, RecursionError):
            if isinstance(inner := json.loads(value), dict | list):
                self.free(inner)

    def _embedded(self, value: str) -> None:
        for each in embedded(value):
            self._secret(each)

    def _secret(self, value: str) -> None:
        for each in _inside(value):
            self._secret(each)
        self.sure |= {each for each in _pieces(value) if len(each) >= _SHORTEST_OF_SURE}

    def _may_be(self, value: str) -> None:
        self.others |= {each for each in _pieces(value) if len(each) >= _SHORTEST and not _PLAIN.fullmatch(each)}

    def values(self) -> set[str]:
        """Those that are to be found nowhere: what is as short as a word, or only may be one, is none in public."""
        if any(map(SECRET.search, self.scoped_by)):
            for each in self.scope_keys:
                self._secret(each)
        else:
            self.public |= self.scope_keys
        public = "\n".join(self.public)
        found = {each for each in self.sure if len(each) >= _SURE_FROM or each not in public}
        return found | {each for each in self.others if each not in public}


def _is_header(value: dict[str, Any], within: str) -> bool:
    """Whether it is a header's name with its value, or what is matched of a header or a parameter of a query."""
    if "key" in value:
        return within != "credentials" and ("value" in value or "raw_value" in value)
    return any(_MATCHES.fullmatch(each) for each in value)


def _looked_at(extension: Any) -> str:
    """The header or parameter that an input of a matcher looks at; empty if it is another one."""
    config = extension.get("typed_config") if isinstance(extension, dict) else None
    return str(config.get("header_name") or config.get("query_param") or "") if isinstance(config, dict) else ""


def _is_free(key: str, value: dict[str, Any], within: str) -> bool:
    if (within, key) in MESSAGE_WITHIN:
        return False
    return key in FREE_FORM or (key == "config" and "@type" not in value)


def _inside(value: str) -> Iterator[str]:
    """The texts of a secret that is JSON, such as the key of a service account."""
    if value.lstrip().startswith(("{", "[")):
        with contextlib.suppress(ValueError, RecursionError):
            yield from (each for _, each in _strings(json.loads(value)))


def _pieces(value: str) -> Iterator[str]:
    """What may be found alone: its lines, without the operators of a format; of USER:PASSWORD the last, too."""
    for line in value.splitlines():
        for piece in _OPERATOR.split(line):
            stripped = piece.strip()
            if not stripped.startswith("-----"):
                yield stripped
                yield unquote(stripped)
                yield from (unquote(each[each.lastindex or 0]) for each in _LAST.finditer(stripped))


def _strings(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Each text in it with the key at which it, or its list, is."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for inner, each in value.items():
            yield from _strings(each, inner)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each, key)
