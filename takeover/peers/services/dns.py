"""A DNS server over UDP: a name says itself what is answered, by its labels.

    a-127-0-0-1        an address of IPv4; several labels: several records, in order
    aaaa-0-0-0-0-0-0-0-1   likewise of IPv6, eight groups
    srv-PORT-PRIORITY-WEIGHT-NAME   of SRV: the target is NAME.test (dots in NAME are written _)
    ttl-SECONDS        of all records; 60 if nothing is said
    nxdomain, servfail, refused, truncated   instead of records
    a-servfail, aaaa-nxdomain …   likewise, of that type alone
    silent             no answer at all
    slow-MILLISECONDS  before the answer
    aaaa-last          the answer of IPv6 comes after that of IPv4, which is asked for at the same time
    turns              the first answer has the first record alone, the second the second, and so on, round and round
    then               what stands before it is answered until a type is asked again, then what stands behind it

Other labels mean nothing, also those that begin like one of these: they tell names apart. What there is no record of
the asked type for is answered without one. What was asked is kept (`told`).
"""

import collections
import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable

PORT = 5353
_CODES = {"servfail": 2, "nxdomain": 3, "refused": 5}
_INSTEAD = frozenset({*_CODES, "silent", "truncated"})
"""What may be answered instead of records."""
_A, _AAAA, _SRV = 1, 28, 33
_LONGEST_TTL = (1 << 31) - 1  # RFC 2181, 8
_TYPES = {_A: "a", _AAAA: "aaaa", _SRV: "srv"}
HEAD = struct.Struct("!HHHHHH")
"""With which every message begins."""


class Answers:
    """What was answered so far counts for names that take turns."""

    def __init__(self) -> None:
        self._times = collections.Counter[tuple[str, int]]()
        self._asked: dict[str, collections.Counter[int]] = {}

    def answer(self, query: bytes) -> bytes | None:
        """The answer to one message; None where there is to be none, or it is no query."""
        try:
            _, flags, questions, *_ = HEAD.unpack_from(query)
            labels, kind, end = _question(query)
        except (struct.error, IndexError, UnicodeDecodeError):
            return None
        if flags & 0x8000 or questions != 1 or "silent" in labels:
            return None
        labels = self._in_force(labels, kind)
        own = f"{_TYPES.get(kind, kind)}-"
        told = [each.removeprefix(own) for each in labels]
        code = next((_CODES[each] for each in told if each in _CODES), 0)
        ttl = min(_number("ttl-", labels, 60), _LONGEST_TTL)
        records = [] if code else _records(labels, kind)
        if "turns" in labels and records:
            name = ".".join(labels), kind
            records = [records[self._times[name] % len(records)]]
            self._times[name] += 1
        return answered(query, end, kind, records, ttl, (0x0200 if "truncated" in told else 0) | code)

    def _in_force(self, labels: list[str], kind: int) -> list[str]:
        """The labels that say what is answered now: a lookup may ask for several types, each of them once."""
        parts, here = [], list[str]()
        for each in labels:
            if each == "then":
                parts.append(here)
                here = []
            else:
                here.append(each)
        if not parts:
            return labels
        parts.append(here)
        asked = self._asked.setdefault(".".join(labels), collections.Counter())
        asked[kind] += 1
        return parts[min(max(asked.values()), len(parts)) - 1]


def answered(query: bytes, end: int, kind: int, records: list[bytes], ttl: int = 60, flags: int = 0) -> bytes:
    """The answer to a query that has those records.

    Args:
        end: where the name ends that is asked for.
        kind: the type of the records.
        flags: besides those that every answer has.
    """
    number, asked, *_ = HEAD.unpack_from(query)
    head = HEAD.pack(number, 0x8480 | asked & 0x0100 | flags, 1, len(records), 0, 0)
    body = b"".join(struct.pack("!HHHIH", 0xC00C, kind, 1, ttl, len(each)) + each for each in records)
    return head + query[HEAD.size : end + 4] + body


class Asked:
    """Counts what was asked since the start, and from how many ports."""

    def __init__(self) -> None:
        self._times: dict[str, collections.Counter[str]] = {}
        self._ports: dict[str, set[int]] = {}
        self._changing = threading.Lock()

    def take(self, query: bytes, port: int) -> None:
        """Counts one; what is no query counts nothing."""
        try:
            labels, kind, _ = _question(query)
        except (IndexError, UnicodeDecodeError):
            return
        name = ".".join(labels)
        with self._changing:
            self._times.setdefault(name, collections.Counter())[_TYPES.get(kind, str(kind))] += 1
            self._ports.setdefault(name, set()).add(port)

    def told(self, text: str) -> list[dict[str, object]]:
        """For each name that has the text in it how often which type was asked, in order."""
        with self._changing:
            names = sorted(name for name in self._times if text in name)
            return [{"name": name, "asked": dict(self._times[name])} for name in names]

    def ports(self, text: str) -> int:
        """From how many ports those names were asked: queries that are under way together show who shares a socket."""
        with self._changing:
            return len(set[int]().union(*(ports for name, ports in self._ports.items() if text in name)))


ASKED = Asked()


class Order:
    """Keeps the order of answers that say it: of a name with `aaaa-last`."""

    LONGEST = 1.0
    """Seconds for which an answer waits for the one before it, which may never be asked for."""

    def __init__(self) -> None:
        self._sent: dict[str, collections.Counter[int]] = {}
        self._changed = threading.Condition()

    def send(self, query: bytes, send: Callable[[], object]) -> None:
        """Sends the answer to that query when it is its turn."""
        labels, kind, _ = _question(query)
        if "aaaa-last" not in labels:
            send()
            return
        with self._changed:
            sent = self._sent.setdefault(".".join(labels), collections.Counter())
            if kind == _AAAA:
                self._changed.wait_for(lambda: sent[_A] > sent[_AAAA], self.LONGEST)
            send()
            sent[kind] += 1
            self._changed.notify_all()


def delay(query: bytes) -> float:
    """Seconds that the answer is to wait for."""
    try:
        labels, _ = name_in(query, HEAD.size)
    except (IndexError, UnicodeDecodeError):
        return 0
    return _number("slow-", labels, 0) / 1000


def begin(address: str, port: int) -> None:
    """Answers from now on, until the process ends."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.bind((address, port))
    threading.Thread(target=_serve, args=(opened,), daemon=True).start()


def _serve(opened: socket.socket) -> None:
    answers, order = Answers(), Order()
    while True:
        query, asker = opened.recvfrom(4096)
        ASKED.take(query, asker[1])
        threading.Thread(target=_reply, args=(opened, answers, order, query, asker), daemon=True).start()


def _reply(opened: socket.socket, answers: Answers, order: Order, query: bytes, asker: tuple[str, int]) -> None:
    time.sleep(delay(query))
    answer = answers.answer(query)
    if answer is not None:
        order.send(query, lambda: opened.sendto(answer, asker))


def says_itself(labels: list[str]) -> bool:
    """Whether a name says by one of its labels which records it has, or what is answered instead."""
    prefixes = tuple(f"{each}-" for each in _TYPES.values())
    told = {each.partition("-")[2] if each.startswith(prefixes) else each for each in labels}
    return not told.isdisjoint(_INSTEAD) or any(_records(labels, kind) for kind in _TYPES)


def _number(prefix: str, labels: list[str], otherwise: int) -> int:
    """What stands behind the prefix in the first label where that is a number."""
    found = (each.removeprefix(prefix) for each in labels if each.startswith(prefix))
    return next((int(each) for each in found if each.isdigit()), otherwise)


def _records(labels: list[str], kind: int) -> list[bytes]:
    """Those of the labels that are one of that type."""
    written = {_A: _a, _AAAA: _aaaa, _SRV: _srv}.get(kind)
    found: list[bytes] = []
    if written is None:
        return found
    for each in labels:
        with contextlib.suppress(ValueError, OverflowError, struct.error):
            found.append(written(each))
    return found


def _a(label: str) -> bytes:
    name, *parts = label.split("-")
    if name != "a" or len(parts) != 4:
        raise ValueError(label)
    return bytes(map(int, parts))


def _aaaa(label: str) -> bytes:
    name, *groups = label.split("-")
    if name != "aaaa" or len(groups) != 8:
        raise ValueError(label)
    return b"".join(int(each, 16).to_bytes(2, "big") for each in groups)


def _srv(label: str) -> bytes:
    kind, port, priority, weight, name = label.split("-", 4)
    if kind != "srv":
        raise ValueError(label)
    target = [*name.split("_"), "test"]
    encoded = b"".join(bytes([len(each)]) + each.encode() for each in target) + b"\0"
    return struct.pack("!HHH", int(priority), int(weight), int(port)) + encoded


def _question(query: bytes) -> tuple[list[str], int, int]:
    """The labels, the type, and where the name ends."""
    labels, end = name_in(query, HEAD.size)
    return labels, int.from_bytes(query[end : end + 2], "big"), end


def name_in(query: bytes, at: int) -> tuple[list[str], int]:
    """The labels in lower case, and where what follows begins."""
    labels = []
    while size := query[at]:
        labels.append(query[at + 1 : at + 1 + size].decode("ascii").lower())
        at += 1 + size
    return labels, at + 1
