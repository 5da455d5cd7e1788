"""How a probe's request becomes what goes over the connection: by the protocol that its entry names."""

from collections.abc import Callable
from dataclasses import dataclass

from msgspec import UNSET

from takeover.base.errors import BadInputError
from takeover.model.request import ProbeRequest, ProbeStep, ProbeTarget
from takeover.net.request import Request
from takeover.probes.entries import (
    Bytes,
    GroupEntry,
    Http1Entry,
    Http2Entry,
    ProbeEntry,
    RepeatEntry,
    RequestEntry,
    StepEntry,
    TcpEntry,
)
from takeover.probes.probe import Await, End, Protocol, Send, Step
from takeover.scenario.typed_yaml import Entry, Json, convert
from takeover.scenario.yaml_text import Key, YamlDocument

_MOST_BYTES = 4 << 20


@dataclass(frozen=True, eq=False)
class Exchange:
    """What goes over the connection; see `Probe`."""

    protocol: Protocol
    steps: tuple[Step, ...]
    structured: Request | None
    method: str

    @property
    def http2(self) -> Request | None:
        """What an HTTP/2 probe sends."""
        return self.structured if self.protocol == "http2" else None

    def record(self, source: str, to: ProbeTarget) -> ProbeRequest:
        """The request as a record."""
        if self.structured is None:
            steps = list(map(_record, self.steps))
            return ProbeRequest(source=source, to=to, protocol=self.protocol, steps=steps)
        return ProbeRequest(
            source=source,
            to=to,
            protocol=self.protocol,
            method=self.structured.method,
            path=self.structured.path,
            version=self.structured.version,
            host=self.structured.host or None,
            headers=list(self.structured.headers),
            body=self.structured.body,
            chunks=list(self.structured.chunks),
            trailers=list(self.structured.trailers),
            body_after_answer=Await() in self.steps,
            end=End() in self.steps,
        )


def read_probe(document: YamlDocument, index: tuple[Key, ...], group: GroupEntry) -> tuple[ProbeEntry, Exchange]:
    """The entry at those keys, as its protocol's Struct, and what it sends. Raises: BadInputError "FILE:LINE: …"."""
    value: Json = document.value
    for key in index:
        value = value[key]
    written = value.get("protocol") if isinstance(value, dict) else None
    protocol = written or group.protocol
    if isinstance(protocol, str) and protocol not in _PROTOCOLS:
        where = document.where(*index, "protocol") if written else group.where("protocol")
        raise BadInputError(f"{where}: protocol is one of {', '.join(_PROTOCOLS)}, not {protocol}")
    kind, exchange = _PROTOCOLS[protocol if isinstance(protocol, str) else "http1"]
    entry = convert(document, kind, index)
    return entry, exchange(group, entry)


def text(entry: Entry, value: Bytes, *keys: Key) -> bytes:
    """What is written at `keys` in the entry, as bytes, a character each."""
    return _text(entry, value, *keys).encode("latin-1")


def _text(entry: Entry, value: Bytes, *keys: Key) -> str:
    if isinstance(value, tuple):
        joined = "".join(_text(entry, each, *keys, index) for index, each in enumerate(value))
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


def _texts(entry: Entry, values: tuple[Bytes, ...], key: str) -> tuple[str, ...]:
    return tuple(_text(entry, each, key, index) for index, each in enumerate(values))


def _http1(group: GroupEntry, entry: Http1Entry) -> Exchange:
    if entry.has("steps"):
        for key in Http1Entry.REQUEST:
            if entry.has(key):
                raise entry.error(f"a probe has either steps or {key}", key)
        return _of_steps("http1", _text(entry, entry.method, "method"), entry.steps)
    request = _structured(group, entry, entry.version)
    head, body = _head(request).encode("latin-1"), _body(request).encode("latin-1")
    steps: list[Step] = [Send(head + body)]
    if entry.body_after_answer:
        steps = [Send(head), Await(), Send(body)]
    if entry.end:
        steps.append(End())
    return Exchange("http1", tuple(steps), request, request.method)


def _http2(group: GroupEntry, entry: Http2Entry) -> Exchange:
    request = _structured(group, entry, "1.1")
    return Exchange("http2", (), request, request.method)


def _tcp(_: GroupEntry, entry: TcpEntry) -> Exchange:
    return _of_steps("tcp", "GET", entry.steps)


_PROTOCOLS: dict[str, tuple[type[ProbeEntry], Callable[[GroupEntry, ProbeEntry], Exchange]]] = {
    "http1": (Http1Entry, _http1),  # type: ignore[dict-item]
    "http2": (Http2Entry, _http2),  # type: ignore[dict-item]
    "tcp": (TcpEntry, _tcp),  # type: ignore[dict-item]
}


def probe_kinds() -> list[type[ProbeEntry]]:
    """The Struct of each protocol's probes."""
    return [kind for kind, _ in _PROTOCOLS.values()]


def _of_steps(protocol: Protocol, method: str, entries: tuple[StepEntry, ...]) -> Exchange:
    steps: list[Step] = []
    for each in entries:
        match list(each.written):
            case ["send"] if each.send is not UNSET:
                steps.append(Send(text(each, each.send, "send")))
            case ["await"] if each.await_:
                steps.append(Await())
            case ["end"] if each.end:
                steps.append(End())
            case _:
                raise each.error("a step is one of send: TEXT, await: true and end: true")
    return Exchange(protocol, tuple(steps), None, method)


def _structured(group: GroupEntry, entry: RequestEntry, version: str) -> Request:
    path = _text(entry, entry.path, "path")
    host = group.host if entry.host is UNSET else "" if entry.host is None else _text(entry, entry.host, "host")
    return Request(
        method=_text(entry, entry.method, "method"),
        path=group.prefix + path if path.startswith("/") else path,
        version=version,
        host=host,
        headers=_texts(entry, entry.headers, "headers"),
        body=None if entry.body is UNSET else _text(entry, entry.body, "body"),
        chunks=_texts(entry, entry.chunks, "chunks"),
        trailers=_texts(entry, entry.trailers, "trailers"),
    )


def _record(step: Step) -> ProbeStep:
    match step:
        case Send(data):
            return ProbeStep(send=data.decode("latin-1"))
        case Await():
            return ProbeStep(await_=True)
        case End():
            return ProbeStep(end=True)


def _head(request: Request) -> str:
    lines = [f"{request.method} {request.path} HTTP/{request.version}"]
    lines += [f"Host: {request.host}"] if request.host else []
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
