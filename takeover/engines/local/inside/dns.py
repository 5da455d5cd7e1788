"""Cluster DNS: a server that answers `NAME.NAMESPACE.svc.cluster.local` with the Service's address, or its Pods'.

See the Kubernetes page "DNS for Services and Pods", and RFC 1035. It is a fork of the worker.
"""

import os
import select
import socket
import struct
import threading
from contextlib import suppress

from takeover.node import kernel, wire

ADDRESS = "10.96.0.10"
DOMAIN = "cluster.local"

_PORT = 53
_HEAD = struct.Struct("!6H")  # number, flags, and how many: questions, answers, authorities, others
_RECORD = struct.Struct("!3HIH")  # where its name stands, type, class, seconds that it holds, length
_A, _PTR, _OPT, _ANY = 1, 12, 41, 255
_INTERNET = 1
_IS_ANSWER, _HAS_AUTHORITY, _OF_QUESTION, _RECURSES, _IS_CUT = 0x8000, 0x0400, 0x7900, 0x0080, 0x0200
_NO_SUCH_NAME = 3
_NAME_OF_QUESTION = 0xC000 | _HEAD.size
_MOST = 1232  # bytes of a message: see RFC 6891
_MOST_PLAIN = 512  # likewise, for who has not said that it takes more
_EXTENDED = struct.pack("!BHHIH", 0, _OPT, _MOST, 0, 0)
_STREAMS = 3
_PATIENCE = 10.0
"""Seconds that a connection may be silent."""


def resolv_conf(namespace: str) -> str:
    """/etc/resolv.conf of a Pod in `namespace`, with dnsPolicy ClusterFirst."""
    return f"search {namespace}.svc.{DOMAIN} svc.{DOMAIN} {DOMAIN}\nnameserver {ADDRESS}\noptions ndots:5\n"


class ClusterDns:
    """The DNS server of one node; it ends with this process."""

    def __init__(self) -> None:
        self._names: socket.socket | None = None

    def serve(self, names: dict[str, list[str]]) -> None:
        """Answers these names (full name → IPs) from now on, and no others: everything else does not exist."""
        if self._names is None:
            self._names = self._start()
        wire.send(self._names, names)

    @staticmethod
    def _start() -> socket.socket:
        ours, theirs = wire.pair()
        # What is asked from now on waits there until it is answered.
        with (
            theirs,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
            socket.create_server((ADDRESS, _PORT)) as connections,
        ):
            datagrams.bind((ADDRESS, _PORT))
            if os.fork() == 0:
                _serve(theirs, datagrams, connections)
        return ours


def _serve(names: socket.socket, datagrams: socket.socket, connections: socket.socket) -> None:
    try:
        kept = {names.fileno(), datagrams.fileno(), connections.fileno()}
        for each in map(int, os.listdir("/proc/self/fd")):  # noqa: PTH208
            if each >= _STREAMS and each not in kept:
                with suppress(OSError):  # that of the list itself
                    os.close(each)
        kernel.bound_capabilities()
        kernel.hold_capabilities()
        answers, events = Answers({}), select.poll()
        for end in kept:
            events.register(end, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in events.poll()}
            if names.fileno() in ready:  # first: who asks for a name may know that it is there
                answers = Answers(wire.receive(names)[0])
            if datagrams.fileno() in ready:
                query, asker = datagrams.recvfrom(1 << 16)
                if (answer := answers.to(query, over_udp=True)) is not None:
                    with suppress(OSError):  # who asked is gone
                        datagrams.sendto(answer, asker)
            if connections.fileno() in ready:
                connection, _ = connections.accept()
                threading.Thread(target=_converse, args=(connection, answers), daemon=True).start()
    except wire.Closed:
        pass
    finally:
        os._exit(0)


def _converse(connection: socket.socket, answers: "Answers") -> None:
    """Answers what comes over a connection of TCP, each message after its length, until nothing more does."""
    connection.settimeout(_PATIENCE)
    with connection, connection.makefile("rb") as coming, suppress(OSError):
        while len(length := coming.read(2)) == 2:
            if (answer := answers.to(coming.read(int.from_bytes(length, "big")))) is not None:
                connection.sendall(len(answer).to_bytes(2, "big") + answer)


class Answers:
    """What is answered: of names that there are, of addresses that have a name, and of everything else.

    Args:
        names: full name → IPs. An address that several names have is called by the last one.
    """

    def __init__(self, names: dict[str, list[str]]) -> None:
        self._records: dict[tuple[bytes, int], list[bytes]] = {}
        self._there: set[bytes] = set()
        for name, addresses in names.items():
            encoded = _encoded(name)
            for each in (_A, _ANY):
                self._records[encoded, each] = [_record(_A, socket.inet_aton(address)) for address in addresses]
            for address in addresses:
                reverse = _encoded(".".join([*reversed(address.split(".")), "in-addr", "arpa"]))
                for each in (_PTR, _ANY):
                    self._records[reverse, each] = [_record(_PTR, encoded)]
            self._there |= _with_those_above(encoded)

    def to(self, query: bytes, *, over_udp: bool = False) -> bytes | None:
        """The answer to one message; None where it is no question.

        What is too long for a datagram is cut, and says so: who asked comes again over TCP.
        """
        try:
            number, flags, questions, *_ = _HEAD.unpack_from(query)
            if flags & _IS_ANSWER:
                return None
            end = _end_of_name(query, _HEAD.size)
            kind, of_class = struct.unpack_from("!HH", query, end)
        except (struct.error, IndexError):
            return None
        name = query[_HEAD.size : end].lower()
        is_one = questions == 1 and of_class == _INTERNET
        records = self._records.get((name, kind), []) if is_one else []
        known = bool(records) or (is_one and name in self._there)
        said = _IS_ANSWER | _RECURSES | flags & _OF_QUESTION | (_HAS_AUTHORITY if records else 0)
        extended = query[end + 4 : end + 7] == _EXTENDED[:3]
        question, more = query[_HEAD.size : end + 4], _EXTENDED if extended else b""
        room = (_MOST if extended else _MOST_PLAIN) - _HEAD.size - len(question) - len(more)
        if over_udp and sum(map(len, records)) > room:
            records, said = [], said | _IS_CUT
        head = _HEAD.pack(number, said | (0 if known else _NO_SUCH_NAME), 1, len(records), 0, extended)
        return head + question + b"".join(records) + more


def _record(kind: int, value: bytes) -> bytes:
    return _RECORD.pack(_NAME_OF_QUESTION, kind, _INTERNET, 0, len(value)) + value


def _encoded(name: str) -> bytes:
    return b"".join(bytes([len(each)]) + each.encode() for each in name.lower().split(".")) + b"\0"


def _with_those_above(encoded: bytes) -> set[bytes]:
    """The name and those that it is below of: they are there, without a record."""
    found = set()
    while len(encoded) > 1:
        found.add(encoded)
        encoded = encoded[1 + encoded[0] :]
    return found


def _end_of_name(query: bytes, at: int) -> int:
    """Where what follows a name begins. Raises: IndexError where it does not end."""
    while size := query[at]:
        at += 1 + size
    return at + 1
