"""How probes are written: texts as bytes, steps, structured requests."""

from dataclasses import dataclass

from msgspec import UNSET

from takeover.model.request import ProbeStep
from takeover.net.request import Request
from takeover.probes.entries import Bytes, GroupEntry, RepeatEntry, RequestEntry, StepEntry
from takeover.scenario.typed_yaml import Entry
from takeover.scenario.yaml_text import Key

_MOST_BYTES = 4 << 20


@dataclass(frozen=True)
class Send:
    """Sends these bytes."""

    data: bytes


@dataclass(frozen=True)
class Await:
    """Waits until an answer's head, an interim one's too, has come since the last step; over plain TCP: any byte."""


@dataclass(frozen=True)
class End:
    """Ends our direction of the connection."""


Step = Send | Await | End


def text(entry: Entry, value: Bytes, *keys: Key) -> str:
    """What is written at `keys` in the entry, a character for each byte. Raises: BadInputError "FILE:LINE: …"."""
    if isinstance(value, tuple):
        joined = "".join(text(entry, each, *keys, index) for index, each in enumerate(value))
    elif isinstance(value, RepeatEntry):
        if not 0 < value.times * len(value.repeat) <= _MOST_BYTES:
            raise value.error(f"times must make 1 to {_MOST_BYTES} characters", "times")
        joined = value.repeat * value.times
    else:
        joined = value
    try:
        joined.encode("latin-1")
    except UnicodeEncodeError:
        raise entry.error("each character stands for a byte (write UTF-8 as \\xc3\\xa9)", *keys) from None
    return joined


def _check_total(entry: Entry, *values: Bytes) -> None:
    """Refuses a probe that would send more than any does, before that is written out."""
    if sum(map(_length, values)) > 2 * _MOST_BYTES:
        raise entry.error(f"a probe sends at most {2 * _MOST_BYTES} characters")


def _length(value: Bytes) -> int:
    if isinstance(value, RepeatEntry):
        return value.times * len(value.repeat)
    return len(value) if isinstance(value, str) else sum(map(_length, value))


def _texts(entry: Entry, values: tuple[Bytes, ...], key: str) -> tuple[str, ...]:
    return tuple(text(entry, each, key, index) for index, each in enumerate(values))


def steps(entries: tuple[StepEntry, ...]) -> tuple[Step, ...]:
    """The steps of an exchange. Raises: BadInputError "FILE:LINE: …"."""
    found: list[Step] = []
    if entries:
        _check_total(entries[0], *(each.send for each in entries if each.send is not UNSET))
    for each in entries:
        match list(each.written):
            case ["send"] if each.send is not UNSET:
                found.append(Send(text(each, each.send, "send").encode("latin-1")))
            case ["await"] if each.await_:
                found.append(Await())
            case ["end"] if each.end:
                found.append(End())
            case _:
                raise each.error("a step is one of send: TEXT, await: true and end: true")
    return tuple(found)


def recorded(taken: tuple[Step, ...]) -> list[ProbeStep]:
    """The steps as records."""
    return list(map(_recorded, taken))


def _recorded(step: Step) -> ProbeStep:
    match step:
        case Send(data):
            return ProbeStep(send=data.decode("latin-1"))
        case Await():
            return ProbeStep(await_=True)
        case End():
            return ProbeStep(end=True)


def structured(group: GroupEntry, entry: RequestEntry, version: str) -> Request:
    """The request that an entry's fields make, with what its group says for all."""
    several = (*entry.headers, *entry.chunks, *entry.trailers)
    _check_total(entry, *several, *(() if entry.body is UNSET else (entry.body,)))
    path = text(entry, entry.path, "path")
    host = group.host if entry.host is UNSET else "" if entry.host is None else text(entry, entry.host, "host")
    return Request(
        method=text(entry, entry.method, "method"),
        path=group.prefix + path if path.startswith("/") else path,
        version=version,
        host=host,
        headers=_texts(entry, entry.headers, "headers"),
        body=None if entry.body is UNSET else text(entry, entry.body, "body"),
        chunks=_texts(entry, entry.chunks, "chunks"),
        trailers=_texts(entry, entry.trailers, "trailers"),
    )
