"""How a probe's request stands in probes.yaml: structured, or as the bytes themselves."""

from dataclasses import dataclass

from takeover.model.request import ProbeRequest, ProbeStep, ProbeTarget
from takeover.net.request import Request
from takeover.probes.probe import Await, End, Protocol, Send, Step
from takeover.scenario.fields import Fields
from takeover.scenario.yaml_text import Key, describe_type

_STRUCTURED = (
    "method", "path", "version", "host", "headers", "body", "chunks", "trailers", "body_after_answer", "end",
)  # fmt: skip
_OTHERS = ("name", "from", "container", "to", "protocol", "steps", "answers", "until", "within")
_PROTOCOLS = ("http1", "http2", "tcp")
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


def exchange(group: Fields, entry: Fields) -> Exchange:
    """The request of the probe at `entry`, with what its group says for all. Raises: BadInputError "FILE:LINE: …"."""
    entry.only(*_OTHERS, *_STRUCTURED)
    protocol: Protocol = entry.take("protocol", str, "") or group.take("protocol", str, "http1")
    if protocol not in _PROTOCOLS:
        raise entry.error(f"protocol is one of {', '.join(_PROTOCOLS)}, not {protocol}")
    if "steps" in entry.data or protocol == "tcp":
        return _of_steps(entry, protocol)
    request = _structured(group, entry)
    if protocol == "http2":
        return Exchange(protocol, (), request, request.method)
    head, body = _head(request).encode("latin-1"), _body(request).encode("latin-1")
    steps: list[Step] = [Send(head + body)]
    if entry.take("body_after_answer", bool, False):
        steps = [Send(head), Await(), Send(body)]
    if entry.take("end", bool, False):
        steps.append(End())
    return Exchange(protocol, tuple(steps), request, request.method)


def text(entry: Fields, *keys: Key) -> bytes:
    """The text at `keys` as bytes, a character each: a string, or a list of strings and {repeat: TEXT, times: N}."""
    return _text(entry, *keys).encode("latin-1")


def _text(entry: Fields, *keys: Key) -> str:
    value = entry.data
    for key in keys:
        value = value[key]
    if isinstance(value, list):
        joined = "".join(_text(entry, *keys, index) for index in range(len(value)))
    elif isinstance(value, dict):
        repeated = Fields(entry.document, (*entry.at, *keys))
        repeated.only("repeat", "times")
        once, times = repeated.take("repeat", str), repeated.take("times", int)
        if not 0 < times * len(once) <= _MOST_BYTES:
            raise repeated.error(f"times must make 1 to {_MOST_BYTES} characters", "times")
        joined = once * times
    elif isinstance(value, str):
        joined = value
    else:
        raise entry.error(f"must be a string, or a list of strings and repeats, not {describe_type(value)}", *keys)
    try:
        joined.encode("latin-1")
    except UnicodeEncodeError:
        raise entry.error("each character stands for a byte (write UTF-8 as \\xc3\\xa9)", *keys) from None
    return joined


def _texts(entry: Fields, key: str) -> tuple[str, ...]:
    return tuple(_text(entry, key, index) for index in range(len(entry.take(key, list, []))))


def _of_steps(entry: Fields, protocol: Protocol) -> Exchange:
    for key in _STRUCTURED:
        if key in entry.data and key != "method":
            raise entry.error(f"a probe has either steps or {key}", key)
    if protocol == "http2":
        raise entry.error("an HTTP/2 probe has no steps", "steps")
    steps: list[Step] = []
    for each in entry.children("steps"):
        each.only("send", "await", "end")
        match list(each.data):
            case ["send"]:
                steps.append(Send(text(each, "send")))
            case ["await"] if each.data["await"] is True:
                steps.append(Await())
            case ["end"] if each.data["end"] is True:
                steps.append(End())
            case _:
                raise each.error("a step is one of send: TEXT, await: true and end: true")
    return Exchange(protocol, tuple(steps), None, entry.take("method", str, "GET"))


def _record(step: Step) -> ProbeStep:
    match step:
        case Send(data):
            return ProbeStep(send=data.decode("latin-1"))
        case Await():
            return ProbeStep(await_=True)
        case End():
            return ProbeStep(end=True)


def _structured(group: Fields, entry: Fields) -> Request:
    method = _text(entry, "method") if "method" in entry.data else "GET"
    path = _text(entry, "path") if "path" in entry.data else "/"
    host = group.take("host", str, "probe.example")
    if "host" in entry.data:
        host = "" if entry.data["host"] is None else _text(entry, "host")
    prefix = group.take("prefix", str, "")
    return Request(
        method=method,
        path=prefix + path if path.startswith("/") else path,
        version=entry.take("version", str, "1.1"),
        host=host,
        headers=_texts(entry, "headers"),
        body=_text(entry, "body") if "body" in entry.data else None,
        chunks=_texts(entry, "chunks"),
        trailers=_texts(entry, "trailers"),
    )


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
