"""What answers over UDP: a DNS server that knows the table's names, or an echo; who only tells something is heard."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable

from takeover.peers.services import dns
from takeover.peers.world.table import Place

_LONGEST = 1 << 16
_SILENT = ("metrics", "tracing", "access_log")
"""Who is told something, and answers nothing."""
_A = 1

Answer = Callable[[bytes], bytes | None]


def begin(place: Place, opened: socket.socket, names: dict[str, str]) -> None:
    """Answers at a socket from now on, until the process ends."""
    answer = _names(names) if place.kind == "dns" else (lambda _: None) if place.kind in _SILENT else _echo
    threading.Thread(target=_serve, args=(opened, answer), daemon=True).start()


def _serve(opened: socket.socket, answer: Answer) -> None:
    while True:
        with contextlib.suppress(OSError):  # of an answer before this one that nobody took
            asked, asker = opened.recvfrom(_LONGEST)
            if (answered := answer(asked)) is not None:
                opened.sendto(answered, asker)


def _echo(asked: bytes) -> bytes:
    return asked


def _names(names: dict[str, str]) -> Answer:
    others = dns.Answers()

    def answer(query: bytes) -> bytes | None:
        with contextlib.suppress(struct.error, IndexError, UnicodeDecodeError):
            labels, end = dns.name_in(query, dns.HEAD.size)
            kind = int.from_bytes(query[end : end + 2], "big")
            address = names.get(".".join(labels)) or ("" if dns.says_itself(labels) else names.get("*"))
            if address:
                family = socket.AF_INET6 if ":" in address else socket.AF_INET
                is_asked = kind == (_A if family == socket.AF_INET else 28)
                return dns.answered(query, end, kind, [socket.inet_pton(family, address)] if is_asked else [])
        return others.answer(query)

    return answer
