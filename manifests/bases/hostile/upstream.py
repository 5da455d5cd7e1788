"""An upstream that does, on request, what no honest server does. For Python 3.11 and later, its standard library only.

Over HTTP a request names a behaviour of answers.py: on port 80 by the last part of its path (/reset-at-once), on port
9000 (the authentication service) by its Authorization header ("Behave reset-at-once"). Any other request is echoed: the
answer's body is the request as it arrived, its head byte for byte. The other ports speak plain TCP; see `TCP`.

Whoever sends a line to port 9999 ends every connection that is open on the other ports, and is told so by a line:
thus a prober begins each probe without a connection of the one before.
"""

import contextlib
import socket
import struct
import threading
import time

from answers import ANSWERS, CLOSE, HELLO, PAUSE, RESET, STALL, plain

connections = set()
changing = threading.Lock()


def main():
    """Listens on every port and serves each connection in a thread of its own."""
    served = {80: serve_http, 9000: serve_http, **TCP, 9999: serve_control}
    listening = []
    for port, serve in served.items():
        listener = socket.create_server(("0.0.0.0", port), backlog=128)
        listening.append(threading.Thread(target=accept, args=(listener, serve, port != 9999)))
    for thread in listening:
        thread.start()


def accept(listener, serve, is_ended_by_control):
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if is_ended_by_control:
            with changing:
                connections.add(connection)
        threading.Thread(target=serve_and_close, args=(connection, serve), daemon=True).start()


def serve_and_close(connection, serve):
    try:
        serve(connection)
    except OSError:
        pass
    finally:
        with changing:
            connections.discard(connection)
            connection.close()


def serve_control(connection):
    while connection.recv(4096):
        with changing:
            for each in connections:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
        connection.sendall(b"ended\n")


def reset(connection):
    """Ends the connection by a RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with changing:
        connections.discard(connection)
        connection.close()


class Requests:
    """Takes one request after the other from a connection."""

    def __init__(self, connection):
        self.connection = connection
        self.buffer = b""

    def head(self):
        """The bytes up to and with the blank line; b"" at the end."""
        return self.until(b"\r\n\r\n")

    def body(self, head):
        """The body without its framing, and the trailers."""
        headers = [line.partition(b":") for line in head.lower().split(b"\r\n")[1:]]
        values = {name.strip(): value.strip() for name, _, value in headers}
        if b"chunked" not in values.get(b"transfer-encoding", b""):
            return self.exactly(int(values.get(b"content-length", b"0"))), b""
        body = b""
        while size := int(self.until(b"\r\n").partition(b";")[0].strip() or b"0", 16):
            body += self.exactly(size + 2)[:-2]
        trailers = b""
        while (line := self.until(b"\r\n")) not in (b"\r\n", b""):
            trailers += line
        return body, trailers

    def until(self, mark):
        while mark not in self.buffer:
            if not self.more():
                return b""
        head, _, self.buffer = self.buffer.partition(mark)
        return head + mark

    def exactly(self, size):
        while len(self.buffer) < size:
            if not self.more():
                break
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def more(self):
        data = self.connection.recv(1 << 16)
        self.buffer += data
        return data


def behaviour(connection, head):
    """The name of what is wanted; empty for an echo."""
    target = head.split(b" ", 2)[1] if head.count(b" ") > 1 else b""
    if connection.getsockname()[1] != 9000:
        return target.partition(b"?")[0].rpartition(b"/")[2].decode("latin-1")
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"authorization: behave "):
            return line[len(b"authorization: behave ") :].strip().decode("latin-1")
    return ""


def serve_http(connection):
    requests = Requests(connection)
    while head := requests.head():
        name = behaviour(connection, head)
        if name == "answer-at-once":  # before the request's body has come
            connection.sendall(HELLO)
        body, trailers = requests.body(head)
        if name == "answer-at-once":
            continue
        if name not in ANSWERS:
            seen = head + body + (b"\ntrailers:\n" + trailers if trailers else b"")
            connection.sendall(plain("200 OK", "content-type: text/plain", body=seen))
            continue
        for step in ANSWERS[name]:
            if step is CLOSE:
                return
            if step is RESET:
                reset(connection)
                return
            if step is STALL:
                while connection.recv(1 << 16):
                    pass
                return
            if step is PAUSE:
                time.sleep(0.02)
            else:
                connection.sendall(step)


def serve_echo(connection):
    while data := connection.recv(1 << 16):
        connection.sendall(data)


def serve_greeting(connection):
    connection.sendall(b"hello, who are you?\r\n")


def serve_reset(connection):
    connection.recv(1)
    reset(connection)


def serve_counting(connection):
    count = 0
    while data := connection.recv(1 << 16):
        count += len(data)
    connection.sendall(f"{count} bytes\n".encode())


def serve_silent(connection):
    while connection.recv(1 << 16):
        pass


TCP = {7: serve_echo, 13: serve_greeting, 14: serve_reset, 15: serve_counting, 16: serve_silent}


if __name__ == "__main__":
    main()
