"""The fields of probes.yaml and of the sets of probes: what every probe has, and what its protocol adds."""

from typing import Annotated, ClassVar, Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from takeover.model.request import TlsVersion
from takeover.scenario.declared import SupportEntry
from takeover.scenario.scenario_file import Port
from takeover.scenario.typed_yaml import Entry, Json, Text
from takeover.scenario.written_edits import EditEntry

_Byte = Annotated[int, msgspec.Meta(ge=0, le=255)]
_Length = Annotated[int, msgspec.Meta(ge=0, le=65535)]


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
    """One step of an exchange: one of send, await, end and reset.

    Args:
        send: sends these bytes.
        await_: `true`: waits until a head has come since the last step; over plain TCP: any byte.
        end: `true`: ends our direction of the connection; over TLS it says so first (close_notify).
        reset: `true`: resets the connection; it is the last step.
    """

    send: Bytes | UnsetType = UNSET
    await_: bool = msgspec.field(name="await", default=False)
    end: bool = False
    reset: bool = False


class TlsEntry(Entry):
    """TLS below a probe's protocol. The server's certificate is not judged, but observed.

    Args:
        server_name: the name that is asked for (SNI); without it: none.
        alpn: the protocols that are offered, such as `h2`; without it: none.
        client_certificate: a file beside this one with a certificate (PEM), and those that signed it.
        client_key: the file with its key; without it: the same file.
        min_version: the lowest version; TLSv1.2 if that is not above the highest.
        max_version: the highest version; without it: TLSv1.3.
        ciphers: a list of ciphers below TLSv1.3, as OpenSSL writes it.
        resume: `true`: all is done twice, and observed over a second connection, with the session of the first.
        hello: bytes that are sent in the place of a handshake; nothing follows them.
    """

    server_name: Text = ""
    alpn: tuple[Text, ...] = ()
    client_certificate: Text = ""
    client_key: Text = ""
    min_version: TlsVersion | UnsetType = UNSET
    max_version: TlsVersion | UnsetType = UNSET
    ciphers: Text = ""
    resume: bool = False
    hello: Bytes | UnsetType = UNSET


class TlvEntry(Entry):
    """Something more in a PROXY header.

    Args:
        type: `alpn`, `authority`, `crc32c`, `noop`, `unique_id`, `ssl`, `netns`, or a number.
        value: its bytes; of `crc32c` the right ones if none are written.
    """

    type: _Byte | Text
    value: Bytes | UnsetType = UNSET


class ProxyEntry(Entry):
    """A PROXY header before all else of a connection.

    Args:
        version: 1 or 2.
        command: `LOCAL`: the proxy itself connects (version 2).
        source: ADDRESS:PORT of the client that it tells of; with `destination`, or neither.
        destination: ADDRESS:PORT where that went.
        family: what it says that the addresses are, if they are not to decide: a word in version 1, a number in 2.
        tlvs: what follows the addresses (version 2).
        signature: bytes with which it begins, if not the right ones (version 2).
        length: what it says that follows, in bytes, if not the right number (version 2).
        raw: its bytes, in the place of all that.
    """

    version: Literal[1, 2] = 2
    command: Literal["PROXY", "LOCAL"] = "PROXY"
    source: Text = ""
    destination: Text = ""
    family: _Byte | Text | UnsetType = UNSET
    tlvs: tuple[TlvEntry, ...] = ()
    signature: Bytes | UnsetType = UNSET
    length: _Length | UnsetType = UNSET
    raw: Bytes | UnsetType = UNSET


class ProbeEntry(Entry):
    """What every probe has; its protocol adds the request.

    Args:
        name: tells it from the others of its group.
        from_: from which Pod it is made, `NAME` or `NAMESPACE/NAME`; what the group says else.
        container: from which of its containers; what the group says of its own Pod else, or the first one.
        to: where it goes; what the group says else.
        protocol: `http1`, `http2`, `tcp` or another one that is registered; what the group says else, or `http1`.
        answers: how many answers end it: over HTTP/1 (at least 1), and of the steps of HTTP/2; nothing else has it.
        until: it ends when what came ends with these bytes (over HTTP/1, TCP, CONNECT), over TCP the only end but the
            connection's; in the place of `answers`.
        within: for at most so many seconds is waited for what ends it.
        proxy: a PROXY header before all else; what the group says else; null: none.
        tls: TLS below the protocol; what the group says else; null: none.
        connections: so many at once: each does all of it and is kept, and the last one is what is observed.
        source_address: the address of its Pod's from which it comes, such as `127.0.0.2` to loopback; the kernel
            chooses one else.
    """

    name: Text
    from_: Text = msgspec.field(name="from", default="")
    container: Text = ""
    to: TargetEntry | UnsetType = UNSET
    protocol: Text = ""
    answers: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 1
    until: Bytes | UnsetType = UNSET
    within: Annotated[float, msgspec.Meta(gt=0, le=10)] = 2.0
    proxy: ProxyEntry | UnsetType | None = UNSET
    tls: TlsEntry | UnsetType | None = UNSET
    connections: Annotated[int, msgspec.Meta(ge=1, le=100)] = 1
    source_address: Text = ""


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
        body_after_answer: `true`: the body, or its chunks, are sent once an answer's head has come.
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
        proxy: a PROXY header before all else of its connections.
        tls: TLS below its protocol.
        upstream: `true`: what the upstream saw is observed, too, where one is deployed that control asks.
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
    proxy: ProxyEntry | None = None
    tls: TlsEntry | None = None
    upstream: bool = False
    sets: tuple[Text, ...] = ()
    probes: tuple[dict[str, Json], ...] = ()
