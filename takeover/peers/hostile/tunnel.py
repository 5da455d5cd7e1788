"""What comes through a tunnel (CONNECT over HTTP/2): every byte comes back.

Where it is told where it was reached, HTTP/1 in a tunnel is answered as it is elsewhere (`answers`), since what a proxy
sends through one may be that; a reset is one of the stream then.
"""

import time

from takeover.peers.hostile import http1
from takeover.peers.hostile.answers import ANSWERS, CLOSE, PAUSE, RESET, STALL, as_asked, plain
from takeover.peers.hostile.http2_stream import Stream
from takeover.peers.hostile.speaking import begins_as_http

_HTTP2 = b"PRI "
_CONNECT_ERROR = 10


async def serve(stream: Stream) -> None:
    """Answers what comes, until its end."""
    stream.send_headers([(":status", "200")])
    came = b""
    if stream.owner.connection.reached:
        while (is_http := begins_as_http(came)) is None and (more := await stream.receive()):
            came += more
        if is_http and not came.startswith(_HTTP2):
            await _http1(stream, came)
            return
    await stream.send(came)
    while data := await stream.receive():
        await stream.send(data)
    await stream.send(b"", end=True)


async def _http1(stream: Stream, came: bytes) -> None:
    """Answers one request after the other."""
    while True:
        while b"\r\n\r\n" not in came:
            more = await stream.receive()
            if not more:
                await stream.send(b"", end=True)
                return
            came += more
        head, _, came = came.partition(b"\r\n\r\n")
        size = int(http1.headers_of(head).get("content-length", "0"))
        while len(came) < size and (more := await stream.receive()):
            came += more
        body, came = came[:size], came[size:]
        name = http1.behaviour(stream.owner.connection, head)
        marks = (f"{field}: {value}" for field, value in stream.owner.connection.marks)
        echo = plain("200 OK", "content-type: text/plain", *marks, body=head + b"\r\n\r\n" + body)
        if not await _behave(stream, name, as_asked(head, echo)):
            return


async def _behave(stream: Stream, name: str, echo: bytes) -> bool:
    """Answers as that name says, or by the echo. Returns whether the tunnel stays."""
    for step in ANSWERS.get(name, (echo,)):
        if isinstance(step, bytes):
            await stream.send(step)
        elif step is PAUSE:
            time.sleep(http1.PAUSE_TIME)
        elif step is RESET:
            stream.reset(_CONNECT_ERROR)
            return False
        elif step is STALL:
            while await stream.receive():
                pass
            return False
        elif step is CLOSE:
            await stream.send(b"", end=True)
            return False
    return True
