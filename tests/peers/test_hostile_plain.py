"""What the hostile upstream sees and tells, and how it ends connections: asked over plain TCP."""

import contextlib
import json
import re
import socket
import struct
import time

import pytest

from takeover.evidence.log_formats import format_of
from takeover.evidence.quiescence import waited_for
from takeover.model.logs import json_lines
from takeover.peers.hostile.answers import ANSWERS, AT_ONCE, BODILESS, CLOSE, RESET
from tests.peers.asking import ask_head_and_get
from tests.peers.upstream import Upstream, program, run


def receive_all(client: socket.socket) -> tuple[bytes, str]:
    """What came, and how it ended."""
    came = b""
    try:
        while more := client.recv(1 << 16):
            came += more
    except ConnectionResetError:
        return came, "reset"
    return came, "end"


def test_curl_gets_its_request_back(upstream: Upstream) -> None:
    ended = run(program("curl"), "-sS", f"http://{upstream.place(80)}/some/path?a=b", "-H", "X-Mine: 1")
    assert ended.stdout.startswith(f"GET /some/path?a=b HTTP/1.1\r\nHost: {upstream.place(80)}\r\n")
    assert "X-Mine: 1\r\n" in ended.stdout


def test_who_asks_by_head_gets_no_body(upstream: Upstream) -> None:
    """Envoy takes one for a fault of the upstream's, and ends the connection."""
    head, get = ask_head_and_get(upstream.at(80))
    assert (head.status, head.value("content-length")) == (200, str(len(get.body) + len("HEAD") - len("GET")))
    assert (get.status, get.body[:4]) == (200, b"GET ")


@pytest.mark.parametrize(
    ("how", "end"), [("half", "fin"), ("close", "fin"), ("reset", "reset")], ids=["half close", "close", "reset"]
)
def test_it_tells_how_its_peer_ended(upstream: Upstream, how: str, end: str) -> None:
    client = upstream.connect(7)
    client.sendall(b"hello")
    assert client.recv(5) == b"hello"
    name = "{}:{}".format(*client.getsockname())
    if how == "half":
        client.shutdown(socket.SHUT_WR)
        assert receive_all(client) == (b"", "end")
    if how == "reset":
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    seen = upstream.seen(7)
    assert (seen["client"], seen["dialled"], seen["end"]) == (name, upstream.place(7), end)

    def missing() -> str:  # that it has ended is known before it is written down
        return "" if ["connection", seen] in upstream.log() else f"{seen} is not in the log"

    assert not waited_for(missing, 60)


def test_it_ends_all_connections_when_asked_and_says_so(upstream: Upstream) -> None:
    with upstream.connect(7) as one, upstream.connect(80) as other:
        one.sendall(b"hello")
        assert one.recv(5) == b"hello"
        other.sendall(b"GET /stall-in-head HTTP/1.1\r\n\r\n")
        assert other.recv(12) == b"HTTP/1.1 200"
        other.recv(1 << 16)
        assert upstream.control(b"end\n") == b"ended\n"
        assert receive_all(one) == receive_all(other) == (b"", "end")
    assert upstream.seen(7)["end"] == "asked"


def test_a_request_is_a_line_that_destinations_logs_are_read_from(upstream: Upstream) -> None:
    for path, status in (("/no-reason", 200), ("/status-1000", 1000), ("/close-at-once", 0), ("/any/thing", 200)):
        with upstream.connect(80) as client:
            name = "{}:{}".format(*client.getsockname())
            client.sendall(f"POST {path} HTTP/1.1\r\nHost: a.test\r\nX-Request-Id: 7\r\n\r\n".encode())
            client.shutdown(socket.SHUT_WR)
            receive_all(client)
        own = [each for each in upstream.log() if isinstance(each, dict) and each["client"] == name]
        text = "".join(f"{json.dumps(each)}\n" for each in own)
        arrival = format_of("json")(json_lines(text)[-1], {})
        assert arrival is not None
        assert (arrival.method, arrival.uri, arrival.status) == ("POST", path, status)
        assert (arrival.server, arrival.host, arrival.request_id) == (upstream.place(80), "a.test", "7")


def test_an_answer_that_is_reset_at_once_arrives_whole_and_then_the_reset(upstream: Upstream) -> None:
    for _ in range(20):
        with upstream.connect(80) as client:
            client.sendall(b"GET /reset-after-answer HTTP/1.1\r\n\r\n")
            came, end = receive_all(client)
            assert (came, end) == (ANSWERS["reset-after-answer"][0], "reset")
    assert upstream.seen(80)["end"] == "our-reset"


@pytest.mark.parametrize("codes", ["100", "103-103", "100-102-103"])
def test_answers_before_the_answer_come_in_their_order(upstream: Upstream, codes: str) -> None:
    for then, ends in (("200", "200"), ("304", "304"), ("close", "")):
        ended = run(program("curl"), "-sS", "-i", f"http://{upstream.place(80)}/interim-{codes}-then-{then}")
        statuses = [*codes.split("-"), *([ends] if ends else [])]
        assert re.findall(r"^HTTP/1.1 (\d+)", ended.stdout, re.MULTILINE) == statuses
        assert re.findall(r"^x-interim: (\d+)", ended.stdout, re.MULTILINE) == codes.split("-")


@pytest.mark.parametrize("status", [200, 204, 304, 404, 429, 503, 599])
def test_a_status_is_answered_as_it_is_named(upstream: Upstream, status: int) -> None:
    ended = run(program("curl"), "-sS", "-i", f"http://{upstream.place(80)}/answers-{status}")
    assert re.findall(r"^HTTP/1.1 (\d+)", ended.stdout, re.MULTILINE) == [str(status)]
    assert ("hostile" in ended.stdout) is (status not in BODILESS)


@pytest.mark.parametrize("name", AT_ONCE)
def test_some_answers_do_not_wait_for_the_requests_body(upstream: Upstream, name: str) -> None:
    sent = b"".join(each for each in AT_ONCE[name] if isinstance(each, bytes))
    with upstream.connect(80) as client:
        client.sendall(f"POST /{name} HTTP/1.1\r\ncontent-length: 5\r\n\r\nhe".encode())
        came = client.recv(len(sent), socket.MSG_WAITALL)
        assert came == sent
        if CLOSE in AT_ONCE[name]:
            assert client.recv(1) == b""
        elif RESET in AT_ONCE[name]:
            with pytest.raises(ConnectionResetError):
                client.recv(1)
        else:
            client.sendall(b"lloGET /no-content HTTP/1.1\r\n\r\n")
            assert client.recv(1 << 16).startswith(b"HTTP/1.1 204")


def test_every_behaviour_ends_or_waits_and_none_ends_the_program(upstream: Upstream) -> None:
    for name, steps in ANSWERS.items():
        with upstream.connect(80) as client:
            client.sendall(f"GET /{name} HTTP/1.1\r\n\r\n".encode())
            with contextlib.suppress(OSError):  # it has reset the connection by now
                client.shutdown(socket.SHUT_WR)
            came, end = receive_all(client)
        sent = b"".join(each for each in steps if isinstance(each, bytes))
        assert came == sent, name
        assert end == ("reset" if RESET in steps else "end"), name


def test_who_asks_at_the_end_is_told_of_all_that_has_ended(upstream: Upstream) -> None:
    upstream.control(b"seen at the end\n")
    for number in range(30):  # mostly not yet accepted when the question comes
        client = upstream.connect(16)
        if number % 2:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    told = json.loads(upstream.control(b"seen at the end\n"))
    # Of some that were reset before anybody took them there is nothing to see.
    assert [each["end"] for each in told].count("fin") == 15
    assert {each["end"] for each in told} <= {"fin", "reset"}

    with upstream.connect(16):
        took = []
        for _ in range(3):
            begun = time.monotonic()
            assert [each["end"] for each in json.loads(upstream.control(b"seen at the end\n"))] == [None]
            took.append(time.monotonic() - begun)
        assert took[0] > 1 > max(took[1:])  # a second is waited once for one that stays
    assert [each["end"] for each in json.loads(upstream.control(b"seen at the end\n"))] == ["fin"]


def as_told(upstream: Upstream, line: bytes) -> socket.socket:
    client = upstream.connect(11)
    client.sendall(line + b"\n")
    return client


def test_a_line_says_what_becomes_of_a_connection(upstream: Upstream) -> None:
    with as_told(upstream, b"say half read") as client:
        assert receive_all(client) == (b"said\n", "end")
        client.shutdown(socket.SHUT_WR)
        assert upstream.seen(11)["end"] == "fin"
    with as_told(upstream, b"say byte reset") as client:
        assert client.recv(5, socket.MSG_WAITALL) == b"said\n"
        client.sendall(b"x")
        assert receive_all(client) == (b"", "reset")
        assert upstream.seen(11)["end"] == "our-reset"
    with as_told(upstream, b"say close") as client:
        assert receive_all(client) == (b"said\n", "end")
        assert upstream.seen(11)["end"] == "ours"


def test_a_reset_after_the_end_is_told_too(upstream: Upstream) -> None:
    client = as_told(upstream, b"read say linger")
    client.shutdown(socket.SHUT_WR)
    assert client.recv(5, socket.MSG_WAITALL) == b"said\n"
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    told: dict[str, object] = {}

    def missing() -> str:
        told.update(upstream.log()[-1][1] if isinstance(upstream.log()[-1], list) else {})
        return "" if told.get("server") == upstream.place(11) and "then" in told else f"last: {told}"

    assert not waited_for(missing, 10), missing()
    assert (told["end"], told["then"]) == ("fin", "reset")
