"""What stands behind the Envoys of a sweep: it answers each HTTP/1 request with the request, as it arrived."""

import contextlib
import socket
import threading

from takeover.node.bare_node import BareNode

PORT = 10_999
"""In a node of its own nothing else has it."""
_BLANK = b"\r\n\r\n"
_MOST = 1 << 20


class Upstream:
    """Answers in a node, from threads of this process, until it is closed."""

    def __init__(self, node: BareNode) -> None:
        self._listening = node.new_socket()
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listening.bind(("127.0.0.1", PORT))
        self._listening.listen(256)
        threading.Thread(target=self._accept, name="upstream", daemon=True).start()

    def close(self) -> None:
        """Listens no more. What is connected ends with its Envoy."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._answer, args=[connection], name="upstream", daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, ValueError):
            data = b""
            while True:
                while _BLANK not in data:
                    data += _more(connection, data)
                head, _, data = data.partition(_BLANK)
                length, is_chunked = _framing(head)
                if is_chunked:
                    while b"0\r\n\r\n" not in data:
                        data += _more(connection, data)
                    body, _, data = data.partition(b"0\r\n\r\n")
                else:
                    while len(data) < length:
                        data += _more(connection, data)
                    body, data = data[:length], data[length:]
                told = head.replace(b"\r\n", b"\n") + b"\n\n" + body
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(told), told))


def _more(connection: socket.socket, data: bytes) -> bytes:
    found = connection.recv(65_536) if len(data) < _MOST else b""
    if not found:
        raise ValueError("it ended")
    return found


def _framing(head: bytes) -> tuple[int, bool]:
    lines = head.lower().split(b"\r\n")
    length = next((int(each.partition(b":")[2]) for each in lines if each.startswith(b"content-length:")), 0)
    return length, any(each.startswith(b"transfer-encoding:") for each in lines)
