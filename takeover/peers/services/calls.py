"""A call over gRPC: its messages, and what it is to be answered, which who asks says by JSON.

Such a JSON is an object: `answer` is the response, in protobuf's own form of JSON; `delay`: seconds before it, in which
nothing else of the connection is answered; `status` and `message`: the call ends with this status of gRPC instead;
`reset`: with RST_STREAM and this code; `hang`: nothing is answered; `like`: the call is answered as the hostile
upstream does by that name (`grpc_answers`); `headers`: an object of headers that the answer has besides; `raw`: an
array of hexadecimal digits, the messages that are sent as they are instead of the answer; `ends`: after the answer the
call has not status 0, but RST_STREAM with this code, or `hang`, or the connection is ended by `close`, or by `reset`;
`tell`: whether the response says what was asked (true, if nothing is said), or by which headers (`call`); `then`:
another such object, for when the same text comes again: who tries again is answered otherwise.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Collection
from typing import Any, TypeVar

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message

from takeover.peers.hostile.grpc_answers import ANSWERS, message
from takeover.peers.hostile.http2_answers import reset_connection
from takeover.peers.hostile.http2_stream import OurEndError, Stream
from takeover.peers.services import wishes

Json = Any
_INVALID_ARGUMENT = 3
CALL = "call"
"""What `tell` may say, and what it is called then in the answer."""
_THEN = "then"
BEHAVIOURS = frozenset({
    "answer", "delay", "status", "message", "reset", "hang", "like", "headers", "raw", "ends", "tell", _THEN,
})  # fmt: skip
"""The keys of such a JSON."""
_OF_CHANCE = frozenset({"x-request-id", "user-agent", "content-length", "x-authz"})
_OF_A_LIBRARY = frozenset({"grpc-timeout", "grpc-accept-encoding"})
_MessageT = TypeVar("_MessageT", bound=Message)

_came: Counter[str] = Counter()
_counting = threading.Lock()


class EndedError(Exception):
    """The call has its end; nothing more is to be answered: who asked for it lets that pass (`serving`)."""


class Call:
    """One call.

    Args:
        stream: whose headers have come.
    """

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._came = b""
        self._has_begun = False
        self._more: list[tuple[str, str]] = []

    async def receive(self, kind: type[_MessageT]) -> _MessageT | None:
        """The next message; None at the end. Raises: EndedError where it is none of that kind."""
        body = await self.receive_bytes()
        if body is None:
            return None
        try:
            return kind.FromString(body)
        except DecodeError as error:
            self.end(_INVALID_ARGUMENT, str(error))
            raise EndedError from None

    async def receive_bytes(self) -> bytes | None:
        """The next message as it is; None at the end."""
        while len(self._came) < 5 or len(self._came) < (end := 5 + int.from_bytes(self._came[1:5], "big")):
            more = await self.stream.receive()
            if not more:
                return None
            self._came += more
        body, self._came = self._came[5:end], self._came[end:]
        return body

    async def send(self, answer: Message) -> None:
        """Sends a message, the headers before the first one."""
        self._begin()
        await self.stream.send(message(answer.SerializeToString()))

    def end(self, status: int = 0, said: str = "") -> None:
        """Ends the call with a status."""
        trailers = [("grpc-status", str(status)), *([("grpc-message", said)] if said else [])]
        head = [] if self._has_begun else self._head()
        self._has_begun = True
        self.stream.send_headers([*head, *trailers], end=True)

    async def behave(self, written: Json) -> None:
        """Does what stands in a behaviour beside its answer. Raises: EndedError where no answer follows."""
        self.check(written)
        if "delay" in written:
            time.sleep(written["delay"])
        self._more = list(written.get("headers", {}).items())
        if "reset" in written:
            self.stream.reset(written["reset"])
            raise EndedError
        if "like" in written:
            await self._be_like(written["like"])
            raise EndedError
        if "status" in written:
            self.end(written["status"], written.get("message", ""))
            raise EndedError
        if written.get("hang"):
            while True:  # until the peer resets the stream
                await self.stream.wait()
        if "raw" in written:
            self._begin()
            for each in written["raw"]:
                await self.stream.send(message(bytes.fromhex(each)))
            await self.finish(written)
            raise EndedError

    def check(self, written: Json) -> None:
        """Looks whether it can be done. Raises: EndedError where it cannot, which the call's status says."""
        if fault := wishes.wrong(written, wishes.OF_GRPC):
            self.end(_INVALID_ARGUMENT, f"no behaviour: {fault}")
            raise EndedError

    async def finish(self, written: Json) -> None:
        """Ends the call after its answer, as a behaviour says."""
        match written.get("ends"):
            case None:
                self.end()
            case "close":
                raise OurEndError
            case "reset":
                reset_connection(self.stream)
            case "hang":
                while True:
                    await self.stream.wait()
            case code:
                self.stream.reset(code)

    def response(self, kind: type[_MessageT], written: Json) -> _MessageT:
        """The behaviour's `answer`. Raises: EndedError where it cannot be one, which the status says."""
        try:
            return json_format.ParseDict(written.get("answer", {}), kind())
        except json_format.ParseError as error:
            self.end(_INVALID_ARGUMENT, str(error).replace("\n", " "))
            raise EndedError from None

    async def _be_like(self, name: str) -> None:
        for step in ANSWERS[name]:
            if (waits := step(self.stream)) is not None:
                await waits

    def _begin(self) -> None:
        if not self._has_begun:
            self.stream.send_headers(self._head())
            self._has_begun = True

    def _head(self) -> list[tuple[str, str]]:
        return [(":status", "200"), ("content-type", "application/grpc"), *self._more]


def behaviour(call: Call, text: str) -> Json:
    """What a text says. Raises: EndedError where it is no object of JSON, which the call's status says."""
    try:
        found = json.loads(text)
    except ValueError as error:
        found = str(error)
    if isinstance(found, dict):
        return by_turns(text, found)
    call.end(_INVALID_ARGUMENT, f"no behaviour: {found}")
    raise EndedError


def headers_told(came: Collection[tuple[str, str]]) -> list[str]:
    """The headers of a request of Envoy, without those of chance: ids, its version, what is left of a deadline."""
    rest = _OF_A_LIBRARY if any("grpc-c" in value for name, value in came if name == "user-agent") else frozenset[str]()
    return sorted(f"{name}: {value}" for name, value in came if name not in _OF_CHANCE | rest)


def metadata_of(stream: Stream, written: Json, asked: Json) -> Json:
    """What an answer's dynamic metadata says of the call, as its behaviour has it: what was asked, headers, nothing."""
    tell = written.get("tell", True)
    if tell == CALL:
        return {CALL: headers_told(stream.came)}
    return {"asked": asked} if tell else {}


def by_turns(text: str, written: Json) -> Json:
    """What an object says now that its text has come so often: what its `then` says, if that is not the first time."""
    if not isinstance(written, dict) or _THEN not in written:
        return written
    with _counting:
        times = _came[text]
        _came[text] += 1
    for _ in range(times):
        written = written.get(_THEN, written) if isinstance(written, dict) else written
    return written


def forget() -> None:
    """Whatever comes, comes for the first time."""
    with _counting:
        _came.clear()


def told(asked: Message) -> Json:
    """A message as JSON, with the names of its fields as in its proto file."""
    return json_format.MessageToDict(asked, preserving_proto_field_name=True)


def without(value: Json, names: frozenset[str]) -> Json:
    """A copy without the fields of those names, at any depth, and without what has one as its `key`."""
    if isinstance(value, dict):
        return {name: without(each, names) for name, each in value.items() if name not in names}
    if isinstance(value, list):
        return [without(each, names) for each in value if not (isinstance(each, dict) and each.get("key") in names)]
    return value
