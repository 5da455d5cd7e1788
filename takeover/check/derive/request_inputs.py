"""What trees of matchers look at of a request: Envoy's tables of routes take headers alone."""

from collections.abc import Iterator
from dataclasses import dataclass

from takeover.check.derive.ask import Ask
from takeover.check.derive.conditions import UnsureError
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.headers import is_sendable
from takeover.check.derive.nets import Nets
from takeover.check.derive.predicates import Predicate, Single, Strings, predicate
from takeover.check.messages import config_of, message_of
from takeover.check.trees import NETS
from takeover.model.json import JsonObject

_HEADER = "envoy.type.matcher.v3.HttpRequestHeaderMatchInput"
_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
_USUAL = {":method": _METHODS, ":path": ("/another",), ":authority": ("another.test",), "host": ("another.test",)}


@dataclass(frozen=True)
class HeaderInput:
    """A header; `:path`, `:method` and `:authority` are such, too."""

    name: str

    @property
    def words(self) -> str:
        """What it is."""
        return f"header {self.name}"

    @property
    def usual(self) -> tuple[str, ...]:
        """Some values that a request may have there."""
        return _USUAL.get(self.name, ("another",))

    def value(self, of: Ask) -> str | None:
        """Its value."""
        return of.header(self.name)

    def put(self, of: Ask, value: str | None) -> Ask:
        """With that value."""
        if value is None:
            if self.name.startswith(":") or self.name == "host":
                raise CannotMakeError(f"no request is without {self.name}")
            return of.without_header(self.name)
        if self.name == ":method" and value not in _METHODS:
            raise CannotMakeError(f"{value!r} is no method that a codec takes")
        if self.name == ":scheme" or not is_sendable(self.name, value):
            raise CannotMakeError(f"{self.words}: {value!r} cannot be sent")
        return of.with_header(self.name, value)


@dataclass(frozen=True)
class Unread:
    """What is not known here.

    Args:
        words: why.
    """

    words: str

    def fits(self, of: Ask) -> bool:
        """Raises: UnsureError."""
        del of
        raise UnsureError(f"is not known: {self.words}")

    def made(self, of: Ask) -> Ask:
        """Raises: UnsureError."""
        self.fits(of)
        return of

    def missed(self, of: Ask) -> Iterator[tuple[str, Ask]]:
        """None."""
        del of
        yield from ()

    others = missed


def asked(data: JsonObject) -> Predicate[Ask]:
    """What a predicate asks of a request. Raises: CannotMakeError for one that is not known."""
    return predicate(data, _single)


def _single(data: JsonObject) -> Predicate[Ask]:
    config = config_of(data.get("input"))
    message = message_of(config)
    if message != _HEADER:
        raise CannotMakeError(f"a match by {message.rpartition('.')[2] or 'an input that is not named'}")
    source = HeaderInput(str(config.get("header_name", "")).lower())
    if isinstance(data.get("value_match"), dict):
        return Single(source, Strings(data["value_match"]))
    custom = config_of(data.get("custom_match"))
    kind = message_of(custom)
    if kind == NETS:
        return Single(source, Nets(custom))
    raise CannotMakeError(f"a match of {source.words} by {kind.rpartition('.')[2] or 'nothing'}")
