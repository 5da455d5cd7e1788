"""What the parts of a check hand each other: what was given, the world around it, what the probes aim at."""

from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from takeover.model.json import JsonObject

Kind: TypeAlias = Literal["bootstrap", "config dump"]


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    pass


class Place(_Part, frozen=True):
    """Where something stands in what was given.

    Args:
        file: as the user named it.
        path: in Envoy's own terms, such as `static_resources.listeners[0].filter_chains[1]`; empty: the whole file.
        line: from 1 on; None where the form has no lines of its own (a dump in one line).
    """

    file: str
    path: str = ""
    line: int | None = None


class Different(_Part, frozen=True):
    """One thing that is not as in production: it stands on top of the report.

    Args:
        what: in words, such as "`dns_resolvers` answer from a server of this run".
        why: the reason, in words.
    """

    what: str
    why: str
    place: Place | None = None


class Resource(_Part, frozen=True):
    """A resource of xDS that a control plane served, or a bootstrap has in it.

    Args:
        type_url: `type.googleapis.com/envoy.config.listener.v3.Listener` …
        data: as JSON in Envoy's own form, fields by their names in the proto files, `@type` first.
        name: as it says itself; of a listener without one its address (HOST:PORT); of all else the path of its place.
        is_static: whether it stands in the bootstrap; others are served over ADS.
        is_inline: whether it stands inside another resource (a route configuration in its listener, endpoints in their
            cluster), and comes with that one.
    """

    type_url: str
    name: str
    data: JsonObject
    place: Place
    is_static: bool = True
    is_inline: bool = False


class Given(_Part, frozen=True):
    """What was given, read.

    Args:
        name: for ids and titles: the file's name without its ending, small letters, digits and hyphens.
        bootstrap: as Envoy would get it, but with nothing of it changed yet.
        resources: all listeners, clusters, routes (inline ones too, as resources of their own), endpoints, secrets and
            extension configs, the static ones included.
        files: files that the user gave, by the path by which the configuration names them (`--files`).
        different: what had to be changed to read it, such as secrets that a dump redacts.
        unknown_fields: the places of fields that the API installed here does not know; an Envoy may.
    """

    name: str
    kind: Kind
    source: Path
    bootstrap: JsonObject
    resources: tuple[Resource, ...]
    files: dict[str, Path] = {}
    different: tuple[Different, ...] = ()
    unknown_fields: tuple[Place, ...] = ()


class Asked(_Part, frozen=True):
    """A request of somebody's own.

    Args:
        entry: as an entry of probes.yaml has it, with its name, without `from` and `to`.
        place: where it is written.
        host: whom it is for, without the port: the listener that takes it is found by it and by the port.
        port: None: nothing says.
        secrets: texts in it that may be sent, and neither stored nor shown.
    """

    entry: JsonObject
    place: Place
    host: str
    port: int | None = None
    is_tls: bool = False
    secrets: frozenset[str] = frozenset()


class Way(_Part, frozen=True):
    """How a probe reaches a listener.

    Args:
        listener: its name.
        pod: from which Pod of the scenario, and `container` in it, the probe dials.
        host: the address that is dialled, `port` at it; what a rule intercepts on its way to the listener included.
        original: the address that the listener takes for the original destination, where it is intercepted.
    """

    listener: str
    pod: str
    container: str
    host: str
    port: int
    original: str = ""


class Service(_Part, frozen=True):
    """What a cluster's other end is to the configuration.

    Args:
        kind: "application", or what is asked: "ext_authz", "ext_proc", "rate_limit", "jwks", "access_log", "tracing",
            "metrics", "xds", "http" (others that a filter asks over HTTP), "dns", "redis", "thrift".
        place: what in the configuration says so.
    """

    kind: str
    place: Place | None = None


class Dialled(_Part, frozen=True):
    """An address that the configuration dials, and what answers there.

    Args:
        host: as the configuration has it: a name, an IP address, or the path of a socket (port 0).
        address: the address of its own that the name resolves to; that of `host` where it is an address.
        cluster: whose endpoint it is.
        server_names: those that its certificate is for; empty where it speaks no TLS.
        alpn: what it offers.
    """

    host: str
    address: str
    port: int
    cluster: str
    service: Service
    server_names: tuple[str, ...] = ()
    alpn: tuple[str, ...] = ()


class World(_Part, frozen=True):
    """A scenario's folder that has the configuration, and what it needs around it.

    Args:
        scenario: the folder: scenario.yaml, kustomization.yaml, Pods, envoy.yaml, config/ of the control plane.
        pod: the name of Envoy's Pod, `container` of its container.
        ways: for each listener that can be reached from outside of Envoy.
        unreached: the others, each with its reason in words.
        missing: paths of files that Envoy reads, that nobody gave and that cannot be made.
        apart: clusters to which no probe leads in this world, by name, each with its reason in words.
        client_certificate: a client's certificate with its key that the configuration's validation accepts, a file in
            the scenario's folder (PEM), as probes.yaml names it; empty where no listener asks for one.
        client_names: by which Envoy knows who shows it.
    """

    scenario: Path
    pod: str
    container: str
    ways: tuple[Way, ...]
    dialled: tuple[Dialled, ...]
    different: tuple[Different, ...] = ()
    unreached: dict[str, str] = {}
    apart: dict[str, str] = {}
    missing: tuple[str, ...] = ()
    client_certificate: str = ""
    client_names: tuple[str, ...] = ()


class Target(_Part, frozen=True):
    """What a probe aims at.

    Args:
        probe: its id, GROUP/NAME.
        listener: by name; `chain` by name or number in it; `host` the virtual host's name; `route` its number in it.
        scope: that of the table of routes, where routes are scoped.
        condition: what it tries: "matches", or the condition that it just misses, such as "header x-tenant: another";
            or the feature whose edge it is at.
        expects: the cluster or kind of answer that our reading of the configuration expects, of connections the filter
            chain (`chain NAME`); empty where it has none.
    """

    probe: str
    listener: str
    chain: str = ""
    host: str = ""
    scope: str = ""
    route: int | None = None
    condition: str = "matches"
    expects: str = ""


class Derived(_Part, frozen=True):
    """The probes that were worked out.

    Args:
        text: of probes.yaml.
        left_out: how many more there would be, by the bound that left them out.
        unasked: parts of the configuration that no probe aims at, by place, with the reason in words.
        different: what the probes change beside it, so that what is of chance is certain.
        sources: the addresses from which probes come, and which Envoy's Pod must have for that.
    """

    text: str
    targets: tuple[Target, ...]
    left_out: dict[str, int] = {}
    unasked: dict[str, str] = {}
    different: tuple[Different, ...] = ()
    sources: tuple[str, ...] = ()
