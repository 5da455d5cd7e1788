"""Our own programs in a Pod of the local engine: what the image `peers` has on a cluster."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, StreamReset, TrailersReceived
from wsproto.frame_protocol import FrameProtocol

from takeover.engines import images
from takeover.engines.conformance.contract import single
from takeover.engines.contract import Container, Engine
from takeover.model.release import Release
from takeover.scenario.edits import add, replace
from takeover.scenario.library import Library

PROGRAMS = images.PEERS_FOLDER


@pytest.fixture(scope="module")
def main(engine: Engine, envoy: Release) -> Iterator[Container]:
    image = replace("Pod/app", "$.spec.containers[0].image", "envoy-takeover/peers:any")
    deployment = engine.deploy(single([image]), envoy)
    yield deployment.pod("app").container("main")
    deployment.delete()


def test_it_has_the_programs_and_the_packages_that_they_import(main: Container) -> None:
    files = sorted(str(each.relative_to(PROGRAMS)) for each in PROGRAMS.rglob("*.py"))
    listed = main.exec(["sh", "-c", "cd /opt/takeover/peers && find . -name '*.py'"])
    assert sorted(line.removeprefix("./") for line in listed.stdout.decode().split()) == files
    imported = (
        "import sys; sys.path.append('/opt'); from takeover.peers import packages; packages.find(); "
        "import grpc.aio, google.protobuf, google._upb._message, yaml, h2.connection, hpack, hyperframe, wsproto, ssl; "
        "from envoy.service.discovery.v3 import ads_pb2_grpc; "
        "ours = [grpc, google.protobuf, yaml, h2, ads_pb2_grpc]; "
        "assert all(each.__file__.startswith('/opt/takeover/packages/') for each in ours), ours; "
        "assert all(each.__cached__ and __import__('os').path.exists(each.__cached__) for each in ours), 'not compiled'"
    )
    assert main.exec(["python3", "-S", "-B", "-c", imported]).stderr == b""


def test_its_command_takeover_runs_the_control_plane(main: Container) -> None:
    assert b"usage: takeover control-plane" in main.exec(["takeover", "control-plane", "--help"]).stdout
    ended = main.exec(["takeover", "control-plan"])
    assert (ended.exit_code, ended.stdout) == (2, b"")
    assert ended.stderr == b"takeover: this image has the command control-plane, and no other\n"


def test_no_pod_changes_a_program(main: Container) -> None:
    before = {each: each.read_bytes() for each in PROGRAMS.rglob("*.py")}
    for command in ("echo >> relay.py", "rm relay.py", "touch another.py", "mount -o remount,rw,bind ."):
        assert main.exec(["sh", "-c", f"cd /opt/takeover/peers && {command}"]).exit_code != 0, command
    assert {each: each.read_bytes() for each in Path(PROGRAMS).rglob("*.py")} == before


def test_other_images_do_not_have_them(engine: Engine, envoy: Release) -> None:
    deployment = engine.deploy(single(), envoy)
    try:
        main = deployment.pod("app").container("main")
        assert main.exec(["ls", "/opt/takeover"]).exit_code != 0
        assert main.exec(["python3", "-c", "import h2"]).exit_code != 0
    finally:
        deployment.delete()


_MOST = 100
"""Answers. Each is lost with more than one chance in three, also where all cores are busy."""


def test_envoy_loses_an_answer_that_is_reset_at_the_instant_at_which_it_was_written(
    engine: Engine, envoy: Release
) -> None:
    deployment = engine.deploy(Library.bundled().scenario("outbound-allow-all", ["hostile"]), envoy)
    try:
        client = deployment.pod("outpod").container("nginx")
        upstream = deployment.pod("hostile/upstream").ip
        assert any(asked(client, upstream, 80, "/reset-after-answer") == b"" for _ in range(_MOST))
    finally:
        deployment.delete()


def test_the_upstream_tells_where_a_redirected_connection_went(engine: Engine, envoy: Release) -> None:
    rule = "iptables -t nat -A PREROUTING -p tcp --dport 12345 -j REDIRECT --to-ports 8080"
    redirecting = {
        "name": "init",
        "image": "bgiddings/iptables",
        "command": ["sh", "-c", rule],
        "securityContext": {"privileged": True},
    }
    scenario = Library.bundled().scenario("outbound-block-all", ["hostile"])
    edited = scenario.edited([add("Pod/hostile/upstream", "$.spec", "initContainers", [redirecting])])
    deployment = engine.deploy(edited, envoy)
    try:
        upstream = deployment.pod("hostile/upstream")
        assert b"200 OK" in asked(upstream.container("python"), upstream.ip, 8080, "/http-1.0")
        assert b"200 OK" in asked(
            deployment.pod("internet/website").container("nginx"), upstream.ip, 12345, "/http-1.0"
        )
        control = upstream.forward(9999)
        control.send(b"seen\n")
        told = b""
        while not told.endswith(b"\n"):
            more = control.receive(1 << 16, 60)
            assert more, told
            told += more
        control.close()
        places = [(each["server"], each["dialled"]) for each in json.loads(told)]
        assert places == [(f"{upstream.ip}:8080", f"{upstream.ip}:{port}") for port in (8080, 12345)]
    finally:
        deployment.delete()


def asked(client: Container, host: str, port: int, path: str) -> bytes:
    """What came of it until the end of the connection."""
    stream = client.connect(host, port)
    came = b""
    try:
        stream.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        while more := stream.receive(1 << 16, 60):
            came += more
    except ConnectionResetError:
        pass
    finally:
        stream.close()
    return came


def test_the_images_packages_speak_http2_and_websocket(engine: Engine, envoy: Release) -> None:
    deployment = engine.deploy(Library.bundled().scenario("outbound-block-all", ["hostile"]), envoy)
    try:
        upstream = deployment.pod("hostile/upstream")
        client = H2Connection(H2Configuration(header_encoding="utf-8"))
        client.initiate_connection()
        for number, path in ((1, "/trailers"), (3, "/rst-8-after-data")):
            asked_for = [(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "a")]
            client.send_headers(number, asked_for, end_stream=True)
        socket = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/any")]
        client.send_headers(5, [*socket, (":authority", "a")])
        client.send_data(5, bytes(FrameProtocol(client=True, extensions=[]).send_data("hello", fin=True)))
        stream = upstream.forward(8080)
        stream.send(client.data_to_send())
        came: list[Event] = []
        awaited: set[object] = {(1, TrailersReceived), (3, StreamReset), (5, DataReceived)}  # in any order
        while awaited - {(getattr(each, "stream_id", 0), type(each)) for each in came}:
            more = stream.receive(1 << 16, 60)
            assert more, came
            came += client.receive_data(more)
        stream.close()
        assert [each.error_code for each in came if isinstance(each, StreamReset)] == [8]
        trailers = [dict(each.headers) for each in came if isinstance(each, TrailersReceived)]
        assert str(trailers) == "[{'x-after': 'yes'}]"
        assert b"\x81\x05hello" in [each.data for each in came if isinstance(each, DataReceived)]
    finally:
        deployment.delete()
