"""How probes are written: texts as bytes, steps, structured requests."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from msgspec import UNSET, UnsetType

from takeover.model.request import ProbeStep
from takeover.net.request import Request
from takeover.probes.entries import Bytes, GroupEntry, ProbeEntry, RepeatEntry, RequestEntry, StepEntry
from takeover.scenario.typed_yaml import Entry
from takeover.scenario.yaml_text import Key

_MOST_BYTES = 4 << 20
MOST_OF_A_PROBE = 2 * _MOST_BYTES
"""Characters that a probe sends."""


@dataclass(frozen=True)
class Send:
    """Sends these bytes.

    Args:
        what: they are, for people, where that is not plain to see.
    """

    data: bytes
    what: str = ""


@dataclass(frozen=True)
class Await:
    """Waits until an answer's head, an interim one's too, has come since the last step; over plain TCP: any byte."""


@dataclass(frozen=True)
class End:
    """Ends our direction of the connection."""


@dataclass(frozen=True)
class AwaitEvent:
    """Waits until so many of these have come.

    Args:
        word: what; its protocol knows it.
        stream: over which stream of the connection; None: any.
    """

    word: str
    stream: int | None = None
    number: int = 1


@dataclass(frozen=True)
class Opened:
    """Waits until the peer has answered what asks for a tunnel; without a tunnel no further step is made."""


@dataclass(frozen=True)
class Reset:
    """Resets the connection."""


Step = Send | Await | End | Reset
AnyStep = Step | AwaitEvent | Opened


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


def check_total(entry: Entry, *values: Bytes) -> None:
    """Refuses a probe that would send more than any does, before that is written out."""
    if sum(map(_length, values)) > MOST_OF_A_PROBE:
        raise entry.error(f"a probe sends at most {MOST_OF_A_PROBE} characters")


def _length(value: Bytes) -> int:
    if isinstance(value, RepeatEntry):
        return value.times * len(value.repeat)
    return len(value) if isinstance(value, str) else sum(map(_length, value))


def texts(entry: Entry, values: tuple[Bytes, ...], key: str) -> tuple[str, ...]:
    """Likewise, of a list at `key`."""
    return tuple(text(entry, each, key, index) for index, each in enumerate(values))


def kind_of(entry: Entry, kinds: Mapping[str, tuple[str, ...]]) -> str:
    """Which one of several kinds of step is written, and that it has no field of another one.

    Args:
        kinds: the field that makes it this kind → the fields that it takes besides.

    Raises: BadInputError "FILE:LINE: …".
    """
    found = [each for each in entry.written if each in kinds]
    if len(found) != 1 or entry.written[found[0]] is False:
        raise entry.error(f"a step is one of {', '.join(kinds)}, not {' and '.join(found) or 'none'}")
    for key in entry.written:
        if key != found[0] and key not in kinds[found[0]]:
            takes = ", ".join(kinds[found[0]]) or "nothing besides"
            raise entry.error(f"{found[0]} takes {takes}, not {key}", key)
    return found[0]


def check_reset_is_last(entries: Sequence[Entry]) -> None:
    """Refuses what would come after a reset. Raises: BadInputError "FILE:LINE: …"."""
    for each in entries[:-1]:
        if each.has("reset"):
            raise each.error("reset must be the last step: nothing comes after it", "reset")


def check_has_effect(entry: Entry, what: str, *keys: str) -> None:
    """Refuses fields that would do nothing.

    Args:
        what: of what they do nothing, and what ends it instead: "over X: it ends with Y".

    Raises: BadInputError "FILE:LINE: …".
    """
    for key in keys:
        if entry.has(key):
            raise entry.error(f"{key} has no effect {what}", key)


def scheme(group: GroupEntry, entry: ProbeEntry) -> str:
    """What a request says that its connection is."""
    tls = group.tls if entry.tls is UNSET else entry.tls
    return "http" if tls is None else "https"


def steps(entries: tuple[StepEntry, ...]) -> tuple[Step, ...]:
    """The steps of an exchange. Raises: BadInputError "FILE:LINE: …"."""
    found: list[Step] = []
    check_reset_is_last(entries)
    if entries:
        check_total(entries[0], *(each.send for each in entries if each.send is not UNSET))
    for each in entries:
        match list(each.written):
            case ["send"] if each.send is not UNSET:
                found.append(Send(text(each, each.send, "send").encode("latin-1")))
            case ["await"] if each.await_:
                found.append(Await())
            case ["end"] if each.end:
                found.append(End())
            case ["reset"] if each.reset:
                found.append(Reset())
            case _:
                raise each.error("a step is one of send: TEXT, await: true, end: true and reset: true")
    return tuple(found)


def recorded(taken: Iterable[AnyStep]) -> list[ProbeStep]:
    """The steps as records."""
    return list(map(_recorded, taken))


def _recorded(step: AnyStep) -> ProbeStep:
    match step:
        case Send(data, what):
            return ProbeStep(send=data.decode("latin-1"), what=what)
        case Await():
            return ProbeStep(await_=True)
        case AwaitEvent(word, stream, number):
            of = "" if stream is None else f" of stream {stream}"
            return ProbeStep(await_=True, what=f"{word}{of}{f', the {number}th' if number > 1 else ''}")
        case Opened():
            return ProbeStep(await_=True, what="the tunnel; without it nothing follows")
        case End():
            return ProbeStep(end=True)
        case Reset():
            return ProbeStep(reset=True)


def replaced(usual: Iterable[str], written: Iterable[str], without: Iterable[str]) -> list[str]:
    """The usual headers, "name: value", then those that are written; one that is written takes a usual one's place."""
    left, gone, lines = list(written), {each.lower() for each in without}, list[str]()
    for each in usual:
        same = [line for line in left if _name(line) == _name(each)]
        left = [line for line in left if line not in same]
        lines += same or ([] if _name(each) in gone else [each])
    return [*lines, *left]


def _name(line: str) -> str:
    return (line[:1] + line[1:].partition(":")[0]).lower()


def numbered(entry: Entry, key: str, value: int | str | UnsetType, names: Mapping[str, int], *index: int) -> int:
    """What is written at `key`, a number or a name of one. Raises: BadInputError "FILE:LINE: …"."""
    if isinstance(value, int):
        return value
    if value is UNSET or value not in names:
        raise entry.error(f"{key} is a number or one of {', '.join(names)}, not {value}", key, *index)
    return names[value]


def host_of(group: GroupEntry, entry: Entry, written: Bytes | UnsetType | None) -> str | None:
    """The authority of a request, its group's if its entry says none; None: it has none, not even an empty one.

    Args:
        written: the entry's `host`.
    """
    if written is UNSET:
        return group.host
    return None if written is None else text(entry, written, "host")


def structured(group: GroupEntry, entry: RequestEntry, version: str) -> Request:
    """The request that an entry's fields make, with what its group says. Raises: BadInputError "FILE:LINE: …"."""
    if entry.chunks and entry.has("body"):
        raise entry.error("a request has either body or chunks", "body")
    several = (*entry.headers, *entry.chunks, *entry.trailers)
    check_total(entry, *several, *(() if entry.body is UNSET else (entry.body,)))
    path = text(entry, entry.path, "path")
    return Request(
        method=text(entry, entry.method, "method"),
        path=group.prefix + path if path.startswith("/") else path,
        version=version,
        host=host_of(group, entry, entry.host),
        headers=texts(entry, entry.headers, "headers"),
        body=None if entry.body is UNSET else text(entry, entry.body, "body"),
        chunks=texts(entry, entry.chunks, "chunks"),
        trailers=texts(entry, entry.trailers, "trailers"),
    )
