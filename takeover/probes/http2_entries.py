"""The fields that a probe over HTTP/2 has: a request, or frames step by step."""

from typing import Annotated, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from takeover.probes.entries import Bytes, RequestEntry
from takeover.scenario.typed_yaml import Entry, Text

Name = Annotated[str, msgspec.Meta(min_length=1)] | Annotated[int, msgspec.Meta(ge=0, le=0xFFFF_FFFF)]
"""A number by its name in RFC 9113 (`CANCEL`), or as it is."""
_Number = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF_FFFF)]


class Http2StepEntry(Entry):
    """One step over HTTP/2: a frame, bytes, an await, the end of our direction, or several steps again and again.

    Args:
        settings: SETTINGS: `NAME: VALUE` in order; a name is RFC 9113's, or a number.
        headers: HEADERS: `name: value` in order, pseudo-headers wherever they stand.
        continuation: CONTINUATION, likewise.
        data: DATA with these bytes.
        rst_stream: RST_STREAM with this code.
        goaway: GOAWAY with this code.
        window_update: WINDOW_UPDATE by so much.
        ping: PING with these bytes (8, if they are to be right).
        priority: PRIORITY with this weight, 1 to 256.
        frame: a frame of this type, also one that nobody knows.
        send: bytes, which need be no frame.
        await_: waits for a frame: `headers`, `data`, `settings`, `settings_ack`, `rst_stream`, `goaway`, `ping`,
            `ping_ack`, `window_update`; for a `response` (a head that is not 1xx) or a `stream_end` (END_STREAM or
            RST_STREAM). A second await of the same waits for a second one.
        end: `true`: ends our direction of the connection.
        reset: `true`: resets the connection; it is the last step.
        repeat: makes the `steps` so many times.
        steps: of `repeat`.
        increase: of `repeat`: by how much the streams of the steps are higher each time; 2, if nothing is said.
        stream: of the frame (0 for `settings`, `goaway`, `ping` and `window_update`, 1 for others, if nothing is said);
            of an await: any, if nothing is said.
        flags: its flags, in the place of the usual ones (END_HEADERS for `headers` and `continuation`, none else).
        end_stream: `true`: END_STREAM is one of them, too.
        block: of `headers` and `continuation`: bytes that stand in the block after the headers.
        split: of `headers`: the block is cut into pieces of so many bytes, the first in HEADERS, others in
            CONTINUATION, of which the last one has END_HEADERS.
        padding: of `headers` and `data`: so many bytes of padding.
        depends_on: of `priority`: on which stream.
        exclusive: of `priority`: `true`: alone.
        last_stream: of `goaway`.
        debug: of `goaway`: its debug data.
        payload: of `frame`: its bytes.
        length: which length the frame's head claims, if not the right one.
    """

    settings: tuple[Text, ...] | UnsetType = UNSET
    headers: tuple[Bytes, ...] | UnsetType = UNSET
    continuation: tuple[Bytes, ...] | UnsetType = UNSET
    data: Bytes | UnsetType = UNSET
    rst_stream: Name | UnsetType = UNSET
    goaway: Name | UnsetType = UNSET
    window_update: _Number | UnsetType = UNSET
    ping: Bytes | UnsetType = UNSET
    priority: Annotated[int, msgspec.Meta(ge=1, le=256)] | UnsetType = UNSET
    frame: Name | UnsetType = UNSET
    send: Bytes | UnsetType = UNSET
    await_: Text = msgspec.field(name="await", default="")
    end: bool = False
    reset: bool = False
    repeat: Annotated[int, msgspec.Meta(ge=1, le=10_000)] | UnsetType = UNSET
    steps: "tuple[Http2StepEntry, ...]" = ()
    increase: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 2
    stream: _Number | UnsetType = UNSET
    flags: tuple[Name, ...] | UnsetType = UNSET
    end_stream: bool = False
    block: Bytes = ""
    split: Annotated[int, msgspec.Meta(ge=1, le=1 << 20)] | UnsetType = UNSET
    padding: Annotated[int, msgspec.Meta(ge=0, le=255)] | UnsetType = UNSET
    depends_on: _Number = 0
    exclusive: bool = False
    last_stream: _Number = 0
    debug: Bytes = ""
    payload: Bytes = ""
    length: Annotated[int, msgspec.Meta(ge=0, lt=1 << 24)] | UnsetType = UNSET


class Http2Entry(RequestEntry):
    """A probe over HTTP/2: a request, or frames step by step.

    Args:
        method: the request's method.
        path: its path; the group's prefix comes before one that begins with /.
        host: its authority; what the group says else, or probe.example; null: none.
        headers: `name: value`, in order.
        body: its body.
        chunks: its body in frames.
        trailers: `name: value`, after the body.
        steps: frames in the place of a request. An answer then is a stream that ends; `answers` is, if nothing is said,
            of how many streams there are HEADERS and no RST_STREAM among the steps, at least 1.
        preface: of steps: whether the 24 bytes come first with which every client begins.
        automatic: of steps: whether SETTINGS and PING are acknowledged, and windows given back, without a step.

    Attributes:
        REQUEST: the fields that only a request has.
        STEPS: those that only steps have.
    """

    REQUEST: ClassVar = ("method", "path", "host", "headers", "body", "chunks", "trailers")
    STEPS: ClassVar = ("preface", "automatic")

    steps: tuple[Http2StepEntry, ...] = ()
    preface: bool = True
    automatic: bool = True
