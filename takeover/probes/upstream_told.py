"""What the upstream behind Envoy says of its connections when its control is asked: in texts, by each fact's name."""

from collections.abc import Iterator
from typing import Any

import msgspec

from takeover.base.errors import TakeoverError
from takeover.net.stream import ByteStream

_AT_THE_END = b"seen at the end\n"
_OF_CHANCE = frozenset({"number"})
"""Facts that hang on what was before."""


def told_by(name: str, control: ByteStream) -> list[dict[str, str]]:
    """The connections since it was asked last, once they have ended, in the order of the addresses that took them.

    Args:
        name: of the control, for errors.

    Raises: TakeoverError where it gives no answer.
    """
    answer = b""
    try:
        control.send(_AT_THE_END)
        while not answer.endswith(b"\n"):
            more = control.receive(1 << 16)
            if not more:
                raise TakeoverError(f"{name} does not tell of its connections when asked: it has ended itself")
            answer += more
        return connections(msgspec.json.decode(answer))
    except (OSError, msgspec.DecodeError) as error:
        raise TakeoverError(f"{name} does not tell of its connections when asked: {error}") from None


def connections(told: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Each by its facts, which are texts."""
    found = [dict(_facts("", {name: each[name] for name in each if name not in _OF_CHANCE})) for each in told]
    for each in found:
        if each.get("dialled") == each.get("server"):
            del each["dialled"]
    # Several that are opened at once are accepted in any order, and from ports of chance.
    return sorted(found, key=lambda each: (each.get("server", ""), each.get("end", ""), sorted(_without_port(each))))


def _without_port(facts: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in facts.items():
        yield name, value.rpartition(":")[0] if name == "client" else value


def _facts(name: str, value: Any) -> Iterator[tuple[str, str]]:
    match value:
        case dict():
            for each in value:
                yield from _facts(f"{name}.{each}".lstrip("."), value[each])
        case None | "" | []:
            pass
        case str():
            yield name, value
        case list() if all(isinstance(each, str) for each in value):
            yield name, " ".join(value)
        case _:
            yield name, msgspec.json.encode(value).decode()
