"""Why an assertion failed, as one line: the row of a table, what came and what was expected, and where it says so."""

import itertools
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from takeover.base.visible import visible_line

if TYPE_CHECKING:  # a controller needs no scenes, and their imports take their time
    from takeover.scene import Scene

_MOST = 80  # signs of a value
_MOST_SAID = 150  # of an error's own words
_ALIKE = 20  # of them, where two long texts begin alike

# What one run has otherwise than the next, and what is told instead.
_VARIES = (
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "ID"),
    (re.compile(r"\b[0-9a-f]{32,}\b"), "HASH"),
    (re.compile(r"\b0x[0-9a-f]{6,}\b"), "0x…"),
    (re.compile(r"\b\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT\b|\b\d{4}-\d\d-\d\dT[\d:.]+Z?"), "TIME"),
    # A client's port, as Linux chooses it.
    (re.compile(r"(?<=[0-9a-z]):(?:32[89]|3[3-9]\d|[45]\d\d|60\d)\d\d\b"), ":PORT"),
    (re.compile(r"(?<![\d.])\d+\.\d\d+(?:e-?\d+)?(?![\d.])"), "…"),
)
# In a text that should be empty, as those of buckets and choices: it says what was measured.
_MEASURED = re.compile(r"\d+\.\d+(?:e-?\d+)?|\d\d+")


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


_MISSING = _Missing()


@dataclass(frozen=True)
class Comparison:
    """A comparison that made an assertion fail: on the left what came, on the right what was expected."""

    op: str
    left: object
    right: object

    def told(self, names: Mapping[str, str]) -> str:
        """The first difference.

        Args:
            names: of addresses, which are told instead.
        """
        if self.op != "==":
            return f"not {_short(_written(self.left, names))} {self.op} {_short(_written(self.right, names))}"
        rows, came, expected = _first_difference(self.left, self.right)
        row = "".join(f"[{_same_everywhere(str(each), names)}]" for each in rows)
        if isinstance(came, str) and " " in came and expected == "":
            came = _MEASURED.sub("…", came)
        texts = _from_where_they_differ(_written(came, names), _written(expected, names))
        return f"{row}{': ' if row else ''}{', not '.join(texts)}"


def reason(raised: pytest.ExceptionInfo[BaseException], test: Path, compared: Comparison | None, scene: "Scene") -> str:
    """One line that is the same in every run: addresses are told by their names, what varies is left out.

    Args:
        test: the file of the test.
        compared: what pytest has compared last; it may be an earlier assertion's, which was expected to fail.
    """
    names = _names(scene)
    message, _, statement = f"\n{raised.value}".partition("\nassert ")
    first = _same_everywhere(visible_line(message.strip().partition("\n")[0]), names)
    told = [_short(first, _MOST_SAID)] if first else []
    if compared is not None and compared.op in str(raised.traceback[-1].statement):
        told.append(compared.told(names))
    elif statement:
        told.append(f"not {_short(_same_everywhere(visible_line(statement.partition(chr(10))[0]), names))}")
    return f"{': '.join(told)} ({_places(raised, test)})"


def _first_difference(left: Any, right: Any) -> tuple[list[object], object, object]:
    """The row, by the keys and numbers that lead to it; what is there, and what should be."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        # In the order of what is expected.
        keys = [*right, *sorted((each for each in left if each not in right), key=str)]
        both = [(key, left.get(key, _MISSING), right.get(key, _MISSING)) for key in keys]
    elif isinstance(left, list | tuple) and isinstance(right, list | tuple):
        both = [(place, *each) for place, each in enumerate(itertools.zip_longest(left, right, fillvalue=_MISSING))]
    elif isinstance(left, Set) and isinstance(right, Set):
        one, other = (min(each, key=repr, default=_MISSING) for each in (left - right, right - left))
        return [], one, other
    else:
        return [], left, right
    for key, one, other in both:
        if one != other:
            rows, came, expected = _first_difference(one, other)
            return [key, *rows], came, expected
    return [], left, right


def _from_where_they_differ(*texts: str) -> list[str]:
    same = sum(1 for _ in itertools.takewhile(lambda signs: len(set(signs)) == 1, zip(*texts, strict=False)))
    begin = same - _ALIKE if same > _ALIKE and max(map(len, texts)) > _MOST else 0
    return [("…" if begin else "") + _short(each[begin:]) for each in texts]


def _written(value: object, names: Mapping[str, str]) -> str:
    return _same_everywhere(visible_line(repr(value)), names)


def _short(text: str, most: int = _MOST) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def _names(scene: "Scene") -> dict[str, str]:
    """Of the addresses that Pods and Services have in this deployment."""
    from takeover.scenario.documents import is_headless

    names = {pod.ip: name for name, pod in scene.deployment.pods.items()}
    for each in scene.deployment.scenario.unbound_services():
        name = f"{each['metadata'].get('namespace', 'default')}/{each['metadata']['name']}"
        if not is_headless(each):
            names[scene.service_ip(name)] = f"Service {name}"
    return names


def _same_everywhere(text: str, names: Mapping[str, str]) -> str:
    for address, name in names.items():
        text = re.sub(rf"(?<![\d.]){re.escape(address)}(?![\d.]*\d)", name, text)
    for varies, instead in _VARIES:
        text = varies.sub(instead, text)
    return text


def _places(raised: pytest.ExceptionInfo[BaseException], test: Path) -> str:
    """FILE:LINE of where the test is, and of the assertion where that is in another function."""
    own = [each for each in raised.traceback if each.path == test][:1]
    places = [f"{Path(each.path).name}:{each.lineno + 1}" for each in (*own, raised.traceback[-1])]
    return ", ".join(dict.fromkeys(places))
