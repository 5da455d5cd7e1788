"""The change that cosmic-ray does not know: a statement that is not there."""

from collections.abc import Iterator, Sequence
from typing import Any

from cosmic_ray.operators.operator import Example, Operator
from parso.python.tree import Keyword

_WITH_EFFECT = ("atom_expr", "raise_stmt", "assert_stmt", "del_stmt")
_BLOCKS = ("if_stmt", "for_stmt", "while_stmt", "try_stmt", "with_stmt", "match_stmt")


class RemoveStatement(Operator):  # type: ignore[misc]   # it has no types
    """Puts `pass` in the place of a call, a `raise`, a `break`, an assignment to a part, or an early `return`."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        """Where: see cosmic-ray's Operator."""
        if node.type == "simple_stmt" and _has_effect(node.children[0]):
            yield node.children[0].start_pos, node.children[0].end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """Makes the change: see cosmic-ray's Operator."""
        assert index == 0
        first = node.children[0].get_first_leaf()
        node.children[0] = Keyword("pass", first.start_pos, first.prefix)
        return node

    @classmethod
    def examples(cls) -> Sequence[Example]:
        """See cosmic-ray's Operator."""
        return (Example("f(x)", "pass"), Example("x.y = 1", "pass"))


def _has_effect(statement: Any) -> bool:
    match statement.type:
        case "expr_stmt":
            is_part = statement.children[0].type == "atom_expr"
            operator = statement.children[1]  # an annotation, for a declaration
            return is_part or (operator.type == "operator" and bool(operator.value != "="))
        case "return_stmt":
            return _is_early(statement)
        case "keyword":
            return statement.value in ("break", "continue") or (statement.value == "return" and _is_early(statement))
        case _:
            return statement.type in _WITH_EFFECT


def _is_early(statement: Any) -> bool:
    """Whether something may follow: it stands in a block of a function."""
    parent = statement.parent.parent
    if parent.type == "suite":
        parent = parent.parent
    return bool(parent.type in _BLOCKS)
