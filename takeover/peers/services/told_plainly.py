"""What Envoy tells without gRPC and HTTP: statistics as lines of statsd, and what Fluentd's forward protocol carries.

Lines come over UDP (port 8125) and over TCP (port 9002); to that port come messages of MessagePack, too, told apart by
the first byte. Each line and each record is one that its sink (`statsd`, `fluentd`) keeps; a record without its time.
"""

import socket
import threading

from takeover.peers.hostile.connections import Connection
from takeover.peers.services import message_pack, sinks

UDP_PORT = 8125
TCP_PORT = 9002
_LONGEST = 1 << 16


def begin(address: str, port: int) -> None:
    """Takes lines in from now on, until the process ends."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)  # a line each, all at the same instant
    opened.bind((address, port))
    threading.Thread(target=_serve_datagrams, args=(opened,), daemon=True).start()


def _serve_datagrams(opened: socket.socket) -> None:
    while True:
        _take_lines(opened.recv(_LONGEST))


def serve(connection: Connection) -> None:
    """Takes in what one connection brings; nothing is answered."""
    came = b""
    while data := connection.receive():
        came += data
        if message_pack.is_array(came[0]):
            came = _records(came)
        else:
            whole, _, came = came.rpartition(b"\n")
            _take_lines(whole)


def _take_lines(data: bytes) -> None:
    sinks.take_all("statsd", [each for each in data.decode("utf-8", "backslashreplace").split("\n") if each])


def _records(came: bytes) -> bytes:
    """Takes in the messages that are whole, and returns the rest. A message is [TAG, [[TIME, RECORD] …], OPTIONS]."""
    while came:
        try:
            message, end = message_pack.read(came)
        except IndexError:
            break
        came = came[end:]
        tag, entries, *options = message
        for _, record in entries:
            sinks.take("fluentd", {"tag": tag, "record": record, "options": options})
    return came
