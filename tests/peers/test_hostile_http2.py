"""The hostile upstream over HTTP/2, asked by curl, nghttp and h2load."""

import re
import socket

import pytest
from hyperframe.frame import DataFrame, GoAwayFrame, HeadersFrame, PingFrame, RstStreamFrame, SettingsFrame

from takeover.net.http2_frames import frame
from takeover.peers.hostile.http2_answers import ANSWERS
from tests.peers.upstream import CERTIFICATES, Upstream, program, run

CA = str(CERTIFICATES / "ca.pem")
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
GET = b"\x82\x86\x41\x01a"  # :method GET, :scheme http, :authority a


def curl(upstream: Upstream, path: str, *arguments: str) -> tuple[int, str]:
    """Its exit code, and what it got and said."""
    url = f"http://{upstream.place(8080)}/{path}"
    ended = run(program("curl"), "-sS", "-i", "--max-time", "60", "--http2-prior-knowledge", *arguments, url)
    return ended.returncode, ended.stdout + ended.stderr


def nghttp(upstream: Upstream, *arguments: str, paths: tuple[str, ...] = ("",)) -> str:
    urls = [f"http://{upstream.place(8080)}/{path}" for path in paths]
    return run(program("nghttp"), "-v", "--no-dep", "--timeout=30", *arguments, *urls).stdout


def test_curl_gets_its_request_back(upstream: Upstream) -> None:
    code, told = curl(upstream, "any", "-d", "a body", "-H", "X-Mine: 1", "-H", "x-mine: 2")
    assert code == 0
    assert told.startswith("HTTP/2 200")
    assert ":method: POST\n:path: /any\n:scheme: http\n" in told
    assert "x-mine: 1\nx-mine: 2\n" in told
    assert told.endswith("\n\na body")
    seen = upstream.seen(8080)
    assert (seen["protocol"], seen["requests"], seen["end"]) == ("http/2", 1, "fin")
    [logged] = [each for each in upstream.log() if isinstance(each, dict) and each["client"] == seen["client"]]
    assert logged["protocol"] == "HTTP/2.0"


def test_who_asks_by_head_gets_no_body(upstream: Upstream) -> None:
    """Envoy resets the stream where one comes, and its client's connection."""
    told = nghttp(upstream, "-H", ":method: HEAD")
    assert "content-length: " in told
    assert "RST_STREAM" not in told


@pytest.mark.parametrize("size", [0, 64, 1 << 20])
def test_headers_are_read_with_a_table_of_any_size(upstream: Upstream, size: int) -> None:
    told = nghttp(upstream, f"--header-table-size={size}", paths=("cookies?1", "cookies?2", "headers-101"))
    assert told.count(":status: 200") == 3
    assert "error_code=COMPRESSION_ERROR" not in told


def test_alpn_chooses_it_over_tls(upstream: Upstream) -> None:
    address, port = upstream.at(443)
    to = ["--connect-to", f"any.hostile.test:443:{address}:{port}", "--cacert", CA]
    ended = run(program("curl"), "-sS", "-i", "--http2", *to, "https://any.hostile.test/any")
    assert ended.stdout.startswith("HTTP/2 200"), ended.stderr
    seen = upstream.seen(443)
    assert (seen["tls"]["alpn"], seen["protocol"], seen["requests"]) == ("h2", "http/2", 1)


def test_a_large_body_each_way_keeps_to_the_windows(upstream: Upstream) -> None:
    sent = b"a" * 300_000
    url = f"http://{upstream.place(8080)}/any"
    command = [program("curl"), "-sS", "--http2-prior-knowledge", "--data-binary", "@-", url]
    assert run(*command, stdin=sent).stdout.endswith("\n\n" + sent.decode())
    assert len(curl(upstream, "megabyte")[1]) > 1 << 20
    assert "megabyte" in nghttp(upstream, "--window-bits=10", "--connection-window-bits=16", paths=("megabyte",))


def test_h2load_finds_all_answered_when_many_streams_share_connections(upstream: Upstream) -> None:
    command = [program("h2load"), "-n", "200", "-c", "4", "-m", "20", f"http://{upstream.place(8080)}/any"]
    assert "200 succeeded, 0 failed, 0 errored, 0 timeout" in run(*command).stdout


def test_a_stream_that_stalls_keeps_no_other_waiting(upstream: Upstream) -> None:
    told = nghttp(upstream, "--timeout=8", paths=("stall", "stall-in-body", "any"))
    assert ":path: /any" in told


@pytest.mark.parametrize("code", [0, 1, 2, 7, 8, 11, 13])
def test_a_reset_with_a_code_at_each_moment(upstream: Upstream, code: int) -> None:
    for moment, headers, data in (
        ("", False, False), ("-after-headers", True, False), ("-after-data", True, True), ("-after-answer", True, True)
    ):  # fmt: skip
        told = nghttp(upstream, paths=(f"rst-{code}{moment}",))
        if moment != "-after-answer":  # nghttp has ended by then, or not
            assert f"(error_code={name_of(code)}(0x{code:02x}))" in told
        assert ("recv (stream_id=1) :status: 200" in told, "recv DATA" in told) == (headers, data)


def test_a_reset_after_the_answer(upstream: Upstream) -> None:
    with upstream.connect(8080) as client:
        block = GET + b"\x44\x13/rst-0-after-answer"
        client.sendall(PREFACE + SettingsFrame(0).serialize())
        client.sendall(HeadersFrame(1, block, flags=["END_HEADERS", "END_STREAM"]).serialize())
        client.shutdown(socket.SHUT_WR)
        came = b""
        while more := client.recv(1 << 16):
            came += more
    end, reset = b"\0\0\x04\0\x01\0\0\0\x01ile\n", b"\0\0\x04\x03\0\0\0\0\x01\0\0\0\0"
    assert came.endswith(end + reset)


def name_of(code: int) -> str:
    """As nghttp calls it."""
    return [
        "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
        "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
    ][code]  # fmt: skip


@pytest.mark.parametrize(("name", "last"), [("goaway-11-after-headers", 1), ("goaway-before", 0)])
def test_goaway_at_any_moment(upstream: Upstream, name: str, last: int) -> None:
    told = nghttp(upstream, paths=(name,))
    assert re.search(rf"recv GOAWAY frame .*\n.*\(last_stream_id={last}, .*opaque_data\(7\)=\[hostile\]", told)


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("trailers", 0, "x-after: yes"),
        ("early-hints", 0, "HTTP/2 103"),
        ("continue-twice", 0, "HTTP/2 100"),
        ("no-content", 0, "HTTP/2 204"),
        ("slow-body", 0, "hostile"),
        ("padded", 0, "hostile"),
        ("header-8k", 0, "x-long: aaa"),
        ("goaway-0-after-data", 0, "hostile"),
        ("no-status", 92, "HTTP/2 stream"),
        ("header-case", 92, "HTTP/2 stream"),
        ("length-of-letters", 92, "HTTP/2 stream"),
        ("rst-2-after-data", 92, "INTERNAL_ERROR"),
        ("stall-in-body", 28, "timed out"),
        ("block-of-no-index", 16, ""),
        ("close-in-body", 56, ""),
    ],
)
def test_what_curl_makes_of_an_answer(upstream: Upstream, name: str, code: int, said: str) -> None:
    limit = ["--max-time", "1"] if code == 28 else []
    got, told = curl(upstream, name, *limit)
    assert said in told
    assert got == code or (code in (16, 56, 92) and got in (16, 18, 52, 55, 56, 92))


@pytest.mark.parametrize("codes", ["100", "103-103", "100-102-103"])
def test_answers_before_the_answer_come_in_their_order(upstream: Upstream, codes: str) -> None:
    for then, ends in (("200", "200"), ("304", "304"), ("rst-8", "")):
        told = curl(upstream, f"interim-{codes}-then-{then}")[1]
        statuses = [*codes.split("-"), *([ends] if ends else [])]
        assert re.findall(r"^HTTP/2 (\d+)", told, re.MULTILINE) == statuses
        assert re.findall(r"^x-interim: (\d+)", told, re.MULTILINE) == codes.split("-")


@pytest.mark.parametrize("status", [200, 204, 304, 404, 429, 503, 599])
def test_a_status_is_answered_as_it_is_named(upstream: Upstream, status: int) -> None:
    code, told = curl(upstream, f"answers-{status}")
    assert code == 0
    assert re.findall(r"^HTTP/2 (\d+)", told, re.MULTILINE) == [str(status)]


def test_every_behaviour_writes_whole_frames_and_none_ends_the_program(upstream: Upstream) -> None:
    for name in ANSWERS:
        if name.startswith(("rst-", "goaway-")) and "-0" not in name:
            continue
        with upstream.connect(8080) as client:
            block = GET + b"\x44" + len(name + "/").to_bytes(1, "big") + b"/" + name.encode()
            asked = PREFACE + SettingsFrame(0).serialize()
            asked += HeadersFrame(1, block, flags=["END_HEADERS", "END_STREAM"]).serialize()
            # PING: what is answered after it is no part of the answer. At once: an answer may end the connection.
            client.sendall(asked + PingFrame(0, b"asked...").serialize())
            came = b""
            try:
                while b"asked..." not in came and (more := client.recv(1 << 20)):
                    came += more
                    if len(came) > 60000:  # the windows are full, or soon
                        break
            except ConnectionResetError:
                assert name.startswith("reset-") or name.endswith("-then-reset"), name
        rest = came
        while len(rest) >= 9 and len(rest) >= (size := 9 + int.from_bytes(rest[:3], "big")):
            rest = rest[size:]
        assert not rest or len(came) > 60000, name
    assert upstream.control(b"end\n") == b"ended\n"


def test_it_tells_what_the_client_set_and_reset(upstream: Upstream) -> None:
    with upstream.connect(8080) as client:
        client.sendall(PREFACE + SettingsFrame(0, {4: 1000}).serialize())
        client.sendall(HeadersFrame(1, GET + b"\x84", flags=["END_HEADERS"]).serialize())
        client.sendall(RstStreamFrame(1, 8).serialize() + GoAwayFrame(0, 0, 11).serialize())
        client.shutdown(socket.SHUT_WR)
        while client.recv(1 << 16):
            pass
    http2 = upstream.seen(8080)["http2"]
    assert http2 == {"settings": {"4": 1000}, "resets": [[1, 8]], "goaway": [0, 11]}


def test_it_tells_what_metadata_came_and_where(upstream: Upstream) -> None:
    with upstream.connect(8080) as client:
        client.sendall(PREFACE + SettingsFrame(0).serialize())
        client.sendall(HeadersFrame(1, GET + b"\x84", flags=["END_HEADERS"]).serialize())
        for body, flags in ((b"\0\x01z\x01v\0\x01a", 0), (b"\x01v", 4), (b"\xff\xff", 4)):
            client.sendall(frame(0x4D, flags, 1, body) + DataFrame(1, b"ab").serialize())
        client.sendall(frame(0x4D, 4, 3, b"\0\x01k\x32" + b"v" * 50))
        client.shutdown(socket.SHUT_WR)
        while client.recv(1 << 16):
            pass
    told = upstream.seen(8080)["http2"]["metadata"]
    assert told[0] == [1, 2, ["a: v", "z: v"]]
    assert told[1] == [1, 4, ["wrong"]]
    assert told[2] == [3, None, [f"k: {'v' * 40}… (50)"]]
