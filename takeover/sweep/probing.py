"""A short set of probes to each of many listeners of one Envoy, all at once, each on a connection of its own."""

import re
import selectors
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import h2.config
import h2.connection
import h2.events
import h2.exceptions
from msgspec import UNSET

from takeover.model.document import Observation, SweptProbe
from takeover.net import http1
from takeover.node.bare_node import BareNode
from takeover.probes.normal_rules import HEADER_RULES, body_without_chance, without_chance

_WITHIN = 0.4
"""Seconds, for all that are under way at once; after an answer that came late, again."""
PATIENT = 2.0
"""Seconds likewise, where it is to be told what does not answer from what is late: a timeout of 1 s, a busy machine."""
_LONGEST = 6.0
_READ = 65_536

_End = Literal["closed", "reset", "open", "refused"]


@dataclass(frozen=True)
class Target:
    """A listener.

    Args:
        key: tells it from the others, and is in each path: what comes of it can be told from what comes of others.
        host: what its routes know.
    """

    key: int
    port: int
    host: str


class _Exchange(Protocol):
    method: str

    def first(self) -> bytes: ...

    def take(self, data: bytes, ended: bool) -> bytes: ...

    def answer(self) -> http1.Answer: ...

    def is_done(self) -> bool: ...


class _Http1:
    """One request of HTTP/1."""

    def __init__(self, sent: str) -> None:
        self.method = sent.partition(" ")[0]
        self._sent, self._data, self._answer = sent.encode(), b"", http1.Answer()

    def first(self) -> bytes:
        return self._sent

    def take(self, data: bytes, ended: bool) -> bytes:
        self._data += data
        self._answer = http1.read(self._data, self.method, ended)
        return b""

    def answer(self) -> http1.Answer:
        return self._answer

    def is_done(self) -> bool:
        return self._answer.is_whole


class _Http2:
    """One request of HTTP/2, without an upgrade."""

    def __init__(self, host: str, path: str) -> None:
        self.method = "GET"
        self._answer, self._is_broken = http1.Answer(protocol="HTTP/2"), False
        config = h2.config.H2Configuration(header_encoding="latin-1", validate_inbound_headers=False)
        self._connection = h2.connection.H2Connection(config)
        self._connection.initiate_connection()
        headers = [(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", host), ("x-a", "1")]
        self._connection.send_headers(1, headers, end_stream=True)

    def first(self) -> bytes:
        return self._connection.data_to_send()

    def take(self, data: bytes, ended: bool) -> bytes:  # noqa: ARG002 - a stream says itself when it is whole
        try:
            events = self._connection.receive_data(data) if data and not self._is_broken else []
        except h2.exceptions.ProtocolError:
            self._is_broken, events = True, []
            self._answer.body += data
        for each in events:
            self._take(each)
        return self._connection.data_to_send()

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.ResponseReceived(headers=headers) if headers:
                named = [(str(name), str(value)) for name, value in headers]
                self._answer.status = int(dict(named).get(":status", 0))
                self._answer.headers = [each for each in named if each[0] != ":status"]
            case h2.events.DataReceived(data=data):
                self._answer.body += data or b""
            case h2.events.StreamEnded():
                self._answer.is_whole, self._answer.stream_end = True, "closed"
            case h2.events.StreamReset(error_code=code):
                self._answer.is_whole, self._answer.stream_end = True, f"reset {int(code or 0)}"

    def answer(self) -> http1.Answer:
        return self._answer

    def is_done(self) -> bool:
        return self._answer.is_whole


def _exchanges(target: Target) -> dict[str, _Exchange]:
    """A handful of requests that many options are about."""
    host, mark = target.host, f"sweep={target.key:06d}"
    body = "hello"
    return {
        "get": _Http1(f"GET /?{mark} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: 192.0.2.1, 10.0.0.1\r\n\r\n"),
        "post": _Http1(
            f"POST /a/../b;c=d//e%2Ff?{mark} HTTP/1.1\r\nHost: {host}:80\r\nTransfer-Encoding: chunked\r\n"
            f"X_Under: 1\r\nX-Request-Id: mine\r\nForwarded: for=a\r\n\r\n{len(body):x}\r\n{body}\r\n0\r\n\r\n"
        ),
        "head-1.0": _Http1(f"HEAD /?{mark} HTTP/1.0\r\nHost: {host.upper()}\r\nConnection: keep-alive\r\n\r\n"),
        "upgrade": _Http1(
            f"GET /?{mark} HTTP/1.1\r\nHost: {host}\r\nConnection: upgrade, x-a\r\nUpgrade: websocket\r\n"
            f"X-A: 1\r\nX-Big: {'a' * 9000}\r\nTE: trailers\r\n\r\n"
        ),
        "http2": _Http2(host, f"/?{mark}"),
    }


NAMES: Sequence[str] = tuple(_exchanges(Target(0, 0, "a")))
"""What the probes are called."""


@dataclass
class _Open:
    key: int
    name: str
    exchange: _Exchange
    end: _End = "open"
    log: list[str] = field(default_factory=list)


def probed(node: BareNode, targets: Iterable[Target], within: float = _WITHIN) -> dict[int, list[SweptProbe]]:
    """What is observed of the probes of each listener, by its key, in normal form.

    Args:
        within: seconds without anything new, after which it is over.
    """
    done = list[_Open]()
    targets = list(targets)
    sockets = node.new_sockets(len(targets) * len(NAMES))
    with selectors.DefaultSelector() as selector:
        ports = dict[int, int]()
        for target in targets:
            ports[target.key] = target.port
            for name, exchange in _exchanges(target).items():
                opened = _Open(target.key, name, exchange)
                done.append(opened)
                connection = next(sockets)
                try:
                    connection.settimeout(_LONGEST)
                    connection.connect(("127.0.0.1", target.port))
                    connection.sendall(exchange.first())
                except OSError as error:
                    connection.close()
                    opened.end = "refused" if isinstance(error, ConnectionRefusedError) else "reset"
                    continue
                connection.setblocking(False)
                selector.register(connection, selectors.EVENT_READ, opened)
        _wait(selector, within)
    found: dict[int, list[SweptProbe]] = {}
    for each in done:
        found.setdefault(each.key, []).append(SweptProbe(each.name, _observed(each, ports[each.key])))
    return found


def _wait(selector: selectors.BaseSelector, within: float) -> None:
    """Until all are done; what then is still open stays so."""
    last = now = time.monotonic()
    until = now + _LONGEST
    while selector.get_map() and now < min(until, last + within):
        for key, _ in selector.select(min(until, last + within) - now):
            last = time.monotonic()
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            if not _take(connection, key.data):
                selector.unregister(connection)
                connection.close()
        now = time.monotonic()
    for key in list((selector.get_map() or {}).values()):
        selector.unregister(key.fileobj)
        assert isinstance(key.fileobj, socket.socket)
        key.fileobj.close()


def _take(connection: socket.socket, opened: _Open) -> bool:
    """Takes in what came; whether more may come."""
    try:
        data = connection.recv(_READ)
    except BlockingIOError:
        return True
    except OSError:
        opened.end = "reset"
        opened.exchange.take(b"", ended=True)
        return False
    try:
        reply = opened.exchange.take(data, ended=not data)
        if reply and data:
            connection.sendall(reply)
    except OSError:
        opened.end = "reset"
        return False
    if not data:
        opened.end = "closed"
        return False
    return not opened.exchange.is_done()


def _observed(each: _Open, port: int) -> Observation:
    answer, clean = each.exchange.answer(), _clean(each.key, port)
    return Observation(
        answer.status,
        answer.reason,
        answer.protocol,
        [(name, clean(_header(name, value))) for name, value in answer.headers],
        body_without_chance(clean(answer.body.decode(errors="replace"))),
        _end(each.end, answer),
        answer.interim,
        answer.trailers,
        stream_end=answer.stream_end or UNSET,
    )


def _end(end: _End, answer: http1.Answer) -> _End:
    """How the connection ended, as far as that is not of chance.

    After a whole answer nobody waits for what it announces: with `delayed_close_timeout` Envoy takes its time. And
    where Envoy closes at once the kernel makes a reset of it if more has come by then.
    """
    if answer.is_whole:
        return "closed" if answer.announces_the_end else "open"
    return "closed" if end == "reset" else end


def _clean(key: int, port: int) -> "_Clean":
    return _Clean(re.compile(rf"sweep={key:06d}"), f":{port}")


@dataclass(frozen=True)
class _Clean:
    """Puts what is a variant's own into one form."""

    mark: re.Pattern[str]
    port: str

    def __call__(self, text: str) -> str:
        return without_chance(self.mark.sub("sweep", text).replace(self.port, ":<port>"))


def _header(name: str, value: str) -> str:
    for rule in HEADER_RULES:
        if name.lower() == rule.header and re.fullmatch(rule.form, value):
            return rule.replacement
    return value


def differing(found: Mapping[str, Sequence[SweptProbe]]) -> bool:
    """Whether Envoys do not all show the same."""
    shown = list(found.values())
    return any(each != shown[0] for each in shown[1:])
