"""A Redis, as far as who comes through a proxy sees one: its keys say what is answered.

    moved, ask      are elsewhere: the redirection is to this same server
    error           an error
    nothing         there is none
    silent          no answer at all
    close           the connection ends instead
    credentials     by what AUTH this connection began

It may be over TLS. AUTH is right, unless its password is `wrong`, or its user `nobody`. A key may be a question with
one answer after the other, too (`checked`). PING, CLUSTER SLOTS (all slots are here), KEYS and what only changes
something are answered as Redis does; any other command with itself.
"""

import socket

from takeover.peers.hostile.connections import Connection
from takeover.peers.services import checked

PORT = 6379
ENCRYPTED = 6380


def serve_encrypted(connection: Connection) -> None:
    """The same over TLS, whose certificate the SNI names."""
    from takeover.peers.hostile import tls

    tls.encrypt(connection, "right")
    serve(connection)
    connection.end_in_order()


def serve(connection: Connection) -> None:
    """Answers one command after the other."""
    came = b""
    address, port = connection.socket.getsockname()[:2] if connection.socket.family == socket.AF_INET else ("", PORT)
    place = address if connection.reached else "127.0.0.1", port
    moved = False
    credentials: list[bytes] = []
    while data := connection.receive():
        came += data
        while (found := _command(came)) is not None:
            words, came = found
            if len(words) > 1 and checked.is_question(words[1].decode("latin-1")):
                words[1] = checked.word(words[1].decode("latin-1"), address).encode("latin-1")
            if words[0].upper() == b"AUTH":
                credentials.append(b" ".join(words))
            is_asked = b"credentials" in words
            answer = _bulk(b", ".join(credentials)) if is_asked else _answer(words, place, moved)
            # Who was sent here says so first, where the answer was ASK.
            moved = answer.startswith((b"-MOVED", b"-ASK")) or words[0].upper() == b"ASKING"
            if b"close" in words:
                return
            if b"silent" not in words and b"stall" not in words:
                connection.send(answer)


def _command(came: bytes) -> tuple[list[bytes], bytes] | None:
    """The words of the first command, and what follows it; None as long as it is not whole."""
    line, end, rest = came.partition(b"\r\n")
    if not end:
        return None
    words = []
    for _ in range(int(line[1:])):
        head, end, rest = rest.partition(b"\r\n")
        size = int(head[1:]) if end else 0
        if not end or len(rest) < size + 2:
            return None
        words.append(rest[:size])
        rest = rest[size + 2 :]
    return words, rest


def _answer(words: list[bytes], place: tuple[str, int], moved: bool) -> bytes:
    """The answer to a command; `moved` says whether the one before it was redirected: then it is here."""
    address, port = place
    match [words[0].upper(), *words[1:]]:
        case [b"PING"]:
            return b"+PONG\r\n"
        case [b"CLUSTER", *_]:
            host = f"*2\r\n${len(address)}\r\n{address}\r\n:{port}\r\n"
            return f"*1\r\n*3\r\n:0\r\n:16383\r\n{host}".encode()
        case [b"AUTH", b"nobody", _] | [b"AUTH", *_, b"wrong"]:
            return b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"
        case [b"READONLY" | b"ASKING" | b"AUTH" | b"SET", *_]:
            return b"+OK\r\n"
        case [b"EXISTS", (b"0" | b"1") as number]:
            return b":%s\r\n" % number
        case [b"EXISTS", b"error"]:
            return b"-ERR of this key\r\n"
        case [b"DEL" | b"EXISTS" | b"UNLINK", *_]:
            return b":1\r\n"
        case [b"KEYS", *_]:
            return b"*1\r\n$3\r\nkey\r\n"
        case [_, (b"moved" | b"ask") as key, *_] if not moved:
            return b"-%s 1 %s:%d\r\n" % (key.upper(), address.encode(), port)
        case [_, b"error", *_]:
            return b"-ERR of this key\r\n"
        case [_, b"nothing", *_]:
            return b"$-1\r\n"
        case _:
            return _bulk(b" ".join(words))


def _bulk(said: bytes) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(said), said)
