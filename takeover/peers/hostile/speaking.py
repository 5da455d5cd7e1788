"""Ports that speak more than one protocol: what comes first says which one."""

import struct

from takeover.peers.hostile import http1
from takeover.peers.hostile.connections import Connection

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""With which HTTP/2 begins."""


_METHODS = (
    b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE ", b"OPTIONS ", b"TRACE ", b"CONNECT ", b"PATCH ", b"PRI * HTTP/2.0",
)  # fmt: skip


def begins_as_http(begun: bytes) -> bool | None:
    """Whether these first bytes are those of HTTP; None: more must come."""
    if any(map(begun.startswith, _METHODS)):
        return True
    return None if any(each.startswith(begun) for each in _METHODS) else False


_HANDSHAKE = b"\x16"
"""With which TLS begins."""

TLS_PORTS = {
    443: "right",
    4431: "expired",
    4432: "other-name",
    4433: "untrusted",
    4434: "wrong-usage",
    4435: "demanding",  # a client's certificate
    4436: "tls-1.2",
    4437: "tls-1.3",
    4438: "no-alpn",
}
"""What each does, unless the SNI says something else: see `tls`."""


def serve_anything(connection: Connection) -> None:
    """A PROXY header or none, TLS or none, then HTTP/2 or HTTP/1."""
    from takeover.peers.hostile import proxy_header

    try:
        proxy_header.take(connection)
    except (ValueError, struct.error) as error:
        connection.seen.note("proxy", {"failure": str(error)})
        connection.end_in_order()
        return
    if connection.peek(1) == _HANDSHAKE:
        _serve_encrypted(connection, "right")
    else:
        serve_http(connection)


def serve_tls(connection: Connection) -> None:
    """TLS as the port says, then HTTP/2 or HTTP/1."""
    _serve_encrypted(connection, TLS_PORTS[connection.port])


def _serve_encrypted(connection: Connection, name: str) -> None:
    from takeover.peers.hostile import tls

    tls.encrypt(connection, name)
    serve_http(connection)


def http_version(connection: Connection) -> int:
    """1 or 2, as the first bytes say, which are received again; 0 where the connection ends before."""
    begun = b""
    while PREFACE.startswith(begun) and begun != PREFACE:
        more = connection.receive(len(PREFACE) - len(begun))
        if not more:
            return 0
        begun += more
    connection.put_back(begun)
    connection.seen.note("protocol", "http/2" if begun == PREFACE else "http/1")
    return 2 if begun == PREFACE else 1


def serve_http(connection: Connection) -> None:
    """HTTP/2 where its preface comes, else HTTP/1."""
    version = http_version(connection)
    if not version:
        return
    if version == 2:
        from takeover.peers import packages

        packages.find()
        from takeover.peers.hostile import http2

        http2.serve(connection)
    else:
        http1.serve_with_upgrades(connection)
    connection.end_in_order()
