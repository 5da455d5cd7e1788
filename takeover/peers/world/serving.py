"""The upstream of a table: at each place it speaks what comes there, and says in its echoes where it was reached.

TLS or none, then HTTP/2, HTTP/1, or bytes, which come back: the first ones say which. Over HTTP it is the hostile
upstream (an application), or the services (`takeover.peers.services`); calls over gRPC are told apart by their method.
"""

import contextlib
import functools
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from takeover.peers import packages
from takeover.peers.hostile import http1, proxy_header, speaking, tcp, tls, upstream, witness
from takeover.peers.hostile.connections import SIZE, Connection
from takeover.peers.world import addresses, datagrams
from takeover.peers.world.table import CLIENTS, FOLDER, Place, Table, read

if TYPE_CHECKING:
    from takeover.peers.hostile.http2_stream import Stream

_APPLICATION = "application"
_TOLD = ("metrics", "tracing", "access_log")
"""Kinds that are part of no probe: an entry that is under way when one ends would be lost, or not."""
_OTHERS = ("redis", "thrift")
"""Kinds of those that neither speak HTTP nor give back what comes."""
_PAUSE = 0.01
_HANDSHAKE = b"\x16"
_WHENEVER = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME, for which Python has no name."""


def main(ready: str = "") -> None:
    """Serves all of the table until it is ended. `ready`: the file that is made as soon as all of it listens."""
    table = read()
    if table.addresses:
        addresses.add(table.addresses)
    forget: Callable[[], None] = lambda: None  # noqa: E731
    if any(each.kind != _APPLICATION or each.services for each in table.places):
        packages.find()  # protobuf: a call that waits for it would be late for a filter's timeout
        from takeover.peers.services import serving

        forget = serving.forget
    for place in table.places:
        if place.transport == "udp":
            datagrams.begin(place, _listening(place, table), table.names)
    listeners = [
        (_listening(each, table), functools.partial(serve, each)) for each in table.places if each.transport == "tcp"
    ]
    for port in {each.forwards_to for each in table.places} - {0}:
        _wait_for(port)
    if ready:
        with open(ready, "wb"):  # noqa: PTH123 - pathlib takes longer to import than all else here
            pass
    upstream.serve_all(listeners, (table.control_address, table.control), when_asked=forget)


def _wait_for(port: int) -> None:
    """Until something listens there on loopback: Envoy would come again only after a while."""
    while True:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(_PAUSE)


def _listening(place: Place, table: Table) -> socket.socket:
    """A socket there. Raises: OSError that names the place."""
    is_path = place.address.startswith(("/", "@"))
    family = socket.AF_UNIX if is_path else socket.AF_INET6 if ":" in place.address else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM if place.transport == "tcp" else socket.SOCK_DGRAM)
    try:
        if is_path:
            is_abstract = place.address.startswith("@")  # in no folder
            if not is_abstract:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(place.address)  # noqa: PTH108 - pathlib takes longer to import than all else here
            opened.bind("\0" + place.address[1:] if is_abstract else place.address)
            if not is_abstract:
                os.chmod(place.address, 0o777)  # noqa: PTH101, S103 - Envoy may be another user
        else:
            # Envoy may listen at the same port of all addresses: the kernel lets that be among sockets of one user.
            os.fchown(opened.fileno(), table.owner, -1)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            opened.bind((place.address, place.port))
        if place.transport == "tcp":
            opened.listen(128)
    except OSError as error:
        raise OSError(error.errno, f"{place.address} port {place.port}: {error.strerror}") from None
    return opened


def serve(place: Place, connection: Connection) -> None:
    """Serves one connection of a place."""
    if place.forwards_to or place.kind in _TOLD:  # Envoy's way to its control plane, what it tells of itself
        connection.keep_apart()
    connection.reached = witness.address_of(connection.socket.getsockname()) or place.address
    if place.has_proxy_header:
        try:
            proxy_header.take(connection)
        except ValueError as error:
            connection.seen.note("proxy", {"failure": str(error)})
            connection.end_in_order()
            return
    if connection.peek(1) == _HANDSHAKE:
        tls.speak(connection, _context(place), place.certificate or "other")
    if place.exchanges:
        from takeover.peers.world import health

        health.exchange(connection, place.exchanges)
    if place.forwards_to:
        _forward(connection, place.forwards_to)
    elif place.kind in _OTHERS and not (place.health and _begins_as_http(connection)):
        _serve_other(place.kind, connection)
    elif place.is_http or place.kind in _OTHERS:
        _serve_http(place, connection)
    else:
        _serve_bytes(place, connection)


def _serve_other(kind: str, connection: Connection) -> None:
    if kind == "redis":
        from takeover.peers.services import redis

        redis.serve(connection)
    else:
        tcp.serve_replies(connection)


def _serve_bytes(place: Place, connection: Connection) -> None:
    """HTTP where it comes, else an echo."""
    if _begins_as_http(connection):
        _serve_http(place, connection)
    else:
        tcp.serve_echo(connection)


def _begins_as_http(connection: Connection) -> bool:
    """Whether the first bytes, which are received again, are those of HTTP; however they come in pieces."""
    begun = b""
    while (is_http := speaking.begins_as_http(begun)) is None and (more := connection.receive(SIZE)):
        begun += more
    connection.put_back(begun)
    return bool(is_http)


def _serve_http(place: Place, connection: Connection) -> None:
    version = speaking.http_version(connection)
    if version == 2:
        packages.find()
        from takeover.peers.hostile import http2

        if place.kind == _APPLICATION and not place.services and not place.health:
            http2.serve(connection, _answer)
        else:
            from takeover.peers.world import asked

            is_tunnel = functools.partial(asked.is_tunnel_stream, place)
            http2.serve(connection, _answer, functools.partial(_ask, place), is_tunnel)
    elif version == 1 and place.kind == _APPLICATION:
        inside = functools.partial(_serve_bytes, place)
        http1.serve_with_upgrades(
            connection, functools.partial(_own, place), inside, functools.partial(_is_tunnel, place)
        )
    elif version == 1:
        from takeover.peers.world import asked

        asked.serve(connection, place)
    connection.end_in_order()


async def _answer(stream: "Stream") -> None:
    from takeover.peers.services import serving

    await serving.answer(stream)


async def _ask(place: Place, stream: "Stream") -> None:
    from takeover.peers.hostile import http2, tunnel
    from takeover.peers.world import asked, health

    if (healthy := health.answer_to_stream(place, stream.values)) is not None:
        await asked.answer_stream(stream, lambda *_: healthy)
        return
    kind = asked.kind_at(place, stream.values.get(":path", ""))
    if asked.is_tunnel_stream(place, stream):
        await tunnel.serve(stream)
    elif kind in (_APPLICATION, asked.TUNNEL):
        await http2.answer(stream)
    else:
        await asked.answer_stream(stream, functools.partial(asked.answer, kind))


def _own(place: Place, head: bytes) -> Callable[[bytes], bytes] | None:
    """What answers a health check, and a request for a path of a service, where all else is an application."""
    if not place.services and not place.health:
        return None
    from takeover.peers.world import asked, health

    if (answer := health.answer(place, head)) is not None:
        return lambda _: answer
    kind = asked.kind_of(place, head)
    return None if kind in (_APPLICATION, asked.TUNNEL) else functools.partial(asked.answer, kind, head)


def _is_tunnel(place: Place, head: bytes) -> bool:
    if not place.services:
        return False
    from takeover.peers.world import asked

    return asked.is_tunnel(place, head)


def _forward(connection: Connection, port: int) -> None:
    """Lets all pass to a port on loopback and back, until either side has ended."""
    with socket.create_connection(("127.0.0.1", port)) as behind:
        threading.Thread(target=_pass_back, args=(behind, connection), daemon=True).start()
        while data := connection.receive():
            behind.sendall(data)


def _pass_back(behind: socket.socket, connection: Connection) -> None:
    with contextlib.suppress(OSError):
        for data in _received(behind):
            connection.send(data)
    connection.shut_down()


def _received(opened: socket.socket) -> Iterator[bytes]:
    while data := opened.recv(SIZE):
        yield data


@functools.cache
def _context(place: Place) -> ssl.SSLContext:
    context = tls.server_context()
    context.num_tickets = 0  # they come after a handshake: whether a client that leaves has one then is of chance
    context.load_cert_chain(f"{FOLDER}/{place.certificate or 'other'}.pem")
    if place.asks_client:
        context.load_verify_locations(f"{FOLDER}/ca.pem")
        if os.path.exists(clients := f"{FOLDER}/{CLIENTS}"):  # noqa: PTH110 - as above
            # Whoever has signed these is not here, and they may have expired: they themselves are what is trusted.
            context.load_verify_locations(clients)
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _WHENEVER
        context.verify_mode = ssl.CERT_OPTIONAL
    if place.alpn:
        context.set_alpn_protocols(list(place.alpn))
    return context
