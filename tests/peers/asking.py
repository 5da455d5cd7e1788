"""Clients of an upstream of a table: what they say, and what comes back."""

import contextlib
import http.client
import socket
from collections.abc import Mapping

import h2.connection
import h2.events

from takeover.net import http1
from takeover.net.http1 import Answer


def ask(address: str, port: int, path: str = "/any", **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    with contextlib.closing(http.client.HTTPConnection(address, port, timeout=60)) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer, answer.read()


def ask_head_and_get(at: tuple[str, int], headers: Mapping[str, str] | None = None) -> tuple[Answer, Answer]:
    """The answers to both over one connection: what comes between them, as the body of the first, is in the second."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    with socket.create_connection(at, timeout=60) as opened:
        for method in ("HEAD", "GET"):
            opened.sendall(f"{method} /any HTTP/1.1\r\nhost: a.test\r\n{lines}\r\n".encode())
        opened.shutdown(socket.SHUT_WR)
        came = b"".join(iter(lambda: opened.recv(1 << 16), b""))
    first = http1.read(came, "HEAD")
    return first, http1.read(came[first.length :], "GET")


def through_http1(address: str, port: int, sent: bytes) -> bytes:
    """What comes back through a tunnel until its end, which is ours."""
    with socket.create_connection((address, port), timeout=60) as opened:
        opened.sendall(b"CONNECT a.test:80 HTTP/1.1\r\nhost: a.test:80\r\n\r\n")
        assert opened.recv(19) == b"HTTP/1.1 200 OK\r\n\r\n"
        opened.sendall(sent)
        opened.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: opened.recv(1 << 16), b""))


def through_http2(address: str, port: int, sent: bytes) -> bytes:
    """The same over HTTP/2. Raises: ConnectionResetError where the stream is reset."""
    client = h2.connection.H2Connection()
    client.initiate_connection()
    client.send_headers(1, [(":method", "CONNECT"), (":authority", "a.test:80")])
    client.send_data(1, sent, end_stream=True)
    came = b""
    with socket.create_connection((address, port), timeout=60) as opened:
        opened.sendall(client.data_to_send())
        while data := opened.recv(1 << 16):
            for event in client.receive_data(data):
                if isinstance(event, h2.events.StreamReset):
                    raise ConnectionResetError(event.error_code)
                came += (event.data or b"") if isinstance(event, h2.events.DataReceived) else b""
                if isinstance(event, h2.events.StreamEnded):
                    return came
            opened.sendall(client.data_to_send())
    return came


def posted_http1(address: str, port: int, path: str, sent: list[bytes]) -> list[bytes]:
    """What comes back of each before the next one is sent, in a body that goes on."""
    with socket.create_connection((address, port), timeout=60) as opened:
        opened.sendall(f"POST {path} HTTP/1.1\r\nhost: a.test\r\ntransfer-encoding: chunked\r\n\r\n".encode())
        with opened.makefile("rb") as read:
            assert read.readline() == b"HTTP/1.1 200 OK\r\n"
            assert [read.readline(), read.readline()] == [b"transfer-encoding: chunked\r\n", b"\r\n"]
            came = []
            for each in sent:
                opened.sendall(b"%x\r\n%s\r\n" % (len(each), each))
                came.append(read.read(int(read.readline(), 16)))
                assert read.readline() == b"\r\n"
            opened.sendall(b"0\r\n\r\n")
            assert read.readline() == b"0\r\n"
            return came


def posted_http2(address: str, port: int, path: str, sent: list[bytes]) -> list[bytes]:
    """The same."""
    client = h2.connection.H2Connection()
    client.initiate_connection()
    names = {":method": "POST", ":scheme": "http", ":authority": "a.test", ":path": path}
    client.send_headers(1, list(names.items()))
    waiting, came = [*sent], list[bytes]()
    with socket.create_connection((address, port), timeout=60) as opened:
        opened.sendall(client.data_to_send())
        while data := opened.recv(1 << 16):
            for event in client.receive_data(data):
                if isinstance(event, h2.events.StreamEnded):
                    return came
                if isinstance(event, h2.events.DataReceived) and event.data:
                    came.append(event.data)
                if waiting and isinstance(event, h2.events.DataReceived | h2.events.ResponseReceived):
                    client.send_data(1, waiting.pop(0), end_stream=not waiting)
            opened.sendall(client.data_to_send())
    return came
