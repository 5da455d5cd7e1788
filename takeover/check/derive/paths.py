"""What a route asks of the path."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from takeover.check.derive import expressions
from takeover.check.derive.ask import Ask
from takeover.check.derive.expressions import CannotMakeError

_IN_SEGMENTS = r"a-zA-Z0-9-._~%!$&'()+,;:@="


@dataclass(frozen=True)
class Path:
    """A path, by `prefix`, `path`, `path_separated_prefix`, `safe_regex` or a template that became an expression.

    Args:
        kind: which of them.
        value: the text, or the expression.
        any_case: whether case does not matter.
    """

    kind: str
    value: str
    any_case: bool = False

    @property
    def words(self) -> str:
        """What it is."""
        return self.kind

    def fits(self, ask: Ask) -> bool:
        """Whether the request has it."""
        return ask.method != "CONNECT" and self.takes(ask.bare_path)

    def takes(self, path: str) -> bool:
        """Whether it takes a path without a query."""
        value = self.value
        if self.kind in {"safe_regex", "path_template"}:
            return expressions.matches(value, path)
        if self.any_case:
            path, value = path.lower(), value.lower()
        if self.kind == "prefix":
            return path.startswith(value)
        if self.kind == "path":
            return path == value
        return path == value or path.startswith(value + "/")

    def made(self, ask: Ask) -> Ask:
        """The request with such a path. Raises: CannotMakeError."""
        if self.fits(ask) and ask.bare_path != "/":
            return ask
        if self.kind in {"safe_regex", "path_template"}:
            return ask.with_bare_path(expressions.matching(self.value, begins="/", allowed=_IN_PATHS))
        if any(not each.isprintable() or each in " ?#" for each in self.value):
            raise CannotMakeError(f"{self.kind} {self.value!r} stands in no path")
        if self.value and not self.value.startswith(("/", "*")):
            raise CannotMakeError(f"{self.kind} {self.value!r} begins no path: those begin with /")
        return ask.with_bare_path(self.value or "/")

    def missed(self, ask: Ask) -> Iterator[tuple[str, Ask]]:
        """Requests with a path that it just does not take."""
        path = ask.bare_path
        near: list[tuple[str, str]] = []
        if self.kind in {"safe_regex", "path_template"}:
            near.append(("another", expressions.not_matching(self.value, path)))
        else:
            if self.kind == "prefix":
                near += [("shorter", self.value.rstrip("/") if self.value.endswith("/") else self.value[:-1])]
            near += [
                ("longer", self.value + "x"),
                ("other case", _other_case(self.value)),
                ("one more /", self.value + "/"),
            ]
        seen = set[str]()
        for words, other in near:
            if other.startswith("/") and other not in seen and not self.takes(other):
                seen.add(other)
                yield f"{self.kind}: {words}", ask.with_bare_path(other)

    def more(self, ask: Ask) -> Iterator[Ask]:
        """Other requests that it takes."""
        for tail in ("probe", "/probe", "/probe/1", "-probe"):
            made = ask.with_bare_path(ask.bare_path + tail)
            if self.fits(made):
                yield made


_IN_PATHS = "a1bcdefghijklmnopqrstuvwxyz023456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_.~/:@!$&'()*+,;="


def _other_case(text: str) -> str:
    for place in range(len(text) - 1, -1, -1):
        if text[place].isalpha():
            return text[:place] + text[place].swapcase() + text[place + 1 :]
    return text


def template_expression(template: str) -> str:
    """A template of paths as an expression: `*` is a segment, `**` any number, `{name=…}` what it says."""
    bare = re.sub(r"\{[A-Za-z_]\w*=([^{}]*)\}", r"\1", template)
    bare = re.sub(r"\{[A-Za-z_]\w*\}", "*", bare)
    made = ""
    for part in re.split(r"(\*\*|\*)", bare):
        made += {"**": f"[{_IN_SEGMENTS}/]*", "*": f"[{_IN_SEGMENTS}]+"}.get(part, re.escape(part))
    return made
