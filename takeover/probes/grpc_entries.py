"""The fields of a probe over gRPC."""

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from takeover.probes.entries import Bytes, ProbeEntry
from takeover.probes.http2_entries import Name
from takeover.scenario.typed_yaml import Entry, Text


class GrpcStepEntry(Entry):
    """One step of a call: a message, an await, our last word, or a cancellation.

    Args:
        message: sends a message with these bytes.
        hex: sends a message whose bytes are written in hexadecimal.
        send: bytes of the body, which need be no message.
        await_: waits for the `headers`, a `message`, or the `end` of the call. A second await of the same waits for a
            second one.
        end: `true`: says that no message follows.
        reset: `true`: resets the connection; it is the last step.
        cancel: ends the call by RST_STREAM with this code.
        flag: of a message: the byte before its length; 1 says that it is compressed.
        length: of a message: which length its head claims, if not the right one.
    """

    message: Bytes | UnsetType = UNSET
    hex: str | UnsetType = UNSET
    send: Bytes | UnsetType = UNSET
    await_: Text = msgspec.field(name="await", default="")
    end: bool = False
    reset: bool = False
    cancel: Name | UnsetType = UNSET
    flag: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0
    length: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF_FFFF)] | UnsetType = UNSET


class GrpcEntry(ProbeEntry, kw_only=True):
    """A call over gRPC: its messages, or step by step.

    Args:
        path: `/PACKAGE.SERVICE/METHOD`; the group's prefix comes before one that begins with /.
        host: its authority; what the group says else, or probe.example; null: none.
        timeout: its deadline as the header `grpc-timeout` has it: `200m` is 200 milliseconds.
        metadata: `name: value`, in order, after the usual headers; one of the same name stands in a usual one's place.
        without: names of usual headers that are left out (also `:scheme` and so on).
        messages: its messages; after the last one nothing follows from our side.
        steps: in their place: the call step by step.
    """

    path: Bytes
    host: Bytes | UnsetType | None = UNSET
    timeout: str = ""
    metadata: tuple[Bytes, ...] = ()
    without: tuple[Text, ...] = ()
    messages: tuple[Bytes, ...] = ()
    steps: tuple[GrpcStepEntry, ...] = ()
