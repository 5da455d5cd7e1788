"""envoy.service.ext_proc.v3.ExternalProcessor: lets everything go on, unless it is told otherwise.

What it is told is JSON, an object of behaviours (`calls`) by the name of what they answer: `request_headers`,
`request_body`, `request_trailers`, `response_headers`, `response_body`, `response_trailers`. A behaviour's `answer` is
a ProcessingResponse; `none`: nothing is answered; `end`: the call ends with status 0 after the answer; `more`: the
behaviours that follow it at once, where one message has several answers (bodies in pieces); `echo`: a body that is
streamed both ways comes back, `each` piece as it came, or at the `last` one all of it at once, before the answer to
trailers where these end it. Of a body that is streamed both ways each piece comes back, unless a behaviour says
otherwise: Envoy has let go of it. It stands in the header `x-processing` of what is processed, or of the call itself
(`initial_metadata` of the filter's grpc_service).

Each answer's dynamic metadata has the namespace `ext_proc`: what came, by name, in the order in which it did.
"""

from typing import Any

from envoy.extensions.filters.http.ext_proc.v3 import processing_mode_pb2
from envoy.service.ext_proc.v3 import external_processor_pb2
from google.protobuf import json_format

from takeover.peers.hostile.http2_stream import Stream
from takeover.peers.services.calls import Call, EndedError, Json, behaviour, told, without

PROCESS = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"
_HEADER = "x-processing"
_ANSWERS = frozenset({"answer", "echo", "end", "more", "none"})
"""The keys of a behaviour that say what is answered."""
_BOTH_WAYS = processing_mode_pb2.ProcessingMode.FULL_DUPLEX_STREAMED
_UNTOLD = frozenset({"x-request-id", "x-envoy-upstream-service-time", _HEADER})


async def process(stream: Stream) -> None:
    """Answers one call."""
    call = Call(stream)
    written = behaviour(call, stream.values.get(_HEADER, "{}"))
    came: dict[str, Json] = {}
    held: dict[str, bytes] = {}
    both_ways: set[str] = set()
    while (asked := await call.receive(external_processor_pb2.ProcessingRequest)) is not None:
        name = str(asked.WhichOneof("request"))
        if asked.HasField("protocol_config"):  # in the first message
            both_ways = _both_ways(asked.protocol_config)
        if name == "request_headers":
            said = [each for each in asked.request_headers.headers.headers if each.key == _HEADER]
            if said:
                written = behaviour(call, said[0].value or said[0].raw_value.decode())
        came[f"{len(came)} {name}"] = _readable(asked)
        reply = written.get(name, {})
        call.check(reply)
        if name in both_ways and _ANSWERS.isdisjoint(reply):
            reply = {**reply, "echo": "each"}
        if "echo" in reply:
            await _echo(call, name, asked, reply, held)
        else:
            ended = name.replace("_trailers", "_body")
            if ended != name and (body := held.pop(ended, b"")):
                await _streamed(call, ended, body, is_last=False)
            await _reply(call, name, reply, came)
    call.end()


def _both_ways(modes: external_processor_pb2.ProtocolConfiguration) -> set[str]:
    """The names of the bodies that are streamed both ways."""
    found = {"request_body": modes.request_body_mode, "response_body": modes.response_body_mode}
    return {name for name, mode in found.items() if mode == _BOTH_WAYS}


async def _echo(call: Call, name: str, asked: Any, written: Json, held: dict[str, bytes]) -> None:
    await call.behave(written)
    part = getattr(asked, name)
    if written["echo"] == "each":
        await _streamed(call, name, part.body, part.end_of_stream)
        return
    held[name] = held.get(name, b"") + part.body
    if part.end_of_stream:
        await _streamed(call, name, held.pop(name), is_last=True)


async def _streamed(call: Call, name: str, body: bytes, is_last: bool) -> None:
    answer = external_processor_pb2.ProcessingResponse()
    streamed = getattr(answer, name).response.body_mutation.streamed_response
    streamed.body, streamed.end_of_stream = body, is_last
    await call.send(answer)


async def _reply(call: Call, name: str, written: Json, came: dict[str, Json]) -> None:
    await call.behave(written)
    if not written.get("none"):
        answer = call.response(external_processor_pb2.ProcessingResponse, written)
        if answer.WhichOneof("response") is None:
            getattr(answer, name).SetInParent()
        if written.get("tell", True):
            json_format.ParseDict({"ext_proc": came}, answer.dynamic_metadata)
        await call.send(answer)
    for each in written.get("more", ()):
        await _reply(call, name, each, came)
    if written.get("end"):
        call.end()
        raise EndedError


def _readable(asked: Any) -> Json:
    """What came, with headers a line each and bodies as text."""
    found = told(asked)
    name = asked.WhichOneof("request")
    part = getattr(asked, name)
    if name.endswith("_body"):
        found[name]["body"] = part.body.decode("utf-8", "backslashreplace")
    else:
        pairs = (part.headers if name.endswith("_headers") else part.trailers).headers
        lines = {each.key: each.value or each.raw_value.decode("utf-8", "backslashreplace") for each in pairs}
        found[name]["headers"] = [f"{key}: {value}" for key, value in lines.items() if key not in _UNTOLD]
        found[name].pop("trailers", None)
    return without(found, _UNTOLD)
