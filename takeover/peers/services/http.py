"""What is asked over HTTP/1: files, collectors, an authentication service, and what the sinks have.

    GET  /files/NAME                   a file of the folder beside (/etc/keys), for instance jwks.json
    POST /api/v2/spans                 Zipkin's collector; likewise /v1/traces, /v1/logs, /v1/metrics of OTLP, and
                                       /v0.4/traces of Datadog's agent
    GET  /told/SINK?count=1&within=0.5&without=NAME,NAME&with=TEXT&and=TEXT&sorted=yes
                                       what that sink took in since it was asked last, a line of JSON each: as soon as
                                       `count` have come, or `within` seconds have passed; without those fields,
                                       with `sorted` in one order, whichever came first, with `unique` each line once
    PUT  /pressure/NAME                begins or ends a pressure on Envoy (`pressure`)
    GET  /awaited?…                    waits until Envoy counts so (`admin`)
    …    /checked/ANSWERS/NAME         one answer after the other (`checked`); GET /asked/NAME tells how it was asked
    any other                          what the header x-answer says, JSON: status, headers (a list of lines), body,
                                       trailers (a list of lines), delay, then (`calls`). Its header x-asked is the
                                       request, as JSON

Sinks are access-logs, metrics, otlp-traces, otlp-logs, otlp-metrics, zipkin, datadog, skywalking, statsd, fluentd,
redis-auth; call: the headers of requests to collectors that were sent `x-tell: call`, over gRPC, too; and dns: what the
DNS server was asked since its start. A collector that is sent x-answer answers that once it has taken what came. Over
HTTP/2 requests are answered likewise that are for one of those, or have x-answer.
"""

import json
import os
import time
import urllib.parse
from collections.abc import Callable, Iterable

from google.protobuf.message import DecodeError, Message

from takeover.peers.hostile.answers import as_asked, plain
from takeover.peers.hostile.connections import Connection
from takeover.peers.hostile.http1 import Requests, headers_of
from takeover.peers.hostile.http2_stream import Header, Stream
from takeover.peers.services import admin, checked, dns, message_pack, pressure, sinks, wishes
from takeover.peers.services.calls import CALL, Json, by_turns, headers_told, without

_FOLDER = os.environ.get("SERVICES_FILES", "/etc/keys")
_OTLP: dict[str, tuple[str, type[Message]]] = {
    "/v1/traces": ("otlp-traces", sinks.TRACES),
    "/v1/logs": ("otlp-logs", sinks.LOGS),
    "/v1/metrics": ("otlp-metrics", sinks.METRICS),
}
_WISH = "x-answer"
_CHUNKED: Header = ("transfer-encoding", "chunked")
_FOLDERS = ("/files/", "/told/", "/pressure/")
_COLLECTORS = frozenset({"/api/v2/spans", "/v0.4/traces", *_OTLP})
_UNTOLD = frozenset({"", _WISH, "x-request-id"})
_REASONS = {200: "OK", 202: "Accepted", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}


def serve(connection: Connection) -> None:
    """Answers one request after the other."""
    requests = Requests(connection)
    while head := requests.head():
        body, _ = requests.body(head)
        if not checked.is_question(_asked_for(head)[1]):
            connection.send(as_asked(head, answer(head, body)))
        elif not checked.answer(connection, head, body):
            return


def is_asked(stream: Stream) -> bool:
    """Whether a request of HTTP/2 is answered here."""
    path = stream.values.get(":path", "")
    return _WISH in stream.values or path.startswith(_FOLDERS) or path.partition("?")[0] in _COLLECTORS


async def answer_stream(stream: Stream, answered: Callable[[bytes, bytes], bytes]) -> None:
    """Answers a request of HTTP/2 by what answers a head and a body of HTTP/1."""
    body = b""
    while more := await stream.receive():
        body += more
    fields = [f"{name}: {value}" for name, value in stream.came if not name.startswith(":")]
    first = f"{stream.values.get(':method')} {stream.values.get(':path')} HTTP/2"
    asked = "\r\n".join([first, f"host: {stream.values.get(':authority', '')}", *fields, "", ""]).encode("latin-1")
    head, _, content = as_asked(asked, answered(asked, body)).partition(b"\r\n\r\n")
    line, *lines = head.decode("latin-1").split("\r\n")
    headers, trailers = _fields(lines), list[Header]()
    if _CHUNKED in headers:  # HTTP/2 has frames for that
        headers.remove(_CHUNKED)
        content, trailers = _unchunked(content)
    stream.send_headers([(":status", line.split(" ")[1]), *headers], end=not content and not trailers)
    if content:
        await stream.send(content, end=not trailers)
    if trailers:
        stream.send_headers(trailers, end=True)


def _fields(lines: Iterable[str]) -> list[Header]:
    return [(name.lower(), value.strip()) for name, _, value in (each.partition(":") for each in lines)]


def _unchunked(content: bytes) -> tuple[bytes, list[Header]]:
    """The body that stands in chunks, and the trailers behind it."""
    body = b""
    while content:
        size, _, content = content.partition(b"\r\n")
        if not (length := int(size, 16)):
            break
        body, content = body + content[:length], content[length + len(b"\r\n") :]
    return body, _fields(filter(None, content.decode("latin-1").split("\r\n")))


def answer(head: bytes, body: bytes) -> bytes:
    """The answer to one request."""
    method, target = _asked_for(head)
    path, _, query = target.partition("?")
    if path.startswith("/files/"):
        return _file(path.rpartition("/")[2])
    if path.startswith("/told/"):
        return _told(path.rpartition("/")[2], dict(urllib.parse.parse_qsl(query)))
    if method == "PUT" and path.startswith("/pressure/"):
        return _pressed(path.rpartition("/")[2], body.decode("latin-1"))
    if path == "/awaited":
        return _awaited(dict(urllib.parse.parse_qsl(query)))
    if path.startswith("/asked/"):
        return _written(200, checked.asked(path.rpartition("/")[2]).encode("latin-1"))
    if method == "POST" and path == "/api/v2/spans":
        try:
            spans = json.loads(body)
        except ValueError as error:
            return _written(400, f"no spans in JSON: {error}\n".encode())
        for span in spans:
            sinks.take("zipkin", _with_what_its_id_tells(span))
        return _wished_of_collectors(method, target, head, body) or _written(202)
    if method in ("POST", "PUT") and path == "/v0.4/traces":
        for trace in message_pack.read(body)[0]:
            for span in trace:
                sinks.take("datadog", span)
        return _written(200, b"{}", "content-type: application/json")
    if method == "POST" and path in _OTLP:
        taken = _taken(*_OTLP[path], body)
        return _wished_of_collectors(method, target, head, body) or taken
    return _as_wished(method, target, headers_of(head), body)


def _asked_for(head: bytes) -> tuple[str, str]:
    """The method and the target; empty where there is none."""
    method, target, _ = (*head.split(b"\r\n")[0].decode("latin-1").split(" "), "", "")[:3]
    return method, target


def _with_what_its_id_tells(span: Json) -> Json:
    """A span that says whether its trace's id begins with the time, to the hour: some backends tell its age by that."""
    if "traceId" not in span:
        return span
    return {**span, "traceIdHasTheTime": abs(int(span["traceId"][:8], 16) - time.time()) < 3600}


def _file(name: str) -> bytes:
    try:
        with open(f"{_FOLDER}/{name}", "rb") as file:  # noqa: PTH123 - pathlib takes longer to import than all this
            return _written(200, file.read(), "content-type: application/json")
    except OSError:
        return _written(404)


def _pressed(name: str, written: str) -> bytes:
    try:
        return _written(200 if pressure.put(name, written) else 504, f"{name}: {written}\n".encode())
    except (ValueError, OSError) as error:
        return _written(400, str(error).encode())


def _awaited(query: dict[str, str]) -> bytes:
    within, tell = float(query.pop("within", "2")), query.pop("tell", "")
    try:
        are_so, told = admin.awaited(query, tell, within)
    except OSError as error:
        return _written(502, str(error).encode())
    return _written(200 if are_so else 504, told.encode("latin-1"))


def _told(sink: str, query: dict[str, str]) -> bytes:
    names = frozenset(query.get("without", "").split(","))
    text, other = query.get("with", ""), query.get("and", "")
    if sink == "dns":
        found = [{"ports": dns.ASKED.ports(text)}] if "ports" in query else dns.ASKED.told(text)
    else:
        count, within = int(query.get("count", "1")), float(query.get("within", "0.5"))

        def is_wanted(each: Json) -> bool:
            written = json.dumps(each)
            return text in written and other in written

        found = sinks.given(sink, count, within, is_wanted)
    lines = [json.dumps(without(each, names), sort_keys=True) + "\n" for each in found]
    if "unique" in query:
        lines = list(dict.fromkeys(lines))
    if "sorted" in query:
        lines.sort()
    return _written(200, "".join(lines).encode())


def _taken(sink: str, kind: type[Message], body: bytes) -> bytes:
    try:
        if kind is sinks.METRICS:
            sinks.take_metrics(kind.FromString(body))
        else:
            sinks.take(sink, sinks.otlp(kind.FromString(body)))
    except DecodeError as error:
        return _written(400, str(error).encode())
    return _written(200, b"", "content-type: application/x-protobuf")


def _wished_of_collectors(method: str, target: str, head: bytes, body: bytes) -> bytes:
    """What is answered by who has already taken the body; nothing where nothing is wished."""
    headers = headers_of(head)
    if headers.get("x-tell") == CALL:
        sinks.take(CALL, {"method": method, "target": target, "headers": headers_told(headers.items())})
    return _as_wished(method, target, headers, body) if _WISH in headers else b""


def _as_wished(method: str, target: str, headers: dict[str, str], body: bytes) -> bytes:
    text = headers.get(_WISH, "{}")
    try:
        wished: Json = by_turns(text, json.loads(text))
    except ValueError:
        return _written(400, f"{_WISH} is no JSON: {text}\n".encode())
    if fault := wishes.wrong(wished, wishes.OF_HTTP):
        return _written(400, f"{_WISH}: {fault}\n".encode())
    time.sleep(wished.get("delay", 0))
    asked = {
        "method": method,
        "target": target,
        "headers": {name: value for name, value in headers.items() if name not in _UNTOLD},
        "body": body.decode("utf-8", "backslashreplace") if len(body) < 1000 else f"{len(body)} bytes",
    }
    lines = (f"x-asked: {json.dumps(asked, sort_keys=True)}", *wished.get("headers", ()))
    return _written(wished.get("status", 200), wished.get("body", "").encode(), *lines, trailers=wished.get("trailers"))


def _written(status: int, body: bytes = b"", *lines: str, trailers: list[str] | None = None) -> bytes:
    said = f"{status} {_REASONS.get(status, 'Other')}"
    if trailers is None:
        return plain(said, *lines, body=body)
    head = [f"HTTP/1.1 {said}", *lines, "transfer-encoding: chunked", "", ""]
    chunk = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
    return "\r\n".join(head).encode("latin-1") + chunk + "\r\n".join(["0", *trailers, "", ""]).encode("latin-1")
