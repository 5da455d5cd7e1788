"""What trees of matchers look at of an answer: its status, which the upstream is told.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-v3/type/matcher/v3/status_code_input.proto
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from takeover.check.derive.ask import Ask
from takeover.check.derive.expressions import CannotMakeError
from takeover.peers.hostile.answers import STATUSES

OK: Final = "200"


@dataclass(frozen=True)
class _Status:
    """The status, or what is made of it.

    Args:
        told: what is looked at of a status.
        statuses: those that have such a value, the most usual one first.
    """

    words: str
    usual: tuple[str, ...]
    told: Callable[[str], str]
    statuses: Callable[[str], tuple[str, ...]]

    def value(self, of: Ask) -> str | None:
        """What it is there."""
        return self.told(of.answered or OK)

    def put(self, of: Ask, value: str | None) -> Ask:
        """With an answer that has it."""
        for each in self.statuses(value or ""):
            return of.but(answered="" if each == OK else each)
        raise CannotMakeError(f"no upstream of ours answers with a {self.words} of {value!r}")


_ALL = tuple(map(str, STATUSES))
_USUAL = ("503", "404", OK, "429", "302", "500")
_INPUTS: Final = {
    "envoy.type.matcher.v3.HttpResponseStatusCodeMatchInput": _Status(
        "status", _USUAL, str, lambda value: (value,) if value in _ALL else ()
    ),
    "envoy.type.matcher.v3.HttpResponseStatusCodeClassMatchInput": _Status(
        "class of status",
        ("5xx", "4xx", "2xx"),
        lambda status: f"{status[0]}xx",
        lambda value: tuple(each for each in (*_USUAL, *_ALL) if value == f"{each[0]}xx"),
    ),
}


def of_answer(message: str) -> _Status | None:
    """The input of that message; None: it looks at something else."""
    return _INPUTS.get(message)
