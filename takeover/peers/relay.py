"""The relay: a program that runs in a Pod and carries many TCP connections over its stdin and stdout.

It is standard library only (Python 3.11 on) and one file, because it is handed to the Pod as text; its client,
`takeover.engines.kubernetes.relay`, imports the format from here. Usage: `python3 -c THIS_FILE [UID GID]`.

Frames, both ways: connection number (u32), kind (u8), length (u32), all big-endian, then the payload.
A side sends at most WINDOW bytes of DATA that the other has not yet given back as CREDIT, so memory stays
bounded and neither side ever stops reading: the pipe cannot lock up.
"""

import asyncio
import json
import os
import socket
import struct
import sys
from typing import Any

HEADER = struct.Struct(">IBI")
CREDIT_PAYLOAD = struct.Struct(">I")
WINDOW = 1 << 20
CHUNK = 1 << 15
CLOSE_PATIENCE = 5.0

# From the client. OPEN: JSON {"host", "port", "timeout", "source_address"}; END: half close; CLOSE: both directions;
# ABORT: by a reset.
OPEN, END, CLOSE, ABORT = 1, 2, 3, 11
# Both ways.
DATA, CREDIT = 4, 5
# From the relay. OPENED: JSON [ip, port] of our end; FAILED: JSON {"reason", "errno", "text"}; FIN; RESET: text;
# READY once, as connection 0, when the program runs.
OPENED, FAILED, FIN, RESET, READY = 6, 7, 8, 9, 10


def frame(number: int, kind: int, payload: bytes = b"") -> bytes:
    """One frame as bytes."""
    return HEADER.pack(number, kind, len(payload)) + payload


def bind(connection: socket.socket, address: str) -> None:
    """Has the connection come from that address. Raises: OSError that names it where it cannot."""
    try:
        connection.bind((address, 0))
    except OSError as error:
        raise OSError(f"it cannot come from {address}: {error.strerror}") from None


class Frames:
    """Cuts a byte stream into frames."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[tuple[int, int, bytes]]:
        """Takes what arrived; returns the frames that are now complete as (number, kind, payload)."""
        self._rest += data
        frames = []
        start = 0
        while len(self._rest) - start >= HEADER.size:
            number, kind, length = HEADER.unpack_from(self._rest, start)
            end = start + HEADER.size + length
            if len(self._rest) < end:
                break
            frames.append((number, kind, bytes(self._rest[start + HEADER.size : end])))
            start = end
        del self._rest[:start]
        return frames


class Connection:
    """One TCP connection, from OPEN to CLOSE."""

    def __init__(self, relay: "Relay", number: int, wanted: dict[str, Any]) -> None:
        self._relay = relay
        self._number = number
        self._commands: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()
        self._credit = WINDOW
        self._credited = asyncio.Event()
        self._open = False
        self._read_ended = False
        self._error = ""
        self._task = asyncio.ensure_future(self._run(**wanted))

    def received(self, kind: int, payload: bytes) -> None:
        """Takes a frame from the client (all kinds but OPEN)."""
        if kind == CREDIT:
            self._credit += CREDIT_PAYLOAD.unpack(payload)[0]
            self._credited.set()
        elif kind in (CLOSE, ABORT) and not self._open:
            self._task.cancel()
        else:
            self._commands.put_nowait((kind, payload))
            if kind in (CLOSE, ABORT):  # what was sent before still goes out, but a peer that does not read is given up
                asyncio.get_running_loop().call_later(CLOSE_PATIENCE, self._task.cancel)

    async def _run(self, host: str, port: int, timeout: float, source_address: str) -> None:
        try:
            peer = await asyncio.wait_for(self._connect(host, port, source_address), timeout)
        except socket.gaierror as error:
            return self._failed("unresolved", error.errno, str(error.strerror))
        except TimeoutError:
            return self._failed("timeout", None, f"no answer in {timeout:g} s")
        except ConnectionRefusedError as error:
            return self._failed("refused", error.errno, os.strerror(error.errno or 0))
        except OSError as error:
            return self._failed("error", error.errno, str(error))
        self._open = True
        reader = asyncio.ensure_future(self._read(peer))
        try:
            self._say(OPENED, json.dumps(peer.getsockname()[:2]).encode())
            await self._write(peer)
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
            peer.close()

    async def _connect(self, host: str, port: int, source_address: str) -> socket.socket:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        failure = OSError("no address")
        for family, kind, protocol, _, address in found:
            candidate = socket.socket(family, kind, protocol)
            try:
                candidate.setblocking(False)
                candidate.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if source_address:
                    bind(candidate, source_address)
                await loop.sock_connect(candidate, address)
                return candidate
            except OSError as error:
                candidate.close()
                failure = error
            except BaseException:
                candidate.close()
                raise
        raise failure

    async def _read(self, peer: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                while self._credit <= 0:
                    self._credited.clear()
                    await self._credited.wait()
                data = await loop.sock_recv(peer, min(CHUNK, self._credit))
                if not data:
                    break
                self._credit -= len(data)
                self._say(DATA, data)
        except OSError as error:
            self._error = str(error)
        # A send that met the reset took the socket's error with it; recv then says only "end".
        if self._error:
            self._say(RESET, self._error.encode())
        else:
            self._say(FIN)
        self._read_ended = True

    async def _write(self, peer: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            kind, data = await self._commands.get()
            if kind == ABORT:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if kind in (CLOSE, ABORT):
                return
            try:
                if kind == END:
                    peer.shutdown(socket.SHUT_WR)
                else:
                    await loop.sock_sendall(peer, data)
            except OSError as error:
                self._error = str(error)
                if self._read_ended:
                    self._say(RESET, self._error.encode())
            if kind == DATA:
                self._say(CREDIT, CREDIT_PAYLOAD.pack(len(data)))

    def _failed(self, reason: str, number: int | None, text: str) -> None:
        self._say(FAILED, json.dumps({"reason": reason, "errno": number, "text": text}).encode())

    def _say(self, kind: int, payload: bytes = b"") -> None:
        self._relay.say(self._number, kind, payload)


class Relay:
    """All connections of this process, and its stdout."""

    def __init__(self, out: asyncio.WriteTransport) -> None:
        self._out = out
        self._connections: dict[int, Connection] = {}

    def say(self, number: int, kind: int, payload: bytes = b"") -> None:
        """Sends a frame to the client."""
        self._out.write(frame(number, kind, payload))

    def received(self, number: int, kind: int, payload: bytes) -> None:
        """Takes a frame from the client."""
        if kind == OPEN:
            self._connections[number] = Connection(self, number, json.loads(payload))
        elif number in self._connections:
            self._connections[number].received(kind, payload)
            if kind in (CLOSE, ABORT):
                del self._connections[number]


async def main() -> None:
    """Serves until stdin ends."""
    loop = asyncio.get_running_loop()
    stdin = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    out: Any = (await loop.connect_write_pipe(asyncio.BaseProtocol, sys.stdout))[0]
    relay = Relay(out)
    relay.say(0, READY)
    frames = Frames()
    while True:
        data = await stdin.read(1 << 18)
        if not data:
            return
        for number, kind, payload in frames.feed(data):
            relay.received(number, kind, payload)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        os.setgroups([])
        os.setgid(int(sys.argv[2]))
        os.setuid(int(sys.argv[1]))
    asyncio.run(main())
