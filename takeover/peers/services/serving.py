"""The ports of the services, and who answers what.

9001 takes HTTP/2 and HTTP/1. Calls over gRPC are told apart by their method: authorization, rate limits, quotas,
processing, health, and what takes in what Envoy tells (access logs, traces, metrics); any other is a behaviour of the
hostile upstream. What comes over HTTP/1 is answered by `http`, over HTTP/2 what it knows. 9443 is the same over TLS,
whose certificate the SNI names (`tls`), and 9444 over TLS that demands a client's. UDP port 5353 is a DNS server
(`dns`); UDP port 8125 and TCP port 9002 take statistics and entries in (`told_plainly`); 6379 is a Redis (`redis`),
over TLS 6380. All ports of the hostile upstream are there, too, and its control ends the connections of both.
"""

import contextlib

from takeover.peers.hostile import grpc_answers, http2, speaking, upstream
from takeover.peers.hostile.connections import Connection
from takeover.peers.hostile.http2_stream import Stream
from takeover.peers.services import (
    authorization,
    calls,
    checked,
    dns,
    health,
    http,
    network_processing,
    pressure,
    processing,
    quota,
    rate_limit,
    redis,
    redis_auth,
    sinks,
    told_plainly,
)

PORT = 9001
TLS_PORTS = {9443: "right", 9444: "demanding"}
"""What each does, unless the SNI says something else."""

_METHODS: dict[str, http2.GrpcAnswer] = {
    authorization.CHECK: authorization.check,
    rate_limit.SHOULD_RATE_LIMIT: rate_limit.should_rate_limit,
    quota.STREAM: quota.assign,
    processing.PROCESS: processing.process,
    network_processing.PROCESS: network_processing.process,
    health.CHECK: health.check,
    redis_auth.AUTHENTICATE: redis_auth.authenticate,
    **sinks.METHODS,
}


def main() -> None:
    """Serves all of it until it is ended; the command line's arguments are those of the hostile upstream."""
    address, first = upstream.place()
    dns.begin(address, first + dns.PORT)  # before control listens: who waits for that finds it
    told_plainly.begin(address, first + told_plainly.UDP_PORT)
    ports: upstream.Ports = {
        PORT: _serve,
        **dict.fromkeys(TLS_PORTS, _serve_encrypted),
        told_plainly.TCP_PORT: told_plainly.serve,
        redis.PORT: redis.serve,
        redis.ENCRYPTED: redis.serve_encrypted,
    }
    upstream.main(ports, forget)


def forget() -> None:
    """Begins all anew, as control has it: what was taken, what is answered by turns, what presses on Envoy."""
    sinks.forget()
    calls.forget()
    pressure.end()
    checked.forget()


def _serve(connection: Connection) -> None:
    version = speaking.http_version(connection)
    if version == 2:
        http2.serve(connection, answer, _answer_other)
    elif version == 1:
        http.serve(connection)
    connection.end_in_order()


def _serve_encrypted(connection: Connection) -> None:
    from takeover.peers.hostile import tls

    tls.encrypt(connection, TLS_PORTS[connection.port])
    _serve(connection)


async def _answer_other(stream: Stream) -> None:
    if http.is_asked(stream):
        await http.answer_stream(stream, http.answer)
    else:
        await http2.answer(stream)


async def answer(stream: Stream) -> None:
    """Answers a call by its method."""
    path = stream.values.get(":path", "").partition("?")[0]
    with contextlib.suppress(calls.EndedError):
        await _METHODS.get(path, grpc_answers.answer)(stream)
