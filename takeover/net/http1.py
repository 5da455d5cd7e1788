"""HTTP/1 answers as they came, byte for byte: what a client library would refuse, mend or hide is shown."""

import re
from dataclasses import dataclass, field

from takeover.model.document import Interim

_INTERIM = range(100, 200)
_SWITCHING = 101
_WITHOUT_BODY = (_SWITCHING, 204, 304)
_LINE, _BLANK = b"\r\n", b"\r\n\r\n"
_SIZE = re.compile(rb"[0-9a-fA-F]+")


@dataclass
class Answer:
    """An answer, perhaps cut off.

    Args:
        protocol: for instance "HTTP/1.1".
        interim: the heads that came before.
        is_whole: whether it came to its end; what has no length of its own is whole when the connection ends.
        lasts_until_the_end: whether only the connection's end ends it.
        length: how many bytes it took.
        stream_end: how its stream ended, where that is apart from its connection's end: "closed", "reset CODE" or
            "open"; empty where there is no such thing.
        frames: what came frame by frame, where that is observed.
        streams: the answers on other streams of the connection, by their numbers.
        messages: what came message by message, where the protocol has them.
    """

    status: int | None = None
    reason: str = ""
    protocol: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)
    interim: list[Interim] = field(default_factory=list)
    is_whole: bool = False
    lasts_until_the_end: bool = False
    length: int = 0
    stream_end: str = ""
    frames: list[str] | None = None
    streams: "dict[int, Answer]" = field(default_factory=dict)
    messages: list[bytes] | None = None

    def value(self, name: str) -> str:
        """The value of the last header of that name, in lower case; empty if there is none."""
        return next((value.lower() for each, value in reversed(self.headers) if each.lower() == name), "")

    @property
    def has_no_end(self) -> bool:
        """Whether the request lasts as long as the connection."""
        return self.lasts_until_the_end or self.status == _SWITCHING

    @property
    def announces_the_end(self) -> bool:
        """Whether the connection is to end after it."""
        connection = self.value("connection")
        return self.lasts_until_the_end or "close" in connection or (
            self.protocol == "HTTP/1.0" and "keep-alive" not in connection
        )  # fmt: skip


def read(data: bytes, method: str, ended: bool = False) -> Answer:
    """The first answer in `data`, with the interim ones before it.

    Args:
        method: of the request: an answer to HEAD has no body, a tunnel has no end.
        ended: whether nothing more can come.
    """
    answer = Answer()
    while True:
        end = data.find(_BLANK, answer.length)
        if end < 0:
            if ended or not _may_be_http(data[answer.length : answer.length + 5]):
                answer.body = data[answer.length :]
                answer.length = len(data)
            return answer
        _read_head(answer, data[answer.length : end])
        answer.length = end + len(_BLANK)
        if answer.status is None or answer.status not in _INTERIM or answer.status == _SWITCHING:
            break
        answer.interim.append(Interim(answer.status, answer.reason, answer.headers))
        answer.status, answer.reason, answer.headers = None, "", []
    _read_body(answer, data, method, ended)
    return answer


def _may_be_http(begin: bytes) -> bool:
    return begin[:5] == b"HTTP/"[: len(begin)]


def _read_head(answer: Answer, head: bytes) -> None:
    first, *lines = head.decode("latin-1").split("\r\n")
    answer.protocol, _, status = first.partition(" ")
    number, _, answer.reason = status.partition(" ")
    answer.status = int(number) if number.isdigit() else None
    answer.headers = [_header(line) for line in lines]


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.removeprefix(" ")


def _read_body(answer: Answer, data: bytes, method: str, ended: bool) -> None:
    """Reads what follows the head in `data`, which ends at `answer.length`."""
    begin = answer.length
    tunnel = method == "CONNECT" and answer.status is not None and 200 <= answer.status < 300
    if method == "HEAD" or answer.status in _WITHOUT_BODY:  # what follows a 101 is another protocol's
        answer.is_whole = True
    elif "chunked" in answer.value("transfer-encoding") and not tunnel:
        _read_chunks(answer, data)
    elif (length := answer.value("content-length")).isdigit() and not tunnel:
        answer.body = data[begin : begin + int(length)]
        answer.length += len(answer.body)
        answer.is_whole = len(answer.body) == int(length)
    else:
        answer.body = data[begin:]
        answer.length = len(data)
        answer.lasts_until_the_end, answer.is_whole = True, ended


def _read_chunks(answer: Answer, data: bytes) -> None:
    """Reads chunks and trailers, each byte once: there may be millions of them."""
    at, chunks = answer.length, list[bytes]()
    while (end := data.find(_LINE, at)) >= 0:
        size = data[at:end].partition(b";")[0].strip()
        if not _SIZE.fullmatch(size):
            break
        at = end + len(_LINE)
        if int(size, 16) == 0:
            _read_trailers(answer, data, at)
            break
        chunks.append(data[at : at + int(size, 16)])
        at += int(size, 16) + len(_LINE)
    answer.body = b"".join(chunks)


def _read_trailers(answer: Answer, data: bytes, at: int) -> None:
    while (end := data.find(_LINE, at)) >= 0:
        line, at = data[at:end], end + len(_LINE)
        if not line:
            answer.length, answer.is_whole = at, True
            return
        answer.trailers.append(_header(line.decode("latin-1")))
