"""A resource: out of the YAML or JSON that people write, as Envoy's own file subscription has it."""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from envoy.service.discovery.v3 import discovery_pb2
from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message

from takeover.peers.control_plane import protos
from takeover.peers.control_plane.discovery import CDS, EDS, PREFIX, short_name
from takeover.peers.control_plane.written import WrittenError, kind

_WRAPPER = PREFIX + "envoy.service.discovery.v3.Resource"
_RAW = "@bytes"


class ResourceError(WrittenError):
    """A resource that is wrong: in one line, which, and what of it."""


@dataclass(frozen=True)
class Resource:
    """One resource as it is sent.

    Args:
        url: of its type.
        name: by which it is asked for.
        data: its message on the wire.
        version: of the snapshot that changed it last.
        aliases: other names by which it may be asked for; who does not, does not get a resource that has any.
        ttl: seconds after which who has it forgets it; None: never.
        needs: names of the resources of EDS that it refers to.
        is_absent: there is no such resource: the answer says so under its name.
    """

    url: str
    name: str
    data: bytes
    version: str = ""
    aliases: tuple[str, ...] = ()
    ttl: float | None = None
    needs: tuple[str, ...] = ()
    is_absent: bool = False

    @property
    def is_of_url(self) -> bool:
        """Whether its name is a URL (xdstp://AUTHORITY/TYPE/ID), by which it may belong to a collection."""
        return self.name.startswith("xdstp:")

    @property
    def names(self) -> set[str]:
        """All by which it may be asked for: its name, its aliases, and its collection's (xdstp://AUTHORITY/TYPE/…/*)."""
        found = {self.name, *self.aliases}
        if self.is_of_url:
            path, mark, parameters = self.name.partition("?")
            found.add(f"{path.rpartition('/')[0]}/*{mark}{parameters}")
        return found

    @property
    def content(self) -> tuple[bytes, tuple[str, ...], float | None]:
        """What makes another resource of it."""
        return self.data, self.aliases, self.ttl


def parse_all(written: Any, what: str = "resources") -> list[Resource]:
    """The resources of a list, which is called `what`. Raises: ResourceError."""
    if not isinstance(written, list):
        raise ResourceError(f"{what} is no list")
    return [parse(each, f"{what}[{index}]") for index, each in enumerate(written)]


def parse(written: Any, where: str, name: str = "") -> Resource:
    """One resource.

    Args:
        written: an object with "@type", and either the fields of its message or "@bytes" (base64): the message itself.
            The type envoy.service.discovery.v3.Resource stands around another one, for name, aliases and ttl.
        where: how it is called as long as its name is not known.
        name: of one whose message has none.

    Raises: ResourceError.
    """
    if not isinstance(written, dict):
        raise ResourceError(f"{where} is no object")
    fields = dict(written)
    url = fields.pop("@type", None)
    if not isinstance(url, str):
        raise ResourceError(f'{where} has no "@type"')
    try:
        url = kind(url)
    except WrittenError as error:
        raise ResourceError(f"{where}: {error}") from None
    if url == _WRAPPER:
        return _unwrapped(fields, where)
    named = fields.get("cluster_name" if url == EDS.url else "name")
    where = f"{where} ({short_name(url)} {named})" if isinstance(named, str) else f"{where} ({short_name(url)})"
    if _RAW in fields:
        return _raw(url, fields, where)
    try:
        message = protos.parse(url, fields)
    except (protos.UnknownTypeError, ValueError) as error:
        raise ResourceError(f'{where}: {error}; what these protos lack goes as "{_RAW}" (base64)') from None
    return _made(url, message, message.SerializeToString(deterministic=True), where, name)


def _raw(url: str, fields: dict[str, Any], where: str) -> Resource:
    try:
        data = base64.b64decode(fields[_RAW], validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise ResourceError(f"{where}: {_RAW} is no base64: {error}") from None
    if isinstance(fields.get("name"), str):
        return Resource(url, fields["name"], data)
    try:
        return _made(url, protos.message_class(url).FromString(data), data, where)
    except (protos.UnknownTypeError, DecodeError) as error:
        raise ResourceError(f'{where}: say its "name" beside {_RAW}: {error}') from None


def _unwrapped(fields: dict[str, Any], where: str) -> Resource:
    name = fields.get("name")
    inner = parse(fields.pop("resource", None), f"{where}.resource", name if isinstance(name, str) else "")
    try:
        outer = protos.parse(_WRAPPER, fields)
    except ValueError as error:
        raise ResourceError(f"{where}: {error}") from None
    assert isinstance(outer, discovery_pb2.Resource)
    ttl = outer.ttl.ToNanoseconds() / 1e9 if outer.HasField("ttl") else None
    return Resource(
        inner.url, outer.name or inner.name, inner.data, aliases=tuple(outer.aliases), ttl=ttl, needs=inner.needs
    )


def _made(url: str, message: Message, data: bytes, where: str, otherwise: str = "") -> Resource:
    name = getattr(message, "cluster_name" if url == EDS.url else "name", "") or otherwise
    if not isinstance(name, str) or not name:
        raise ResourceError(f"{where} has no name")
    return Resource(url, name, data, needs=_needs(url, message))


def _needs(url: str, message: Any) -> tuple[str, ...]:
    if url != CDS.url or message.type != message.EDS:
        return ()
    config = message.eds_cluster_config
    if not (config.eds_config.HasField("ads") or config.eds_config.HasField("api_config_source")):
        return ()
    return (config.service_name or message.name,)


def written(resource: Resource) -> dict[str, Any]:
    """The resource as `parse` takes it."""
    try:
        message = protos.message_class(resource.url).FromString(resource.data)
        protos.import_packed(message)
        made = {"@type": resource.url, **json_format.MessageToDict(message, preserving_proto_field_name=True)}
        is_whole = parse(made, resource.name).data == resource.data
    except (protos.UnknownTypeError, DecodeError, TypeError, ResourceError):
        is_whole = False
    if not is_whole:
        made = {"@type": resource.url, "name": resource.name, _RAW: base64.b64encode(resource.data).decode()}
    if not resource.aliases and resource.ttl is None:
        return made
    ttl = {} if resource.ttl is None else {"ttl": f"{resource.ttl:.9f}s"}
    return {"@type": _WRAPPER, "name": resource.name, "aliases": list(resource.aliases), **ttl, "resource": made}


def wrapped(resource: Resource) -> discovery_pb2.Resource:
    """The resource with its name, version, aliases and time to live."""
    made = discovery_pb2.Resource(name=resource.name, version=resource.version, aliases=resource.aliases)
    if not resource.is_absent:
        made.resource.type_url = resource.url
        made.resource.value = resource.data
    if resource.ttl is not None:
        made.ttl.FromNanoseconds(round(resource.ttl * 1e9))
    return made


def pack(resources: Iterable[Resource], response: discovery_pb2.DiscoveryResponse) -> None:
    """Adds resources to a response by state of the world: those with a time to live stand in a Resource."""
    for each in resources:
        packed = response.resources.add()
        if each.ttl is None and not each.is_absent:
            packed.type_url, packed.value = each.url, each.data
        else:
            packed.type_url, packed.value = _WRAPPER, wrapped(each).SerializeToString()
