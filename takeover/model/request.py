"""A probe's request as a record: all that it sends, enough to repeat it by hand."""

from typing import Literal

import msgspec
from msgspec.structs import replace

from takeover.model.repeats import Text, parts, whole


class _Part(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    pass


class ProbeTarget(_Part, frozen=True, kw_only=True):
    """Where it goes: a Service or a Pod by its name in the manifests, or an address; one of the three."""

    service: str | None = None
    pod: str | None = None
    host: str | None = None
    port: int


class ProbeStep(_Part, frozen=True):
    """Sends a text, waits for an answer's head or bytes, ends our direction of the connection, or resets it.

    Args:
        what: is sent, or waited for, in words, where that is not plain to see.
    """

    send: Text | None = None
    await_: bool = msgspec.field(default=False, name="await")
    end: bool = False
    what: str = ""
    reset: bool = False


TlsVersion = Literal["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]


class ProbeTls(_Part, frozen=True, kw_only=True):
    """TLS below the protocol, as a client offers it; files as `probes.yaml` names them.

    Args:
        server_name: the name that is asked for; empty: none.
        hello: bytes in the place of a handshake.
        resume: whether it is a second connection, with the session of a first.
    """

    server_name: str = ""
    alpn: list[str] = []
    client_certificate: str = ""
    client_key: str = ""
    min_version: TlsVersion
    max_version: TlsVersion
    ciphers: str = ""
    resume: bool = False
    hello: Text | None = None


class ProbeRequest(_Part, frozen=True, kw_only=True):
    """What a probe sends: a structured request, or steps. A character stands for a byte.

    Args:
        source: from where, "POD/CONTAINER" or "POD" (its first container).
        protocol: how its connection is spoken: http1, http2, tcp or another that was registered.
        host: the header Host; None: there is none.
        headers: "Name: value", in order; trailers likewise.
        chunks: of a body that is sent in chunks.
        body_after_answer: whether the body waits for an answer's head.
        end: whether our direction of the connection ends after it.
        steps: what is sent instead of all that, in order.
        proxy: the PROXY header that is sent before all else.
        tls: what lies below the protocol; None: nothing does.
        connections: how many there are at once, each with all of it.
        source_address: from which address of the Pod's they come; empty: from one that the kernel chooses.
    """

    source: str = msgspec.field(name="from")
    to: ProbeTarget
    protocol: str
    method: Text | None = None
    path: Text | None = None
    version: str | None = None
    host: Text | None = None
    headers: list[Text] = []
    body: Text | None = None
    chunks: list[Text] = []
    trailers: list[Text] = []
    body_after_answer: bool = False
    end: bool = False
    steps: list[ProbeStep] | None = None
    proxy: Text | None = None
    tls: ProbeTls | None = None
    connections: int = 1
    source_address: str = ""

    def in_parts(self) -> "ProbeRequest":
        """The request with its texts in parts: what it repeats is told, not written out."""
        return replace(
            self,
            method=_parts(self.method),
            path=_parts(self.path),
            host=_parts(self.host),
            headers=[parts(whole(each)) for each in self.headers],
            body=_parts(self.body),
            chunks=[parts(whole(each)) for each in self.chunks],
            trailers=[parts(whole(each)) for each in self.trailers],
            steps=self.steps and [replace(each, send=_parts(each.send)) for each in self.steps],
            proxy=_parts(self.proxy),
            tls=self.tls and replace(self.tls, hello=_parts(self.tls.hello)),
        )


def _parts(text: Text | None) -> Text | None:
    return None if text is None else parts(whole(text))
