"""The fields of probes.yaml and of the sets of probes: what every probe has, and what its protocol adds."""

from typing import Annotated, ClassVar, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from takeover.scenario.declared import SupportEntry
from takeover.scenario.scenario_file import Port
from takeover.scenario.typed_yaml import Entry, Json, Text
from takeover.scenario.written_edits import EditEntry


class RepeatEntry(Entry):
    """A text many times.

    Args:
        repeat: the text.
        times: how often.
    """

    repeat: Text
    times: int


Bytes: TypeAlias = str | RepeatEntry | tuple[str | RepeatEntry, ...]
"""Bytes, a character each: a string, a repeat, or a list of both."""


class TargetEntry(Entry, kw_only=True):
    """Where a probe goes: one of service, pod and host, and the port there.

    Args:
        service: a Service, `NAME` or `NAMESPACE/NAME`.
        pod: a Pod, likewise.
        host: an address.
        port: the port.
    """

    service: Text = ""
    pod: Text = ""
    host: Text = ""
    port: Port


class StepEntry(Entry):
    """One step of an exchange: one of send, await and end.

    Args:
        send: sends these bytes.
        await_: `true`: waits until a head has come since the last step; over plain TCP: any byte.
        end: `true`: ends our direction of the connection.
    """

    send: Bytes | UnsetType = UNSET
    await_: bool = msgspec.field(name="await", default=False)
    end: bool = False


class ProbeEntry(Entry):
    """What every probe has; its protocol adds the request.

    Args:
        name: tells it from the others of its group.
        from_: from which Pod it is made, `NAME` or `NAMESPACE/NAME`; what the group says else.
        container: from which of its containers; what the group says of its own Pod else, or the first one.
        to: where it goes; what the group says else.
        protocol: `http1`, `http2`, `tcp` or another one that is registered; what the group says else, or `http1`.
        answers: how many answers end it.
        until: it ends when what came ends with these bytes, over TCP the only end but the connection's.
        within: for at most so many seconds is waited for what ends it.
    """

    name: Text
    from_: Text = msgspec.field(name="from", default="")
    container: Text = ""
    to: TargetEntry | UnsetType = UNSET
    protocol: Text = ""
    answers: int = 1
    until: Bytes | UnsetType = UNSET
    within: Annotated[float, msgspec.Meta(gt=0, le=10)] = 2.0


class RequestEntry(ProbeEntry):
    """The request of an HTTP probe."""

    method: Bytes = "GET"
    path: Bytes = "/"
    host: Bytes | UnsetType | None = UNSET
    headers: tuple[Bytes, ...] = ()
    body: Bytes | UnsetType = UNSET
    chunks: tuple[Bytes, ...] = ()
    trailers: tuple[Bytes, ...] = ()


class Http1Entry(RequestEntry):
    """A probe over HTTP/1: a request, or the steps of any exchange.

    Args:
        method: the request's method.
        path: its path; the group's prefix comes before one that begins with /.
        host: its Host; what the group says else, or probe.example; null: none.
        headers: `Name: value`, in order.
        body: its body, with its length.
        chunks: its body in chunks.
        trailers: `Name: value`, after the chunks.
        version: the version in its first line.
        body_after_answer: `true`: the body is sent once an answer's head has come.
        end: `true`: our direction of the connection is ended after the request.
        steps: the exchange step by step, in the place of a request.

    Attributes:
        REQUEST: the fields that only a request has.
    """

    REQUEST: ClassVar = (
        "path", "version", "host", "headers", "body", "chunks", "trailers", "body_after_answer", "end",
    )  # fmt: skip

    version: Text = "1.1"
    body_after_answer: bool = False
    end: bool = False
    steps: tuple[StepEntry, ...] = ()


class TcpEntry(ProbeEntry):
    """A probe over plain TCP.

    Args:
        steps: the exchange step by step.
    """

    steps: tuple[StepEntry, ...] = ()


class GroupEntry(Entry):
    """An entry of `probes.yaml`: probes that share a deployment, made one after the other.

    Args:
        group: tells it from the scenario's other groups.
        why: what it is there to show.
        supports: the Envoys that it supports, of those that its scenario does; without it: all of them.
        bases: what is deployed beside the scenario: folders of `bases`.
        edits: how the scenario is changed.
        from_: from which Pod its probes are made, `NAME` or `NAMESPACE/NAME`.
        container: from which of its containers; the first one, if none is named.
        to: where its probes go.
        host: the Host of its requests.
        prefix: comes before the paths of its requests.
        protocol: of its probes: `http1`, `http2`, `tcp` or another one that is registered.
        sets: sets of probes that several scenarios share: files of `bases/probes`, without `.yaml`.
        probes: its own probes, which come after those of the sets.
    """

    RENAMED: ClassVar = {"parts": "bases"}

    group: Text
    why: Text
    supports: SupportEntry | UnsetType = UNSET
    bases: tuple[Text, ...] = ()
    edits: tuple[EditEntry, ...] = ()
    from_: Text = msgspec.field(name="from", default="")
    container: Text = ""
    to: TargetEntry | UnsetType = UNSET
    host: Text = "probe.example"
    prefix: Text = ""
    protocol: Text = "http1"
    sets: tuple[Text, ...] = ()
    probes: tuple[dict[str, Json], ...] = ()
