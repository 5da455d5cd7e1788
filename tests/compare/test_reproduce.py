"""The curl line sends what the probe sent: a server that keeps the bytes says so."""

import shutil
import socket
import subprocess
import threading
from typing import Any

import msgspec
import pytest

from takeover.compare.reproduce import curl, reproduce
from takeover.compare.shell import printed, word
from takeover.model.document import Outcome
from takeover.model.request import ProbeRequest

LONG = "a" * 70_000


def received(request: dict[str, Any]) -> bytes:
    """What a server gets when a shell runs the line."""
    got = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.settimeout(0.3)
                try:
                    while data := connection.recv(1 << 16):
                        got.extend(data)
                        if len(got) >= request.get("length", 1 << 30):
                            break
                except TimeoutError:
                    pass
                connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        to = {"host": "127.0.0.1", "port": server.getsockname()[1]}
        line = curl(msgspec.convert({"from": "client/client", "to": to} | request, ProbeRequest))
        assert "\n" not in line
        subprocess.run(["sh", "-c", line], capture_output=True, timeout=20)
        thread.join(10)
    return bytes(got)


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here: it is what the line is for")
@pytest.mark.parametrize(
    ("request_", "head", "body"),
    [
        ({"path": "/a/../b?c#d", "host": "x.y"}, ["GET /a/../b?c#d HTTP/1.1", "Host: x.y"], b""),
        ({"path": "/", "version": "1.0", "headers": ["X-Empty: ", "x-a: 1", "x-a: 2"]},
         ["GET / HTTP/1.0", "X-Empty:", "x-a: 1", "x-a: 2"], b""),
        ({"path": "/$HOME`id`'\"", "headers": ["x: it's $HOME \xe9"]},
         ["GET /$HOME`id`'\" HTTP/1.1", "x: it's $HOME \xe9"], b""),
        ({"path": "http://a.b/c", "host": "d"}, ["GET http://a.b/c HTTP/1.1", "Host: d"], b""),
        ({"path": "/", "headers": [f"x: {LONG}"]}, ["GET / HTTP/1.1", f"x: {LONG}"], b""),
        ({"path": "/", "headers": [["x: ", {"repeat": "a", "times": len(LONG)}]]},
         ["GET / HTTP/1.1", f"x: {LONG}"], b""),
        ({"path": "/", "method": "PUT", "body": "100% \\ of\n\x00"},
         ["PUT / HTTP/1.1", "Content-Length: 11"], b"100% \\ of\n\x00"),
        ({"path": "/", "method": "HEAD"}, ["HEAD / HTTP/1.1"], b""),
    ],
)  # fmt: skip
def test_http(request_: dict[str, Any], head: list[str], body: bytes) -> None:
    whole = {"protocol": "http1", "method": "GET", "version": "1.1"} | request_
    sent, _, rest = received(whole).partition(b"\r\n\r\n")
    assert sent.decode("latin-1").split("\r\n") == head
    assert rest == body


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here: it is what the line is for")
def test_bytes() -> None:
    sent = "GET  / HTTP/1.1\r\n\x00\xfe%s\\'" + LONG + "\r\n\r\n"
    steps = [{"send": sent[:20]}, {"await": True}, {"send": sent[20:]}, {"end": True}]
    assert received({"protocol": "http1", "steps": steps}) == sent.encode("latin-1")


@pytest.mark.parametrize("text", ["", "plain", "it's", "a b", "$x `y`", "\x01\xff", LONG, f"x{LONG}y\n%d{LONG}"])
def test_a_shell_makes_the_same_bytes(text: str) -> None:
    made = subprocess.run(["sh", "-c", printed(text)], capture_output=True, check=True).stdout
    assert made == text.encode("latin-1")
    assert len(printed(text)) < 200
    if not text.endswith("\n"):
        echoed = subprocess.run(["sh", "-c", f"printf %s {word(text)}"], capture_output=True, check=True).stdout
        assert echoed == text.encode("latin-1")


@pytest.mark.parametrize(
    ("name", "scenario", "line"),
    [
        ("suites/one/test_it.py::test_it[alice]", "one", "--keep 'suites/one/test_it.py::test_it[alice-envoy-1.40.0]'"),
        ("manifests/one/probes.yaml::hostile", "one", "--keep --probes -m probes -k 'one and hostile'"),
        ("manifests::facts", "", "--probes -m probes -k facts"),
    ],
)
def test_what_is_no_test_of_a_file_is_reproduced_by_what_chooses_it(name: str, scenario: str, line: str) -> None:
    nodeid = name.replace("]", "-envoy-1.40.0]") if "]" in name else f"{name}[envoy-1.40.0]"
    assert reproduce(Outcome(nodeid, scenario, name, "fail"), "1.40.0", "local") == [f"./run --envoy 1.40.0 {line}"]


@pytest.mark.parametrize(
    ("engine", "words"),
    [("local", ""), ("kubernetes", " --engine kubernetes --kube-context NAME"), ("mine", " --engine mine")],
)
def test_the_engine_is_named_where_it_is_not_the_one_of_a_run_by_itself(engine: str, words: str) -> None:
    outcome = Outcome("a.py::t[envoy-1.40.0]", "s", "a.py::t", "fail")

    assert reproduce(outcome, "1.40.0", engine) == [f"./run --envoy 1.40.0{words} --keep 'a.py::t[envoy-1.40.0]'"]
