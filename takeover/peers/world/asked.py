"""What is asked over HTTP by filters, tracers and loggers, wherever they dial.

A set of keys (`jwks`) is answered whatever the path is; so is a token, where a POST asks for one by its grant type
(OAuth2). Where more than one service is at one place, paths say which is asked; at that of a tunnel, a POST whose body
has no length is one. An authorization service (`ext_authz`) does what the header Authorization says ("Behave
deny-by-401": a name of `takeover.peers.hostile.answers` whose answer comes at once), which is the one that each filter
passes on to it. Health checks come before all of it (`health`). All else is as at the port of the services
(`takeover.peers.services.http`).
"""

import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from takeover.peers.hostile.answers import ANSWERS, as_asked, plain
from takeover.peers.hostile.connections import Connection
from takeover.peers.hostile.http1 import Requests, headers_of
from takeover.peers.world import health
from takeover.peers.world.table import FOLDER, Place

if TYPE_CHECKING:
    from takeover.peers.hostile.http2_stream import Stream

TUNNEL = "tunnel"
_JWKS = "jwks.json"
_JSON = "content-type: application/json"


def serve(connection: Connection, place: Place) -> None:
    """Answers one request after the other."""
    requests = Requests(connection)
    while head := requests.head():
        body, _ = requests.body(head)
        healthy = health.answer(place, head)
        answered = healthy if healthy is not None else answer(kind_of(place, head), head, body)
        connection.send(as_asked(head, answered))


def kind_of(place: Place, head: bytes) -> str:
    """What is asked there by a request of HTTP/1 with that head."""
    return kind_at(place, head.split(b" ", 2)[1].decode("latin-1") if head.count(b" ") > 1 else "")


def kind_at(place: Place, target: str) -> str:
    """What is asked there by a request for that path, which may have a query."""
    return dict(place.services).get(target.partition("?")[0], place.kind)


def is_tunnel(place: Place, head: bytes) -> bool:
    """Whether what comes after that head is a tunnel's."""
    return head.startswith(b"POST ") and kind_of(place, head) == TUNNEL and "content-length" not in headers_of(head)


def is_tunnel_stream(place: Place, stream: "Stream") -> bool:
    """Likewise of HTTP/2."""
    values = stream.values
    is_one = values.get(":method") == "POST" and kind_at(place, values.get(":path", "")) == TUNNEL
    return is_one and not stream.has_ended and "content-length" not in values


async def answer_stream(stream: "Stream", answered: Callable[[bytes, bytes], bytes]) -> None:
    """Answers a request of HTTP/2 by what answers a head and a body of HTTP/1."""
    from takeover.peers.services import http

    await http.answer_stream(stream, answered)


def answer(kind: str, head: bytes, body: bytes) -> bytes:
    """The answer of a service of that kind."""
    from takeover.peers.services import http

    if b"grant_type=" in body:
        token = {"access_token": "a-token", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "another"}
        return plain("200 OK", _JSON, body=json.dumps(token).encode())
    if kind == "jwks":
        return plain("200 OK", _JSON, body=_keys())
    if kind == "ext_authz" and (refusal := _refusal(head)):
        return refusal
    return http.answer(head, body)


def _refusal(head: bytes) -> bytes:
    """The answer that a request to authorize asks for; empty where it asks for none."""
    word, _, name = headers_of(head).get("authorization", "").partition(" ")
    steps = ANSWERS.get(name, []) if word == "Behave" else []
    return b"".join(each for each in steps if isinstance(each, bytes)) if all(map(_is_said, steps)) else b""


def _is_said(step: object) -> bool:
    return isinstance(step, bytes)


def _keys() -> bytes:
    with open(os.path.join(FOLDER, _JWKS), "rb") as file:  # noqa: PTH118, PTH123 - pathlib takes longer to import
        return file.read()
