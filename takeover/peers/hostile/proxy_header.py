"""The PROXY protocol's header, version 1 and 2, in front of whatever else a connection brings: what it says is told.

See "The PROXY protocol, versions 1 & 2" of HAProxy. One that is wrong ends the connection.
"""

import socket
import struct

from takeover.peers.hostile.connections import Connection

_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_TEXT = b"PROXY "
_LONGEST_LINE = 107
_ADDRESSES = {1: (socket.AF_INET, 4), 2: (socket.AF_INET6, 16)}
_TRANSPORTS = {0: "unspecified", 1: "stream", 2: "datagram"}


def take(connection: Connection) -> None:
    """Takes the header, if there is one. Raises: ValueError for one that is wrong."""
    first = connection.peek(1)
    if first == _TEXT[:1] and connection.peek(len(_TEXT)) == _TEXT:
        connection.seen.note("proxy", _version_1(_line(connection)))
    elif first == _SIGNATURE[:1] and connection.peek(len(_SIGNATURE)) == _SIGNATURE:
        connection.seen.note("proxy", _version_2(connection))


def _line(connection: Connection) -> str:
    line = b""
    while not line.endswith(b"\r\n"):
        byte = connection.receive(1)
        if not byte or len(line) >= _LONGEST_LINE:
            raise ValueError(f"no PROXY line: {line!r}")
        line += byte
    return line[:-2].decode("ascii")


def _version_1(line: str) -> dict[str, object]:
    words = line.split(" ")
    if words[1:2] == ["UNKNOWN"]:
        return {"version": 1, "family": "UNKNOWN"}
    _, family, source, destination, source_port, destination_port = words
    return {
        "version": 1,
        "family": family,
        "source": f"{source}:{int(source_port)}",
        "destination": f"{destination}:{int(destination_port)}",
    }


def _version_2(connection: Connection) -> dict[str, object]:
    head = _exactly(connection, 16)
    version_and_command, family_and_transport, length = struct.unpack_from("!BBH", head, len(_SIGNATURE))
    body = _exactly(connection, length)
    if version_and_command >> 4 != 2:
        raise ValueError(f"PROXY version {version_and_command >> 4}")
    told: dict[str, object] = {
        "version": 2,
        "command": {0: "LOCAL", 1: "PROXY"}.get(version_and_command & 15, str(version_and_command & 15)),
        "transport": _TRANSPORTS.get(family_and_transport & 15, str(family_and_transport & 15)),
    }
    if (family := family_and_transport >> 4) in _ADDRESSES:
        kind, size = _ADDRESSES[family]
        source, destination = (socket.inet_ntop(kind, body[start : start + size]) for start in (0, size))
        ports = struct.unpack_from("!HH", body, 2 * size)
        told |= {"source": f"{source}:{ports[0]}", "destination": f"{destination}:{ports[1]}"}
        body = body[2 * size + 4 :]
    told["tlvs"] = _tlvs(body)
    return told


def _tlvs(body: bytes) -> list[list[object]]:
    """Type and value (in hexadecimal digits) of each."""
    found: list[list[object]] = []
    while body:
        kind, length = struct.unpack_from("!BH", body)
        found.append([kind, body[3 : 3 + length].hex()])
        if len(body) < 3 + length:
            raise ValueError("a TLV is cut off")
        body = body[3 + length :]
    return found


def _exactly(connection: Connection, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = connection.receive(size - len(data))
        if not more:
            raise ValueError("the PROXY header is cut off")
        data += more
    return data
