"""mesh.yaml: what people want of the mesh beside what Kubernetes knows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from takeover.peers.mini_mesh.manifests import MeshError
from takeover.peers.yaml_data import YamlError, read_yaml

_HEADER = re.compile(r"[A-Za-z0-9-]+")
_PATH = re.compile(r"/[!-~]*")
_MATCHED = re.compile(r":?[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A header of a request, or a pseudo header: RFC 9110's token."""
_VALUE = re.compile(r"[ !#-\[\]-~]+")
_MOST = (1 << 32) - 1
"""The largest number that Envoy's fields have room for (uint32)."""
_LONGEST = 9_223_372_035
"""Seconds: Envoy counts nanoseconds by 63 bits."""


@dataclass(frozen=True)
class Limit:
    """A bucket of tokens: it begins full, and every so many seconds one comes back."""

    requests: int
    every: float


@dataclass(frozen=True)
class GatewayRoute:
    """Which requests go where.

    Args:
        path: what their path begins with.
        headers: name → value that they must have.
        to: Service → its weight.
        chosen_by: the header by which a request may say the number that chance would give.
        limit: how many of them there may be.
    """

    path: str
    headers: tuple[tuple[str, str], ...]
    to: tuple[tuple[str, int], ...]
    chosen_by: str
    limit: Limit | None


@dataclass(frozen=True)
class Gateway:
    """The way in: its port, and the first route that fits counts."""

    port: int
    hosts: tuple[str, ...]
    routes: tuple[GatewayRoute, ...]


@dataclass(frozen=True)
class Wishes:
    """What mesh.yaml says.

    Args:
        outbound: whether what is for nobody of the mesh may leave a Pod: "allow" or "block".
        mutual_tls: "strict", or "permissive": who does not speak TLS is taken, too.
        header: the name and value of the header that a sidecar gives the answers of the mesh; none for an empty name.
        requests_per_connection: how many requests a connection of an Envoy's own takes; 0: as many as come.
        gateway: None: no gateway has anything to do.
    """

    outbound: str
    mutual_tls: str
    header: tuple[str, str]
    requests_per_connection: int
    gateway: Gateway | None


def read_data(text: str) -> Any:
    """What mesh.yaml says, as data. Raises: MeshError."""
    try:
        found = read_yaml(text)
    except YamlError as error:
        raise MeshError(f"mesh.yaml: no YAML: {error}") from error
    if len(found) > 1:
        raise MeshError(f"mesh.yaml: must hold one YAML document, not {len(found)}")
    return found[0] if found else None


def read_wishes(data: Any) -> Wishes:
    """Reads the data of mesh.yaml strictly.

    Raises: MeshError that names the place.
    """
    return _Reading(data, "").wishes()


def merged(data: Any, patch: Any) -> Any:
    """The data with a patch, as RFC 7386 has it: null takes away, a list takes the place of another."""
    if not isinstance(patch, dict):
        return patch
    found = dict(data) if isinstance(data, dict) else {}
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = merged(found.get(key), value)
    return found


@dataclass(frozen=True)
class _Reading:
    """A value of the file, and where it is."""

    data: Any
    at: str

    def wishes(self) -> Wishes:
        fields = self._fields("outbound", "mutualTls", "header", "requestsPerConnection", "gateway")
        return Wishes(
            outbound=self._one_of(fields, "outbound", "allow", "block"),
            mutual_tls=self._one_of(fields, "mutualTls", "strict", "permissive"),
            header=fields["header"].header() if "header" in fields else ("", ""),
            requests_per_connection=fields["requestsPerConnection"].number()
            if "requestsPerConnection" in fields
            else 0,
            gateway=fields["gateway"].gateway() if "gateway" in fields else None,
        )

    def header(self) -> tuple[str, str]:
        needed = self._needed(self._fields("name", "value"), "name", "value")
        printable = "must be printable ASCII without quotes and backslashes: it is put into Lua"
        name = needed["name"].matching(_HEADER, "must be the name of a header")
        return name, needed["value"].matching(_VALUE, printable)

    def gateway(self) -> Gateway:
        fields = self._fields("port", "hosts", "routes")
        needed = self._needed(fields, "port", "hosts", "routes")
        hosts = tuple(each.text() for each in needed["hosts"]._list())
        again = next((each for each in hosts if [other.lower() for other in hosts].count(each.lower()) > 1), None)
        if again is not None:
            raise needed["hosts"]._error(f"has {again} twice")
        return Gateway(needed["port"].number(1, 65535), hosts, tuple(each.route() for each in needed["routes"]._list()))

    def route(self) -> GatewayRoute:
        fields = self._fields("path", "headers", "to", "chosenBy", "limit")
        to = {key: each.number() for key, each in self._needed(fields, "to")["to"]._mapping().items()}
        if not sum(to.values()):
            raise fields["to"]._error("at least one Service must have a weight above 0")
        if sum(to.values()) > _MOST:
            raise fields["to"]._error(f"the sum of the weights must be at most {_MOST}")
        headers = fields["headers"]._mapping() if "headers" in fields else {}
        for each in headers:
            if not _MATCHED.fullmatch(each):
                raise fields["headers"]._error(f"has {each!r}, which is no name of a header")
        return GatewayRoute(
            path=fields["path"].matching(_PATH, "must begin with /") if "path" in fields else "/",
            headers=tuple((name, each.text()) for name, each in headers.items()),
            to=tuple(to.items()),
            chosen_by=fields["chosenBy"].matching(_MATCHED, "must be the name of a header")
            if "chosenBy" in fields
            else "",
            limit=fields["limit"].limit() if "limit" in fields else None,
        )

    def limit(self) -> Limit:
        needed = self._needed(self._fields("requests", "every"), "requests", "every")
        every = needed["every"].data
        if isinstance(every, bool) or not isinstance(every, int | float) or not 0.05 <= every <= _LONGEST:
            least_and_most = f"at least 0.05 and at most {_LONGEST}: Envoy takes no less and no more"
            raise needed["every"]._error(f"must be a number of seconds, {least_and_most}")
        return Limit(needed["requests"].number(1), float(every))

    def text(self) -> str:
        if not isinstance(self.data, str) or not self.data:
            raise self._error("must be text: put it in quotes")
        return self.data

    def matching(self, pattern: re.Pattern[str], what: str) -> str:
        """Text of that form; `what` says of which."""
        if not pattern.fullmatch(text := self.text()):
            raise self._error(what)
        return text

    def number(self, least: int = 0, most: int = _MOST) -> int:
        if isinstance(self.data, bool) or not isinstance(self.data, int) or not least <= self.data <= most:
            raise self._error(f"must be a whole number, at least {least} and at most {most}")
        return self.data

    def _one_of(self, fields: Mapping[str, "_Reading"], key: str, *words: str) -> str:
        """The first word, where the field is left out."""
        value = fields[key].data if key in fields else words[0]
        if value not in words:
            raise fields[key]._error(f"must be {' or '.join(words)}")
        return str(value)

    def _needed(self, fields: Mapping[str, "_Reading"], *keys: str) -> Mapping[str, "_Reading"]:
        if missing := [each for each in keys if each not in fields]:
            raise self._error(f"lacks {', '.join(missing)}")
        return fields

    def _fields(self, *known: str) -> dict[str, "_Reading"]:
        found = self._mapping()
        if unknown := next((each for each in found if each not in known), None):
            raise self._error(f"has no field {unknown}; there are {', '.join(known)}")
        return found

    def _mapping(self) -> dict[str, "_Reading"]:
        if not isinstance(self.data, dict) or not all(isinstance(each, str) for each in self.data):
            raise self._error("must be a mapping")
        return {key: _Reading(value, f"{self.at}.{key}".lstrip(".")) for key, value in self.data.items()}

    def _list(self) -> list["_Reading"]:
        if not isinstance(self.data, list) or not self.data:
            raise self._error("must be a list with something in it")
        return [_Reading(each, f"{self.at}[{index}]") for index, each in enumerate(self.data)]

    def _error(self, what: str) -> MeshError:
        return MeshError(f"mesh.yaml: {self.at or 'the file'} {what}")
