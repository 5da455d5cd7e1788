"""Expressions of CEL as trees, of either version of its API, checked or not. Envoy takes none as text.

Of the language as much is read as conditions of requests need: comparisons, calls, lists, indices, fields.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Any, TypeAlias

from takeover.check.derive.expressions import CannotMakeError
from takeover.check.messages import inner, objects
from takeover.model.json import JsonObject

_PARSED = ("cel_expr_checked", "cel_expr_parsed", "checked_expr", "parsed_expr")
_DEEPEST = 100


@dataclass(frozen=True)
class Constant:
    """A text, a number, a truth."""

    value: object


@dataclass(frozen=True)
class Name:
    """An identifier."""

    name: str


@dataclass(frozen=True)
class Field:
    """A field of something. Args: is_asked: whether it is asked for whether that is there (`has`)."""

    of: "Node"
    name: str
    is_asked: bool = False


@dataclass(frozen=True)
class Call:
    """A function or an operator, by CEL's names of them; what it is called on is the first argument."""

    function: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True)
class Listed:
    """A list."""

    items: tuple["Node", ...]


Node: TypeAlias = Constant | Name | Field | Call | Listed


def read(expression: JsonObject) -> Node:
    """The tree of an `xds.type.v3.CelExpression`. Raises: CannotMakeError for what is not known of it."""
    for each in _PARSED:
        if found := inner(expression, each, "expr"):
            return _node(found, 0)
    raise CannotMakeError("a CEL expression in a form that is not known")


def _node(data: JsonObject, depth: int) -> Node:
    if depth > _DEEPEST:
        raise CannotMakeError("a CEL expression that is too deep")
    if found := inner(data, "call_expr"):
        target = [found["target"]] if isinstance(found.get("target"), dict) else []
        arguments = tuple(_node(each, depth + 1) for each in (*target, *objects(found.get("args"))))
        return Call(str(found.get("function", "")), arguments)
    if found := inner(data, "select_expr"):
        return Field(
            _node(inner(found, "operand"), depth + 1), str(found.get("field", "")), bool(found.get("test_only"))
        )
    if found := inner(data, "ident_expr"):
        return Name(str(found.get("name", "")))
    if "const_expr" in data:
        return Constant(_constant(inner(data, "const_expr")))
    if "list_expr" in data:
        return Listed(tuple(_node(each, depth + 1) for each in objects(inner(data, "list_expr").get("elements"))))
    raise CannotMakeError(f"a CEL expression with {next((each for each in data if each != 'id'), 'nothing')}")


def _constant(data: JsonObject) -> object:
    for kind, value in data.items():
        if kind == "bytes_value":
            try:
                return base64.b64decode(str(value)).decode("latin-1")
            except binascii.Error:
                return ""
        if kind in ("int64_value", "uint64_value"):
            return int(value)
        return value
    return None


def value_of(node: Node) -> Any:
    """That of a constant, or a list of those. Raises: CannotMakeError for anything else."""
    if isinstance(node, Constant):
        return node.value
    if isinstance(node, Listed):
        return [value_of(each) for each in node.items]
    raise CannotMakeError("a CEL expression that compares with what is not written in it")
