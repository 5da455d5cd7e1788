"""Frames step by step to nghttp2's own server: it prints of each frame what we wrote, and its answer is read."""

import contextlib
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from takeover.node import host
from takeover.probes.protocols.contract import Exchange
from tests.probes.peers.conftest import Exchanged

HEADERS = '":method: GET", ":scheme: http", ":path: /index.html", ":authority: a.example"'
GET = f"headers: [{HEADERS}], end_stream: true"
BEGIN = "protocol: http2\nsteps:\n- {settings: []}\n"
_ENDED = re.compile(r"closed$", re.MULTILINE)


@dataclass(frozen=True)
class Server:
    """nghttpd on loopback, which serves one file, and tells of each frame."""

    port: int
    log: Path

    def received(self) -> str:
        """All that it told until the last connection ended."""
        return Retrying(retry=retry_if_result(lambda text: not _ENDED.search(text)), wait=wait_fixed(0.01),
                        stop=stop_after_delay(60))(self.log.read_text)  # fmt: skip


@pytest.fixture
def nghttpd(tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own: its log tells of one connection."""
    (tmp_path / "index.html").write_text("hello\n")
    log = tmp_path / "log"
    command = ["nghttpd", "--no-tls", "-v", "-a", "127.0.0.1", "-d", str(tmp_path), "0"]
    with (
        log.open("w") as file,
        subprocess.Popen(
            ["stdbuf", "-oL", *command],
            stdout=file,
            env={"PATH": host.path_of_root()},  # Debian has it among root's programs
        ) as process,
    ):
        try:
            found = Retrying(retry=retry_if_result(lambda port: not port), wait=wait_fixed(0.01),
                             stop=stop_after_delay(60))(lambda: _port_of(process.pid))  # fmt: skip
            yield Server(found, log)
        finally:
            process.kill()


def _port_of(pid: int) -> int:
    """The port on which the process listens, by the sockets that it has; 0 until it does."""
    own = set()
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            own.add(str(each.readlink()))
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in own:
            return int(fields[1].rpartition(":")[2], 16)
    return 0


Frames = Callable[[str], Exchange]


@pytest.fixture
def frames(exchanged: Exchanged, nghttpd: Server) -> Frames:
    """The exchange of a probe over HTTP/2 that has those steps after an empty SETTINGS, and ends its direction then."""
    return lambda steps: exchanged(f"{BEGIN}{steps}\n- {{end: true}}", nghttpd.port)


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        (f"- {{{GET}}}", r"recv HEADERS frame <length=\d+, flags=0x05, stream_id=1>"),
        (f"- {{{GET}, padding: 5}}", r"recv HEADERS frame <length=\d+, flags=0x0d, stream_id=1>\n.*\n *\(padlen=6\)"),
        (f"- {{headers: [{HEADERS}, 'cookie: a=1', 'cookie: b=2'], end_stream: true}}",
         r"recv \(stream_id=1\) cookie: a=1\n.*recv \(stream_id=1\) cookie: b=2"),
        (f"- {{headers: [{HEADERS}]}}\n- {{data: hello, padding: 3, end_stream: true}}",
         r"recv DATA frame <length=9, flags=0x09, stream_id=1>"),
        (f"- {{headers: [{HEADERS}]}}\n- {{headers: ['x-after: 1'], end_stream: true}}",
         r"recv \(stream_id=1\) x-after: 1"),
        (f"- {{priority: 16, depends_on: 3, exclusive: true}}\n- {{{GET}}}",
         r"recv PRIORITY frame <length=5, flags=0x00, stream_id=1>\n.*\(dep_stream_id=3, weight=16, exclusive=1\)"),
        (f"- {{ping: abcdefgh}}\n- {{{GET}}}", r"recv PING frame <length=8, flags=0x00, stream_id=0>"),
        (f"- {{window_update: 5}}\n- {{{GET}}}",
         r"recv WINDOW_UPDATE frame <length=4, flags=0x00, stream_id=0>\n.*\(window_size_increment=5\)"),
        (f"- {{settings: ['HEADER_TABLE_SIZE: 0']}}\n- {{{GET}}}", r"\[SETTINGS_HEADER_TABLE_SIZE\(0x01\):0\]"),
    ],
)  # fmt: skip
def test_it_sees_what_we_wrote_and_we_its_answer(frames: Frames, nghttpd: Server, steps: str, told: str) -> None:
    answer = frames(f"{steps}\n- {{await: stream_end}}").answer

    assert (answer.status, answer.body, answer.stream_end) == (200, b"hello\n", "closed")
    assert re.search(told, nghttpd.received())


def test_it_sees_our_reset_by_its_code(frames: Frames, nghttpd: Server) -> None:
    steps = f"- {{headers: [{HEADERS}]}}\n- {{rst_stream: CANCEL}}\n- {{{GET}, stream: 3}}"
    exchange = frames(f"{steps}\n- {{await: stream_end, stream: 3}}")

    assert (exchange.answer.status, exchange.answer.body) == (200, b"hello\n")  # of the stream that was answered
    assert re.search(r"recv RST_STREAM frame .*stream_id=1>\n.*\(error_code=CANCEL\(0x08\)\)", nghttpd.received())


def test_it_sees_our_goaway(frames: Frames, nghttpd: Server) -> None:
    frames(f"- {{{GET}}}\n- {{await: stream_end}}\n- {{goaway: ENHANCE_YOUR_CALM, debug: why}}")

    assert re.search(
        r"recv GOAWAY frame .*\n.*error_code=ENHANCE_YOUR_CALM\(0x0b\), opaque_data\(3\)=\[why\]", nghttpd.received()
    )


@pytest.mark.parametrize(
    ("steps", "goaway"),
    [
        ("- {data: x, stream: 5}", "GOAWAY PROTOCOL_ERROR last 0 'DATA: stream in idle'"),
        ("- {ping: abc}", "GOAWAY FRAME_SIZE_ERROR last 0"),
        ("- {frame: SETTINGS, payload: abcde}", "GOAWAY FRAME_SIZE_ERROR last 0"),
    ],
)
def test_what_is_wrong_ends_the_connection_by_its_error(frames: Frames, steps: str, goaway: str) -> None:
    came = frames(f"{steps}\n- {{await: goaway}}").answer.frames

    assert came is not None
    assert [each for each in came if each.startswith("GOAWAY")] == [goaway]
