"""What a route asks of a header."""

import contextlib
import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from takeover.check.derive import strings
from takeover.check.derive.ask import Ask
from takeover.check.derive.conditions import UnsureError
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.sanitizing import PROTO, REQUEST_ID, SCHEMES
from takeover.model.json import JsonObject

_USUAL = {":method": ("GET", "POST", "DELETE", "PUT"), ":scheme": SCHEMES, PROTO: SCHEMES}


@dataclass(frozen=True)
class Header:
    """`envoy.config.route.v3.HeaderMatcher`."""

    data: JsonObject

    @functools.cached_property
    def name(self) -> str:
        """The header's name, in small letters."""
        return str(self.data.get("name", "")).lower()

    @property
    def words(self) -> str:
        """What it is."""
        return f"header {self.name}"

    def fits(self, ask: Ask) -> bool:
        """Whether the request has it. Raises: UnsureError."""
        first, *others = ask.values(self.name)
        found = self._fits_as(first)
        if any(self._fits_as(value) is not found for value in others):
            raise untold(self.name)
        return found

    def _fits_as(self, value: str | None) -> bool:
        is_inverted = bool(self.data.get("invert_match"))
        present = self._present()
        if present is not None:
            is_there = value is not None or bool(self.data.get("treat_missing_header_as_empty"))
            return (is_there == present) is not is_inverted
        if value is None:
            if not self.data.get("treat_missing_header_as_empty"):
                return False
            value = ""
        return self._fits(value) is not is_inverted

    def made(self, ask: Ask) -> Ask:
        """The request, changed so that it has it. Raises: CannotMakeError, UnsureError."""
        unsure: UnsureError | None = None
        for made in itertools.chain([ask], self._candidates(ask)):
            try:
                if self.fits(made):
                    return made
            except UnsureError as error:
                unsure = error
        if unsure is not None:
            raise unsure
        raise CannotMakeError(f"{self.words}: {ask.sanitizing.why(self.name) or 'no value'}")

    def missed(self, ask: Ask) -> Iterator[tuple[str, Ask]]:
        """Requests that just do not have it, the most telling one first."""
        for made in self._candidates(ask):
            with contextlib.suppress(UnsureError):
                if not self.fits(made):
                    is_sent = self.name.startswith(":") or self.name == "host" or made.sent(self.name) is not None
                    yield f"{self.words}: {'another' if is_sent else 'none'}", made

    def _candidates(self, ask: Ask) -> Iterator[Ask]:
        matcher = self._string()
        values = list(_USUAL.get(self.name, ()))
        if (numbers := self.data.get("range_match")) is not None:
            start, end = int(numbers.get("start", 0)), int(numbers.get("end", 0))
            values += [str(start), str(end), str(start - 1), "none"]
        elif self._present() is not None or matcher is None:
            values.append("any")
        else:
            for make in (strings.matching, strings.not_matching):
                try:
                    values.append(make(matcher))
                except CannotMakeError:
                    if make is strings.matching and not self.data.get("invert_match"):
                        raise
        for value in values:
            if is_sendable(self.name, value):
                yield ask.with_header(self.name, value)
        if not self.name.startswith(":") and self.name != "host":
            yield ask.without_header(self.name)

    def _fits(self, value: str) -> bool:
        if (numbers := self.data.get("range_match")) is not None:
            try:
                return int(numbers.get("start", 0)) <= int(value) < int(numbers.get("end", 0))
            except ValueError:
                return False
        matcher = self._string()
        return matcher is None or strings.matches(matcher, value)

    def _present(self) -> bool | None:
        """What it says of the header's presence; None where it asks for a value."""
        if "present_match" in self.data:
            return bool(self.data["present_match"])
        return True if self._string() is None and "range_match" not in self.data else None

    def _string(self) -> JsonObject | None:
        if "string_match" in self.data:
            of: JsonObject = self.data["string_match"]
            return of
        for old in ("exact", "prefix", "suffix", "contains"):
            if f"{old}_match" in self.data:
                return {old: self.data[f"{old}_match"]}
        if "safe_regex_match" in self.data:
            return {"safe_regex": self.data["safe_regex_match"]}
        return None


def untold(name: str) -> UnsureError:
    """That Envoy itself says in the header what nobody knows beforehand."""
    return UnsureError(f"asks for header {name}, where Envoy says itself what it knows", chance=name == REQUEST_ID)


def is_sendable(name: str, value: str) -> bool:
    """Whether a request can have that header with that value as it is."""
    if name == ":method":
        return bool(value) and value.isascii() and value.isalpha()
    if name == ":scheme":
        return value in SCHEMES
    if name in {":path", ":authority", "host"}:
        return bool(value) and value.isprintable() and " " not in value and (name != ":path" or value.startswith("/"))
    return value.isprintable() and value == value.strip() and value.isascii()
