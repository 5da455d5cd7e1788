"""The fields of probes that ask for a tunnel: CONNECT, and WebSocket."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from takeover.probes.entries import Bytes, ProbeEntry, StepEntry
from takeover.scenario.typed_yaml import Entry, Text


class TunnelEntry(ProbeEntry, kw_only=True):
    """A probe that asks for a tunnel.

    Args:
        over: `http1`, or `http2` (with prior knowledge).
        headers: `Name: value`, in order, after the usual ones; one of the same name stands in a usual one's place.
        without: names of usual headers that are left out (over HTTP/2 also `:scheme` and so on).
        eager: `true`: the steps are made at once, whatever the answer is, if there is any.
    """

    over: Literal["http1", "http2"] = "http1"
    headers: tuple[Bytes, ...] = ()
    without: tuple[Text, ...] = ()
    eager: bool = False


class ConnectEntry(TunnelEntry, kw_only=True):
    """A probe by CONNECT: the target, then bytes through the tunnel, once it is there.

    Args:
        target: to what it is to lead, `HOST:PORT`.
        host: the Host of its request; the target, if nothing is said.
        steps: what goes through it; an await is for any byte out of it.
    """

    target: Bytes
    host: Bytes | UnsetType = UNSET
    steps: tuple[StepEntry, ...] = ()


class WebSocketStepEntry(Entry):
    """One step of a WebSocket: a frame, bytes, an await, or the end of our direction.

    Args:
        text: a frame of text.
        binary: a frame of bytes.
        continuation: a frame that goes on with the message before.
        ping: a ping with these bytes.
        pong: a pong likewise.
        close: a close with this code; 0: without one.
        frame: a frame of this number, 0 to 15; its bytes are `payload`.
        send: bytes, which need be no frame.
        await_: waits for a frame: `text`, `binary`, `continuation`, `ping`, `pong`, `close`, or `any`. A second await
            of the same waits for a second one.
        end: `true`: ends our direction.
        reset: `true`: resets the connection; it is the last step.
        reason: of `close`: its text.
        payload: of `frame`: its bytes.
        fin: of frames: `false`: it does not end its message.
        masked: of frames: `false`: it is not masked, as a client's must be.
        reserved: of frames: the three bits that extensions use, 0 to 7.
        length: of frames: which length the frame's head claims, if not the right one.
    """

    text: Bytes | UnsetType = UNSET
    binary: Bytes | UnsetType = UNSET
    continuation: Bytes | UnsetType = UNSET
    ping: Bytes | UnsetType = UNSET
    pong: Bytes | UnsetType = UNSET
    close: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)] | UnsetType = UNSET
    frame: Annotated[int, msgspec.Meta(ge=0, le=15)] | UnsetType = UNSET
    send: Bytes | UnsetType = UNSET
    await_: Text = msgspec.field(name="await", default="")
    end: bool = False
    reset: bool = False
    reason: Bytes = ""
    payload: Bytes = ""
    fin: bool = True
    masked: bool = True
    reserved: Annotated[int, msgspec.Meta(ge=0, le=7)] = 0
    length: Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)] | UnsetType = UNSET


class WebSocketEntry(TunnelEntry, kw_only=True):
    """A WebSocket: the handshake (over HTTP/2 that of RFC 8441), then frames, once it is open.

    Args:
        path: the handshake's path; the group's prefix comes before one that begins with /.
        host: its Host; what the group says else, or probe.example; null: none.
        steps: what is sent once it is open. It ends with the peer's close, or with the last step if that is an await.
    """

    path: Bytes = "/"
    host: Bytes | UnsetType | None = UNSET
    steps: tuple[WebSocketStepEntry, ...] = ()
