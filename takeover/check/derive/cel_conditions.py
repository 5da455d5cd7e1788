"""What an expression of CEL asks of a request. What is not there makes it an error, which fits nothing."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from takeover.check.derive import cel
from takeover.check.derive.ask import Ask
from takeover.check.derive.cel import Call, Constant, Field, Name, Node
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.fixed import Fixed
from takeover.check.derive.predicates import All, Any, Input, Not, Predicate, Single, Strings, Texts
from takeover.check.derive.request_headers import HeaderInput
from takeover.model.json import JsonObject

_HEADERS = {
    "path": ":path", "method": ":method", "host": ":authority", "scheme": ":scheme", "referer": "referer",
    "useragent": "user-agent",
}  # fmt: skip
"""Attributes of a request that are headers."""
_BY = {"startsWith": "prefix", "endsWith": "suffix", "contains": "contains"}


@dataclass(frozen=True)
class Attribute:
    """The path without its query (`request.url_path`), or the query (`request.query`)."""

    name: str

    @property
    def words(self) -> str:
        """What it is."""
        return self.name.replace("_", " ")

    @property
    def usual(self) -> tuple[str, ...]:
        """Some values that a request may have there."""
        return ("/another",) if self.name == "url_path" else ("another=1",)

    def value(self, of: Ask) -> str | None:
        """Its value."""
        return of.path.split("?", 1)[0] if self.name == "url_path" else of.path.partition("?")[2]

    def put(self, of: Ask, value: str | None) -> Ask:
        """With that value."""
        value = value or ""
        is_path = self.name == "url_path"
        if not value.isprintable() or any(each in value for each in " #") or (is_path and value[:1] != "/"):
            raise CannotMakeError(f"{self.words}: {value!r} cannot be sent")
        if is_path:
            return of.with_bare_path(value)
        path = of.path.partition("?")[0]
        return of.but(path=f"{path}?{value}" if value else path)


@dataclass(frozen=True)
class OneOf:
    """One of some texts."""

    values: tuple[str, ...]

    def matches(self, text: str) -> bool:
        """Whether it is one."""
        return text in self.values

    def good(self) -> Iterator[str]:
        """All of them."""
        yield from self.values

    def bad(self) -> Iterator[str]:
        """One that is a little longer, and other words."""
        yield from (
            each for each in (f"{self.values[0]}x" if self.values else "x", "another") if not self.matches(each)
        )


@dataclass(frozen=True)
class AnyText:
    """Whatever it is."""

    def matches(self, text: str) -> bool:
        """It is."""
        del text
        return True

    def good(self) -> Iterator[str]:
        """A word."""
        yield "any"

    def bad(self) -> Iterator[str]:
        """None."""
        yield from ()


@dataclass(frozen=True)
class Others:
    """All but some texts."""

    texts: Texts

    def matches(self, text: str) -> bool:
        """Whether it is none of them."""
        return not self.texts.matches(text)

    def good(self) -> Iterator[str]:
        """Some that are near."""
        yield from self.texts.bad()

    def bad(self) -> Iterator[str]:
        """Some of them."""
        yield from self.texts.good()


@dataclass(frozen=True)
class Decided(Fixed):
    """What is so, or not, whatever the request is."""

    is_so: bool
    words: str = "a constant"

    def fits(self, of: Ask) -> bool:
        """Whether it is."""
        del of
        return self.is_so

    def made(self, of: Ask) -> Ask:
        """The same. Raises: CannotMakeError where it is not so."""
        if not self.is_so:
            raise CannotMakeError("no request makes it true")
        return of


def condition(expression: JsonObject) -> Predicate[Ask]:
    """What a `CelExpression` asks for. Raises: CannotMakeError for one that is not known."""
    return _asked(cel.read(expression), wanted=True)


def _asked(node: Node, *, wanted: bool) -> Predicate[Ask]:
    """What must be so for the node to be true, or false."""
    if isinstance(node, Constant):
        return Decided(node.value is wanted)
    if isinstance(node, Field) and node.is_asked:
        return _presence(HeaderInput(node.name.lower()), wanted) if _is_headers(node.of) else _unknown(node)
    if not isinstance(node, Call):
        return _unknown(node)
    if node.function == "!_":
        return _asked(node.arguments[0], wanted=not wanted)
    if node.function in ("_&&_", "_||_"):
        parts = tuple(_asked(each, wanted=wanted) for each in node.arguments)
        return All(parts) if (node.function == "_&&_") is wanted else Any(parts)
    if len(node.arguments) != 2:
        return _unknown(node)
    first, second = node.arguments
    match node.function:
        case "_==_" | "_!=_":
            source, value = (first, second) if not isinstance(first, Constant) else (second, first)
            return _single(source, OneOf((_text(value),)), wanted is (node.function == "_==_"))
        case "@in" | "_in_" | "in" if _is_headers(second):
            return _presence(HeaderInput(_text(first).lower()), wanted)
        case "@in" | "_in_" | "in":
            values = cel.value_of(second)
            if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
                return _unknown(node)
            return _single(first, OneOf(tuple(values)), wanted)
        case "startsWith" | "endsWith" | "contains":
            return _single(first, Strings({_BY[node.function]: _text(second)}), wanted)
        case "matches":
            return _single(first, Strings({"safe_regex": {"regex": _anywhere(_text(second))}}), wanted)
    return _unknown(node)


def _single(source: Node, texts: Texts, wanted: bool) -> Predicate[Ask]:
    return Single(_input(source), texts if wanted else Others(texts))


def _presence(header: HeaderInput, wanted: bool) -> Predicate[Ask]:
    there: Predicate[Ask] = Single(header, AnyText())
    return there if wanted else Not(there)


def _input(node: Node) -> Input[Ask]:
    """What is looked at. Raises: CannotMakeError for anything but a request."""
    if isinstance(node, Call) and node.function == "_[_]" and _is_headers(node.arguments[0]):
        return HeaderInput(_text(node.arguments[1]).lower())
    if isinstance(node, Field) and _is_headers(node.of):
        return HeaderInput(node.name.lower())
    if isinstance(node, Field) and node.of == Name("request"):
        if node.name in _HEADERS:
            return HeaderInput(_HEADERS[node.name])
        if node.name in ("url_path", "query"):
            return Attribute(node.name)
    raise CannotMakeError(f"a CEL expression that asks for {_called(node)}")


def _is_headers(node: Node) -> bool:
    return node == Field(Name("request"), "headers")


def _text(node: Node) -> str:
    if isinstance(value := cel.value_of(node), str):
        return value
    raise CannotMakeError("a CEL expression that compares with what is no text")


def _unknown(node: Node) -> Predicate[Ask]:
    raise CannotMakeError(f"a CEL expression that asks for {_called(node)}")


def _called(node: Node) -> str:
    if isinstance(node, Field):
        return f"{_called(node.of)}.{node.name}"
    if isinstance(node, Name):
        return node.name
    return node.function.strip("_@") if isinstance(node, Call) else "what is no condition"


def _anywhere(expression: str) -> str:
    """The expression as one of a whole text: CEL looks for it anywhere."""
    begin = "" if expression.startswith("^") else ".*"
    end = "" if re.search(r"(?<!\\)\$$", expression) else ".*"
    bare = expression.removeprefix("^")
    return f"{begin}(?:{bare[:-1] if not end else bare}){end}"
