"""What health checks ask, and what is answered so that a host is well: HTTP by its requests, TCP by its first bytes.

Calls of gRPC's health service are answered wherever it is asked (`takeover.peers.services.health`).
"""

from collections.abc import Mapping

from takeover.peers.hostile.answers import plain
from takeover.peers.hostile.connections import Connection
from takeover.peers.hostile.http1 import headers_of
from takeover.peers.world.table import HealthRequest, Place

_WITHOUT_BODY = (204, 304)


def answer(place: Place, head: bytes) -> bytes | None:
    """The answer to a health check of HTTP/1; None for a request with a head that is none."""
    if not place.health:
        return None
    method, path, _ = (*head.split(b"\r\n", 1)[0].decode("latin-1").split(" "), "", "", "")[:3]
    headers = headers_of(head)
    return _answered(place, method, path, headers.get("host"), headers.get("user-agent"))


def answer_to_stream(place: Place, values: Mapping[str, str]) -> bytes | None:
    """The same, as HTTP/1 has it, to a request of HTTP/2 with these headers."""
    method, path = values.get(":method", ""), values.get(":path", "")
    return _answered(place, method, path, values.get(":authority"), values.get("user-agent"))


def _answered(place: Place, method: str, path: str, host: str | None, agent: str | None) -> bytes | None:
    fitting = [
        each for each in place.health if (each.method, each.path) == (method, path) and each.agent in ("", agent)
    ]
    # Clusters that share an address tell themselves apart by their names, if at all.
    found = next((each for each in fitting if each.host == host), fitting[0] if fitting else None)
    return _written(found) if found is not None else None


def _written(asked: HealthRequest) -> bytes:
    status = f"{asked.status} Of Health"
    if asked.status not in _WITHOUT_BODY:
        return plain(status, *asked.headers, body=bytes.fromhex(asked.body))
    return "\r\n".join([f"HTTP/1.1 {status}", *asked.headers, "", ""]).encode("latin-1")


def exchange(connection: Connection, exchanges: tuple[tuple[str, str], ...]) -> None:
    """Answers a connection that begins with the bytes of a health check; what any other brings is received again.

    Args:
        exchanges: the bytes that are sent, and those that are answered, both in hex.
    """
    pairs = [(bytes.fromhex(sent), bytes.fromhex(answered)) for sent, answered in exchanges]
    begun = b""
    while any(sent.startswith(begun) for sent, _ in pairs) and (more := connection.receive()):
        begun += more
        for sent, answered in pairs:
            if begun.startswith(sent):
                connection.put_back(begun.removeprefix(sent))
                connection.send(answered)
                return
    connection.put_back(begun)
