"""Hosts that are well and ill by turns: who asks again and again how they are is answered one word after the other.

A question says its answers, and has a name, so that no other one is like it: `/checked/ANSWERS/NAME` over HTTP,
`checked/ANSWERS/NAME` as the service that a health check of gRPC names or as a key of Redis. ANSWERS are words with
dots between, of which the last one goes on; those of 127.0.0.1, 127.0.0.2 and so on, if not the same, have "~" between:
`200.503.200~503`.

    stall         no answer
    close, reset  the connection ends instead
    held-WORD     the answer WORD, once the question is asked by PUT over HTTP

    200 ... 599   over HTTP a status
    closing       200, by which the connection ends
    degraded      200 with the header x-envoy-degraded
    fail          200 with the header x-envoy-immediate-health-check-fail
    of-CLUSTER    200 with the header x-envoy-upstream-healthchecked-cluster

    SERVING ...   over gRPC a status of health; `status-5` is one of gRPC
    0, 1, error   of Redis a number or an error

`GET /asked/NAME` tells how those questions were asked: each way once.
"""

import json
import threading
from collections import Counter
from typing import Any

from takeover.peers.hostile.answers import plain
from takeover.peers.hostile.connections import Connection
from takeover.peers.hostile.http1 import headers_of

_HELD = "held-"
_LONGEST = 10.0
"""Seconds that an answer is held."""
_HEADERS = {
    "degraded": "x-envoy-degraded: true",
    "fail": "x-envoy-immediate-health-check-fail: true",
    "closing": "connection: close",
}
_OF = "of-"

_lock = threading.Lock()
_counts: Counter[tuple[str, str]] = Counter()
_released: dict[str, threading.Event] = {}
_asked: dict[str, list[str]] = {}


def forget() -> None:
    """Begins all answers anew, and lets go what is held."""
    with _lock:
        _counts.clear()
        _asked.clear()
        for each in _released.values():
            each.set()
        _released.clear()


def is_question(text: str) -> bool:
    """Whether it is one, as a path, a service or a key."""
    return text.lstrip("/").startswith("checked/") and text.count("/") >= len("//")


def word(question: str, address: str) -> str:
    """What is answered this time at that address; it waits for what is held."""
    found = _next(question.strip("/"), address)
    if not found.startswith(_HELD):
        return found
    _event(question.strip("/")).wait(_LONGEST)
    return found[len(_HELD) :]


def asked(name: str) -> str:
    """How questions of that name were asked, a line each."""
    with _lock:
        return "".join(_asked.get(name, ()))


def answer(connection: Connection, head: bytes, body: bytes) -> bool:
    """Answers a question over HTTP. Returns whether the connection stays."""
    method, target = head.decode("latin-1").split(" ", 2)[:2]
    if method == "PUT":
        _event(target.strip("/")).set()
        connection.send(plain("204 No Content", body=b""))
        return True
    _remember(target, {"method": method, "headers": headers_of(head), "body": body.decode("latin-1")})
    found = word(target, connection.socket.getsockname()[0])
    if found == "stall":
        connection.receive_all()
    elif found == "reset":
        connection.reset()
    elif found != "close":
        status = found if found.isdigit() else "200"
        more = [f"x-envoy-upstream-healthchecked-cluster: {found[len(_OF) :]}"] if found.startswith(_OF) else []
        more += [_HEADERS[found]] if found in _HEADERS else []
        sent = b"" if method == "HEAD" else f"{found}\n".encode()
        connection.send(plain(f"{status} Checked", *more, body=sent))
    return found not in ("stall", "reset", "close", "closing")


def _next(question: str, address: str) -> str:
    _, words, _ = question.split("/", 2)
    of_each = words.split("~")
    last = address.rpartition(".")[2]
    mine = of_each[min(int(last) if last.isdigit() else 1, len(of_each)) - 1].split(".")
    with _lock:
        count = _counts[question, address]
        _counts[question, address] += 1
    return mine[min(count, len(mine) - 1)]


def _event(question: str) -> threading.Event:
    with _lock:
        return _released.setdefault(question, threading.Event())


def _remember(target: str, how: dict[str, Any]) -> None:
    line = json.dumps(how, sort_keys=True) + "\n"
    with _lock:
        lines = _asked.setdefault(target.rpartition("/")[2], [])
        if line not in lines:
            lines.append(line)
