"""What is asked over HTTP/1 by filters, tracers and loggers, wherever they dial.

A set of keys (`jwks`) is answered whatever the path is; so is a token, where a POST asks for one by its grant type
(OAuth2). All else is as at the port of the services (`takeover.peers.services.http`).
"""

import json
import os

from takeover.peers.hostile.answers import plain
from takeover.peers.hostile.connections import Connection
from takeover.peers.hostile.http1 import Requests
from takeover.peers.world.table import FOLDER

_JWKS = "jwks.json"
_JSON = "content-type: application/json"


def serve(connection: Connection, kind: str) -> None:
    """Answers one request after the other."""
    from takeover.peers.services import http

    requests = Requests(connection)
    while head := requests.head():
        body, _ = requests.body(head)
        if kind == "jwks":
            connection.send(plain("200 OK", _JSON, body=_keys()))
        elif b"grant_type=" in body:
            token = {"access_token": "a-token", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "another"}
            connection.send(plain("200 OK", _JSON, body=json.dumps(token).encode()))
        else:
            connection.send(http.answer(head, body))


def _keys() -> bytes:
    with open(os.path.join(FOLDER, _JWKS), "rb") as file:  # noqa: PTH118, PTH123 - pathlib takes longer to import
        return file.read()
