"""What Envoy and the destinations wrote down: their access logs, one JSON object a line."""

import json
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from takeover.model.json import WrittenNumber

TEXT = "log: "
"""How a line of text begins that is an access log's, where a scenario has such: Envoy's own log says so of none."""


class Entry(msgspec.Struct, frozen=True):
    """One entry of Envoy's access log: an HTTP request, or a connection that was passed on as it is.

    `flags` are Envoy's response flags (`UH`, `NR`, …; `-` for none). What Envoy has no value for is None.
    `upstream_local` is the address from which it dialled the upstream; not there where the log does not tell it.
    """

    listener: str
    flags: str
    original_destination: str
    downstream_remote: str
    filter_chain: str | None = None
    upstream_cluster: str | None = None
    upstream_host: str | None = None
    termination: str | None = None
    bytes_received: int = 0
    bytes_sent: int = 0
    route: str | None = None
    method: str | None = None
    path: str | None = None
    authority: str | None = None
    protocol: str | None = None
    status: int | None = None
    details: str | None = None
    request_id: str | None = None
    upstream_local: str | UnsetType | None = UNSET


class Arrival(msgspec.Struct, frozen=True):
    """One request as the destination saw it: who connected, and what arrived.

    `server` is the address at which it arrived. `verdict` and what follows are told by the authentication service only.
    """

    time: float
    client: str
    server: str
    method: str
    uri: str
    host: str
    status: int
    request_id: str = ""
    protocol: str = ""
    version: str = ""
    x_auth_user: str = ""
    connection: int = 0
    connection_requests: int = 0
    bytes: int = 0
    verdict: int | None = None
    authorization: str = ""
    user: str = ""
    original_path: str = ""

    @property
    def client_ip(self) -> str:
        """The client's address without its port."""
        return self.client.rpartition(":")[0]


def lines_of(log: str) -> list[str]:
    """The lines of a container's log that are whole. Nothing but a line feed ends one.

    `str.splitlines` would end them at U+0085, U+2028 and others, too, which stand in values of headers as they came.
    """
    *whole, _ = log.split("\n")
    return [line.removesuffix("\r") for line in whole]


def json_lines(log: str) -> list[str]:
    """The lines of a container's log that are whole and hold an object; what else it wrote is left out."""
    return [line for line in lines_of(log) if line.startswith("{") and line.endswith("}")]


def written_lines(log: str) -> list[str]:
    """The lines of a container's log that its access loggers wrote: those of JSON, and of text that begins so."""
    return [line for line in lines_of(log) if line.startswith(TEXT) or (line.startswith("{") and line.endswith("}"))]


def entries(lines: Iterable[str]) -> list[Entry]:
    """Lines of Envoy's access log."""
    return [msgspec.json.decode(line, type=Entry) for line in lines]


def as_written(line: str) -> dict[str, Any]:
    """Such a line with all that is in it, whatever a config names there: each number as it is written.

    Of a line of text what follows its beginning is the field `text`; one that is to be JSON and is not, as where Envoy
    writes a number that is infinite, is the field `not_json`.
    """
    if line.startswith(TEXT):
        return {"text": line.removeprefix(TEXT)}
    try:
        entry: dict[str, Any] = json.loads(line, parse_float=WrittenNumber)
    except ValueError:
        return {"not_json": line}
    return entry


def arrivals(lines: Iterable[str]) -> list[Arrival]:
    """Lines of an nginx's access log."""
    return [msgspec.json.decode(line, type=Arrival) for line in lines]
