"""HTTP/1 as bytes: a request that may be wrong in any way, or steps; every answer that comes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from takeover.model.request import ProbeRequest, ProbeTarget
from takeover.net import http1
from takeover.net.http1 import Answer
from takeover.net.request import Request
from takeover.net.stream import ByteStream
from takeover.probes.entries import GroupEntry, Http1Entry
from takeover.probes.protocols.stepped import SteppedExchange
from takeover.probes.protocols.written import (
    Await,
    End,
    Send,
    Step,
    check_has_effect,
    recorded,
    steps,
    structured,
    text,
)

if TYPE_CHECKING:
    from takeover.probes.probe import Probe

_MOST_ANSWERS = 100


@dataclass(frozen=True)
class Http1Sends:
    """What an HTTP/1 probe sends.

    Args:
        request: None where it is written step by step.
        method: of the first request, for what its answer's head means.
    """

    steps: tuple[Step, ...]
    request: Request | None
    method: str


class Http1:
    """See `contract.ProbeProtocol`."""

    name = "http1"
    entry = Http1Entry

    def read(self, group: GroupEntry, entry: Http1Entry) -> Http1Sends:
        """A request, or the steps of any exchange."""
        if not entry.answers:
            raise entry.error("over HTTP/1 answers must be at least 1", "answers")
        if entry.has("until"):
            check_has_effect(entry, "beside until, which ends it", "answers")
        if entry.has("steps"):
            for key in Http1Entry.REQUEST:
                if entry.has(key):
                    raise entry.error(f"a probe has either steps or {key}", key)
            return Http1Sends(steps(entry.steps), None, text(entry, entry.method, "method"))
        if entry.trailers and entry.has("body"):
            raise entry.error("trailers come after chunks: write the body as `chunks`", "body")
        request = structured(group, entry, text(entry, entry.version, "version"))
        head, body = _head(request).encode("latin-1"), _body(request).encode("latin-1")
        sent: tuple[Step, ...] = (Send(head + body),)
        if entry.body_after_answer and not body:
            raise entry.error("body_after_answer: there is no body to come after an answer", "body_after_answer")
        if entry.body_after_answer:
            sent = (Send(head), Await(), Send(body))
        if entry.end:
            sent = (*sent, End())
        return Http1Sends(sent, request, request.method)

    def record(self, sends: Http1Sends, source: str, to: ProbeTarget) -> ProbeRequest:
        """The request by its parts, where it has them."""
        if sends.request is None:
            return ProbeRequest(source=source, to=to, protocol=self.name, steps=recorded(sends.steps))
        return recorded_request(
            sends.request,
            self.name,
            source,
            to,
            body_after_answer=Await() in sends.steps,
            end=End() in sends.steps,
        )

    def exchange(self, probe: "Probe", stream: ByteStream) -> SteppedExchange:
        """Until as many answers have come as the probe says."""
        return _Exchange(probe, probe.sends, stream)


def recorded_request(
    request: Request,
    protocol: str,
    source: str,
    to: ProbeTarget,
    *,
    body_after_answer: bool = False,
    end: bool = False,
) -> ProbeRequest:
    """A structured request as a record."""
    return ProbeRequest(
        source=source,
        to=to,
        protocol=protocol,
        method=request.method,
        path=request.path,
        version=request.version,
        host=request.host,
        headers=list(request.headers),
        body=request.body,
        chunks=list(request.chunks),
        trailers=list(request.trailers),
        body_after_answer=body_after_answer,
        end=end,
    )


class _Exchange(SteppedExchange):
    """Further answers stand in the first one's body."""

    def __init__(self, probe: "Probe", sends: Http1Sends, stream: ByteStream) -> None:
        super().__init__(probe, sends.steps, stream)
        self._method = sends.method

    def _has_begun(self, received: bytes) -> bool:
        return b"\r\n\r\n" in received

    def _is_enough(self) -> bool:
        if self._probe.until:
            return self._received.endswith(self._probe.until)
        answers = self._answers()
        return len(answers) >= self._probe.answers and answers[-1].is_whole and not answers[-1].lasts_until_the_end

    def _announces_the_end(self) -> bool:
        return not self._probe.until and self._answers()[-1].announces_the_end

    def _read(self) -> Answer:
        return self._answers()[0]

    def _answers(self) -> list[Answer]:
        """The answers so far, the last one perhaps not whole; what follows the first stands in its body, too."""
        ended, begin, answers = self.end not in ("open", "endless"), 0, list[Answer]()
        most = max(_MOST_ANSWERS, self._probe.answers)
        while not answers or (begin < len(self._received) and answers[-1].length and len(answers) < most):
            method = self._method if not answers else "GET"
            answers.append(http1.read(self._received[begin:], method, ended))
            if not answers[-1].is_whole:
                break
            begin += answers[-1].length
        if rest := self._received[answers[0].length :] if answers[0].is_whole else b"":
            answers[0].body += b"\nand then:\n" + rest
        return answers


def _head(request: Request) -> str:
    lines = [f"{request.method} {request.path} HTTP/{request.version}"]
    lines += [f"Host: {request.host}"] if request.host is not None else []
    lines += request.headers
    if request.chunks or request.trailers:
        lines.append("Transfer-Encoding: chunked")
    elif request.body is not None:
        lines.append(f"Content-Length: {len(request.body)}")
    return "\r\n".join([*lines, "", ""])


def _body(request: Request) -> str:
    if not request.chunks and not request.trailers:
        return request.body or ""
    chunks = [f"{len(each):x}\r\n{each}\r\n" for each in request.chunks]
    return "".join([*chunks, "0\r\n", *(f"{each}\r\n" for each in request.trailers), "\r\n"])
