"""Expressions of CEL, written as their text and parsed as configurations have them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from takeover.check.derive.cel import Call, Constant, Field, Listed, Name, Node
from takeover.check.derive.expressions import CannotMakeError


def parsed(text: str) -> dict[str, Any]:
    """The `CelExpression`."""
    return {"cel_expr_parsed": {"expr": _data(_Text(text).whole())}}


def _data(node: Node) -> dict[str, Any]:
    match node:
        case Call(function, (first, *others)) if function.isalpha():
            return {"call_expr": {"function": function, "target": _data(first), "args": list(map(_data, others))}}
        case Call(function, arguments):
            return {"call_expr": {"function": function, "args": list(map(_data, arguments))}}
        case Field(of, name, is_asked):
            return {"select_expr": {"operand": _data(of), "field": name, "test_only": is_asked}}
        case Name(name):
            return {"ident_expr": {"name": name}}
        case Listed(items):
            return {"list_expr": {"elements": list(map(_data, items))}}
        case Constant(value):
            kinds = {str: "string_value", bool: "bool_value", int: "int64_value", float: "double_value"}
            return {"const_expr": {kinds[type(value)]: value}}


_TOKEN = re.compile(
    r"""\s*(?:(?P<text>[rR]?(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))|(?P<number>\d+(?:\.\d+)?)[uU]?"""
    r"""|(?P<word>[A-Za-z_]\w*)|(?P<sign>&&|\|\||==|!=|<=|>=|[!<>()\[\].,]))"""
)
_BETWEEN: tuple[Mapping[str, str], ...] = (
    {"||": "_||_"},
    {"&&": "_&&_"},
    {"==": "_==_", "!=": "_!=_", "in": "@in", "<": "_<_", "<=": "_<=_", ">": "_>_", ">=": "_>=_"},
)
"""Operators, those that bind least first."""
_WORDS: Mapping[str, object] = {"true": True, "false": False, "null": None}
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}


class _Text:
    """Reads an expression's text from its beginning to its end."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0

    def whole(self) -> Node:
        """All of it. Raises: CannotMakeError."""
        node = self._operators(0)
        if self._at < len(self._tokens):
            raise CannotMakeError(f"a CEL expression with {self._tokens[self._at][1]}")
        return node

    def _operators(self, level: int) -> Node:
        if level == len(_BETWEEN):
            return self._unary()
        node = self._operators(level + 1)
        while (sign := self._next()) in _BETWEEN[level]:
            self._at += 1
            node = Call(_BETWEEN[level][sign], (node, self._operators(level + 1)))
        return node

    def _unary(self) -> Node:
        return Call("!_", (self._unary(),)) if self._is("!") else self._member()

    def _member(self) -> Node:
        node = self._primary()
        while True:
            if self._is("."):
                name = self._word()
                node = Call(name, (node, *self._list(")"))) if self._is("(") else Field(node, name)
            elif self._is("["):
                node = Call("_[_]", (node, self._operators(0)))
                self._take("]")
            else:
                return node

    def _primary(self) -> Node:
        if self._is("("):
            node = self._operators(0)
            self._take(")")
            return node
        if self._is("["):
            return Listed(tuple(self._list("]")))
        kind, text = self._tokens[self._at] if self._at < len(self._tokens) else ("", "its end")
        self._at += 1
        if kind == "text":
            return Constant(_unquoted(text))
        if kind == "number":
            return Constant(float(text) if "." in text else int(text))
        if kind != "word":
            raise CannotMakeError(f"a CEL expression with {text}")
        if text in _WORDS:
            return Constant(_WORDS[text])
        if not self._is("("):
            return Name(text)
        arguments = tuple(self._list(")"))
        if text == "has" and len(arguments) == 1 and isinstance(found := arguments[0], Field):
            return Field(found.of, found.name, is_asked=True)
        return Call(text, arguments)

    def _list(self, end: str) -> Iterator[Node]:
        while not self._is(end):
            yield self._operators(0)
            if self._next() != end:
                self._take(",")

    def _next(self) -> str:
        kind, text = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
        return "" if kind == "text" else text

    def _is(self, sign: str) -> bool:
        """Takes it, if it comes next."""
        is_next = self._next() == sign
        self._at += is_next
        return is_next

    def _take(self, sign: str) -> None:
        if not self._is(sign):
            raise CannotMakeError(f"a CEL expression without {sign}")

    def _word(self) -> str:
        if self._at >= len(self._tokens) or self._tokens[self._at][0] != "word":
            raise CannotMakeError("a CEL expression without a field's name")
        self._at += 1
        return self._tokens[self._at - 1][1]


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    text, at = text.rstrip(), 0
    while at < len(text):
        if (found := _TOKEN.match(text, at)) is None:
            raise CannotMakeError(f"a CEL expression with {text[at:].strip()[:10]}")
        yield str(found.lastgroup), found[str(found.lastgroup)]
        at = found.end()


def _unquoted(text: str) -> str:
    if text[0] in "rR":
        return text[2:-1]
    return re.sub(r"\\(.)", lambda found: _ESCAPED.get(found[1], found[1]), text[1:-1])
