"""The curl line sends what the probe sent: a server that keeps the bytes says so."""

import shutil
import socket
import subprocess
import threading
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from takeover.compare.reproduce import curl, reproduce
from takeover.compare.shell import printed, word
from takeover.model.checked import Checked
from takeover.model.document import ConfigResult, Observation, Outcome, ProbeResult
from takeover.model.request import ProbeRequest, ProbeTarget

LONG = "a" * 70_000


def received(request: dict[str, Any], is_whole: Callable[[bytearray], bool], peers: list[str] | None = None) -> bytes:
    """What a server gets when a shell runs the line: all that shall come, and shortly after it what shall not.

    Args:
        peers: takes the address from which it comes.
    """
    got = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, (peer, _) = server.accept()
            if peers is not None:
                peers.append(peer)
            with connection:
                connection.settimeout(60)
                try:
                    while data := connection.recv(1 << 16):
                        got.extend(data)
                        if is_whole(got):
                            connection.settimeout(0.3)
                except TimeoutError:
                    pass
                connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        to = {"host": "127.0.0.1", "port": server.getsockname()[1]}
        line = curl(msgspec.convert({"from": "client/client", "to": to} | request, ProbeRequest))
        assert "\n" not in line
        subprocess.run(["sh", "-c", line], capture_output=True, timeout=600)
        thread.join(120)
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
        ({"path": "/", "host": ""}, ["GET / HTTP/1.1", "Host:"], b""),
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
    sent, _, rest = received(
        whole, lambda got: b"\r\n\r\n" in got and len(got.partition(b"\r\n\r\n")[2]) >= len(body)
    ).partition(b"\r\n\r\n")
    assert sent.decode("latin-1").split("\r\n") == head
    assert rest == body


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here: it is what the line is for")
def test_bytes() -> None:
    sent = "GET  / HTTP/1.1\r\n\x00\xfe%s\\'" + LONG + "\r\n\r\n"
    steps = [{"send": sent[:20]}, {"await": True}, {"send": sent[20:]}, {"end": True}]
    got = received({"protocol": "http1", "steps": steps}, lambda got: len(got) >= len(sent))
    assert got == sent.encode("latin-1")


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here: it is what the line is for")
@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here: it is what the line is for")
@pytest.mark.parametrize(
    "more",
    [
        {"method": "GET", "path": "/", "version": "1.1"},
        {"steps": [{"send": "GET / HTTP/1.1\r\n\r\n"}, {"end": True}]},
        {
            "steps": [{"send": "a"}],
            "tls": {"server_name": "x", "min_version": "TLSv1.2", "max_version": "TLSv1.3"},
        },
    ],
    ids=["curl", "telnet", "openssl"],
)
def test_it_comes_from_the_address_that_the_probe_came_from(more: dict[str, Any]) -> None:
    peers = list[str]()
    received({"protocol": "http1", "source_address": "127.0.0.5", **more}, bool, peers)
    assert peers == ["127.0.0.5"]


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
    assert reproduce(Outcome(nodeid, scenario, name, "fail"), "1.40.0", "local") == [f"pytest --envoy 1.40.0 {line}"]


def test_how_envoy_was_configured_is_told() -> None:
    outcome = Outcome("a.py::t[envoy-1.40.0]", "s", "a.py::t", "fail")
    [command] = reproduce(outcome, "1.40.0", "local", "delta-ads")
    assert command == "pytest --envoy 1.40.0 --delivery delta-ads --keep 'a.py::t[envoy-1.40.0]'"


@pytest.mark.parametrize(
    ("engine", "words"),
    [("local", ""), ("kubernetes", " --engine kubernetes --kube-context NAME"), ("mine", " --engine mine")],
)
def test_the_engine_is_named_where_it_is_not_the_one_of_a_run_by_itself(engine: str, words: str) -> None:
    outcome = Outcome("a.py::t[envoy-1.40.0]", "s", "a.py::t", "fail")

    assert reproduce(outcome, "1.40.0", engine) == [f"pytest --envoy 1.40.0{words} --keep 'a.py::t[envoy-1.40.0]'"]


AGENT = "-H User-Agent: -H Accept: -H Content-Type:"
ASKED = {"protocol": "http1", "method": "GET", "path": "/", "version": "1.1"}


@pytest.mark.parametrize(
    ("to", "host"),
    [
        ({"service": "app"}, "app.default.svc.cluster.local"),
        ({"service": "v1/app"}, "app.v1.svc.cluster.local"),
        ({"pod": "one/the-pod"}, "$one_the_pod"),
        ({"host": "10.0.0.1"}, "10.0.0.1"),
        ({"host": "fd00::1"}, "[fd00::1]"),
    ],
)
def test_where_a_line_goes(to: dict[str, str], host: str) -> None:
    request = msgspec.convert({"from": "client/client", "to": to | {"port": 81}} | ASKED, ProbeRequest)

    assert (
        curl(request) == f"curl -sv --max-time 5 --http1.1 -X GET --request-target / -H Host: {AGENT} http://{host}:81"
    )


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"version": "1.0"}, f"curl -sv --max-time 5 --http1.0 -X GET --request-target / -H Host: {AGENT} http://x:80"),
        ({"version": "2.0"}, f"curl -sv --max-time 5 -X GET --request-target / -H Host: {AGENT} http://x:80"),
        (
            {"protocol": "http2", "host": "y"},
            f"curl -sv --max-time 5 --http2-prior-knowledge -X GET --request-target / -H 'Host: y' {AGENT} http://x:80",
        ),
        (
            {"method": "POST", "chunks": ["a", "b"], "body": "not this", "trailers": ["x: y", "z: 1"]},
            f"printf 'ab' | curl -sv --max-time 5 --http1.1 -X POST --request-target / -H Host: {AGENT} "
            "-H 'Transfer-Encoding: chunked' --data-binary @- http://x:80"
            "  # and these trailers, which curl cannot send: x: y, z: 1",
        ),
        (
            {"method": None, "path": None},
            f"curl -sv --max-time 5 --http1.1 -X '' --request-target '' -H Host: {AGENT} http://x:80",
        ),
        (
            {"steps": [{"send": "a"}, {"await": True}, {"send": "b"}]},
            "printf 'ab' | curl -sv --max-time 5 telnet://x:80",
        ),
        (
            {"steps": [{"send": "\xff"}]},
            "printf '\\377' | curl -sv --max-time 5 telnet://x:80  # curl's telnet sends the byte 377 twice",
        ),
    ],
)
def test_a_line_to_the_letter(asked: dict[str, Any], line: str) -> None:
    to = {"host": "x", "port": 80}
    assert curl(msgspec.convert({"from": "client/client", "to": to} | ASKED | asked, ProbeRequest)) == line


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("", "printf ''"),
        ("a'b", r"printf 'a\047b'"),
        ("a" * 200, r"head -c 200 /dev/zero | tr '\0' '\141'"),
        ("a" * 199, f"printf '{'a' * 199}'"),
        ("x" + "a" * 200, r"{ printf 'x'; head -c 200 /dev/zero | tr '\0' '\141'; }"),
        ("a" * 200 + "%x", r"{ head -c 200 /dev/zero | tr '\0' '\141'; printf '%%x'; }"),
    ],
)
def test_what_is_printed_to_the_letter(text: str, command: str) -> None:
    assert printed(text) == command


@pytest.mark.parametrize(
    ("envoy", "named"),
    [("1.40.0", "1.40.0"), ("1.40.0.post1", "1.40.0.post1"), ("1.40.0-dev", "1.40.0-dev=PATH"), ("mine", "mine=PATH")],
)
def test_a_build_of_ones_own_has_a_path_to_fill_in(envoy: str, named: str) -> None:
    assert reproduce(Outcome("a.py::t", "s", "a.py::t", "fail"), envoy, "local") == [
        f"pytest --envoy {named} --keep a.py::t"
    ]


def test_of_a_check_it_is_the_command_that_checks_again() -> None:
    request = ProbeRequest(source="given/upstream", to=ProbeTarget(host="127.0.0.1", port=8080), protocol="http1")
    probe = ProbeResult("gateway", "routes/a", request, Observation(200))
    checked = Checked("my gateway.yaml", "bootstrap", "gateway")
    command, comment, line = reproduce(probe, "mine", "local", checked=checked)
    assert command == "takeover check 'my gateway.yaml' --envoy mine=PATH --keep"
    assert "given/upstream" in comment
    assert line == curl(request)
    config = ConfigResult("gateway", "manifest", loads=False)
    assert reproduce(config, "1.40.0", "local", checked=checked) == [
        "takeover check 'my gateway.yaml' --envoy 1.40.0 --keep"
    ]
