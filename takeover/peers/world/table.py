"""What is to answer where: `table.json` in the folder /etc/world, beside the certificates that it names.

{"control": 9999, "owner": 0, "addresses": ["10.1.2.3"], "names": {"app.test": "198.18.0.1"},
"places": [{"address": "10.1.2.3", "port": 443, "kind": "application", "is_http": true,
"certificate": "app", "alpn": ["h2"]}]}
"""

import json
import os
from typing import Any, NamedTuple

FOLDER = os.environ.get("WORLD_FOLDER", "/etc/world")
FILE = "table.json"
CLIENTS = "clients.pem"
"""Beside it, where Envoy has certificates that the run's authority has not signed."""


class HealthRequest(NamedTuple):
    """What a health check of HTTP asks, and what is answered.

    Args:
        host: the authority by which it is told from another one with the same path.
        agent: its header user-agent; empty: any.
        headers: lines of the answer.
        body: of the answer, in hex.
    """

    method: str
    path: str
    host: str = ""
    agent: str = ""
    status: int = 200
    headers: tuple[str, ...] = ()
    body: str = ""


class Place(NamedTuple):
    """Where something answers.

    Args:
        address: of IPv4 or IPv6, or the path of a socket.
        port: 0 for a path.
        transport: "tcp" or "udp".
        kind: what is asked there: "application", "ext_authz", "jwks" and so on, "dns".
        is_http: whether whatever comes is HTTP; else what does not begin as such is echoed.
        has_proxy_header: whether a PROXY header comes first.
        certificate: the name of its file without ".pem"; empty for the one of all other names.
        asks_client: whether a client's certificate is asked for, which the run's authority has signed, or
            which is one of those in `CLIENTS`.
        alpn: what it offers.
        forwards_to: a port on loopback to which all goes that comes here, once TLS is off; 0: none.
        services: paths at which something else is asked than elsewhere here, each with the kind of that.
        health: the health checks of HTTP.
        exchanges: what other health checks send first, and what they want for it, in hex.
    """

    address: str
    port: int = 0
    transport: str = "tcp"
    kind: str = "application"
    is_http: bool = True
    has_proxy_header: bool = False
    certificate: str = ""
    asks_client: bool = False
    alpn: tuple[str, ...] = ("h2", "http/1.1")
    forwards_to: int = 0
    services: tuple[tuple[str, str], ...] = ()
    health: tuple[HealthRequest, ...] = ()
    exchanges: tuple[tuple[str, str], ...] = ()


class Table(NamedTuple):
    """All of it.

    Args:
        places: each once.
        addresses: those that this network must have, loopback's aside.
        names: name → address, for who asks the DNS server.
        control: the port of control, which is at `control_address`.
        owner: the user to whom the sockets belong: two users' cannot be at one port.
    """

    places: tuple[Place, ...] = ()
    addresses: tuple[str, ...] = ()
    names: dict[str, str] = {}  # noqa: RUF012 - never changed
    control: int = 9999
    owner: int = 0
    control_address: str = "0.0.0.0"  # noqa: S104 - a Pod's own


def read() -> Table:
    """The table of this Pod."""
    with open(f"{FOLDER}/{FILE}", encoding="utf-8") as file:  # noqa: PTH123 - pathlib takes longer to import than this
        return parsed(file.read())


def parsed(text: str) -> Table:
    """The table that a text has."""
    told = json.loads(text)
    places = tuple(_place(each) for each in told.pop("places"))
    return Table(places, tuple(told.pop("addresses")), **told)


def _place(told: dict[str, Any]) -> Place:
    pairs = {field: tuple((one, other) for one, other in told.get(field, ())) for field in ("services", "exchanges")}
    health = tuple(HealthRequest(**{**each, "headers": tuple(each["headers"])}) for each in told.get("health", ()))
    return Place(**{**told, **pairs, "alpn": tuple(told.get("alpn", ())), "health": health})


def written(table: Table) -> str:
    """The text of a table."""
    places = [{**each._asdict(), "health": [asked._asdict() for asked in each.health]} for each in table.places]
    return json.dumps({**table._asdict(), "places": places}, indent=1) + "\n"
