"""Frames as they are written in probes.yaml become bytes; what does not fit is one line with its place."""

import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hpack import Decoder

from takeover.base.errors import BadInputError
from takeover.compare.reproduce import curl
from takeover.probes.probe import Probe
from takeover.probes.protocols.written import AwaitEvent, End, Send
from tests.probes.reading import read_one

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def steps_of(tmp_path: Path, text: str) -> Probe:
    return read_one(tmp_path, f"protocol: http2\nsteps:\n{text}\n")


def sent(probe: Probe) -> bytes:
    return b"".join(each.data for each in probe.sends.steps if isinstance(each, Send))


def frames(data: bytes) -> list[tuple[int, int, int, bytes]]:
    """Type, flags, stream and payload of each, after the preface."""
    assert data.startswith(PREFACE)
    found, at = [], len(PREFACE)
    while at < len(data):
        high, low, kind, flags, stream = struct.unpack(">HBBBL", data[at : at + 9])
        length = high << 8 | low
        found.append((kind, flags, stream, data[at + 9 : at + 9 + length]))
        at += 9 + length
    return found


@pytest.mark.parametrize(
    ("step", "frame"),
    [
        ("settings: []", (4, 0, 0, b"")),
        ("settings: [], flags: [ACK]", (4, 1, 0, b"")),
        ('settings: ["MAX_FRAME_SIZE: 1", "0x10: 4294967295", "3: 2"]',
         (4, 0, 0, b"\0\5\0\0\0\1\0\x10\xff\xff\xff\xff\0\3\0\0\0\2")),
        ("data: hello", (0, 0, 1, b"hello")),
        ("data: hello, stream: 4294967295, end_stream: true", (0, 1, 0xFFFF_FFFF, b"hello")),
        ("data: a, padding: 2", (0, 8, 1, b"\2a\0\0")),
        ("rst_stream: CANCEL", (3, 0, 1, b"\0\0\0\x08")),
        ("rst_stream: 0x1234, stream: 3", (3, 0, 3, b"\0\0\x12\x34")),
        ("goaway: ENHANCE_YOUR_CALM, last_stream: 7, debug: why", (7, 0, 0, b"\0\0\0\7\0\0\0\x0bwhy")),
        ("window_update: 5", (8, 0, 0, b"\0\0\0\5")),
        ("window_update: 0, stream: 9", (8, 0, 9, b"\0\0\0\0")),
        ("ping: abcdefgh", (6, 0, 0, b"abcdefgh")),
        ("ping: [{repeat: a, times: 9}], flags: [1, 0x80], stream: 2", (6, 0x81, 2, b"a" * 9)),
        ("priority: 256, depends_on: 5, exclusive: true", (2, 0, 1, b"\x80\0\0\5\xff")),
        ("frame: 0xfa, payload: [hi, {repeat: x, times: 3}], flags: [END_HEADERS]", (0xFA, 4, 1, b"hixxx")),
        ("frame: DATA, stream: 0", (0, 0, 0, b"")),
        ("headers: [], block: \"\\x82\"", (1, 4, 1, b"\x82")),
        ("continuation: [], block: \"\\x82\", flags: []", (9, 0, 1, b"\x82")),
    ],
)  # fmt: skip
def test_any_frame(tmp_path: Path, step: str, frame: tuple[int, int, int, bytes]) -> None:
    assert frames(sent(steps_of(tmp_path, f"- {{{step}}}"))) == [frame]


def test_a_length_may_be_wrong(tmp_path: Path) -> None:
    assert sent(steps_of(tmp_path, "- {data: hello, length: 70000}")) == PREFACE + b"\1\x11\x70\0\0\0\0\0\1hello"


def test_headers_in_any_order_as_they_are_written(tmp_path: Path) -> None:
    lines = [":path: /", "Upper: A", ":method: GET", "cookie: a=1", "cookie: b=2", "none", ": empty", "x:  y\xe9"]
    [(kind, flags, stream, block)] = frames(sent(steps_of(tmp_path, f"- headers: {lines}\n  end_stream: true")))

    assert (kind, flags, stream) == (1, 5, 1)
    assert [(bytes(name), bytes(value)) for name, value in Decoder().decode(block, raw=True)] == [
        (b":path", b"/"), (b"Upper", b"A"), (b":method", b"GET"), (b"cookie", b"a=1"), (b"cookie", b"b=2"),
        (b"none", b""), (b": empty", b""), (b"x", b" y\xe9"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", [(1, 1), (9, 0), (9, 4)]),
        ("flags: []", [(1, 1), (9, 0), (9, 0)]),
        ("padding: 1", [(1, 9), (9, 0), (9, 4)]),
    ],
)
def test_a_block_is_split(tmp_path: Path, more: str, expected: list[tuple[int, int]]) -> None:
    text = f"- {{headers: ['a: 1234567890'], split: 6, end_stream: true, {more}}}"
    found = frames(sent(steps_of(tmp_path, text)))

    assert [(kind, flags) for kind, flags, _, _ in found] == expected
    block = b"".join(payload.removeprefix(b"\1").removesuffix(b"\0") for *_, payload in found)
    assert [(bytes(name), bytes(value)) for name, value in Decoder().decode(block, raw=True)] == [(b"a", b"1234567890")]


def test_one_peer_packs_all_its_headers(tmp_path: Path) -> None:
    """What was sent once is a number the next time: a small list may become a large one."""
    first, second = frames(sent(steps_of(tmp_path, "- headers: ['x: yyyyyyyyyy']\n- headers: ['x: yyyyyyyyyy']\n")))

    assert len(second[3]) == 1
    decoder = Decoder()
    assert [*decoder.decode(first[3])] == [*decoder.decode(second[3])]


def test_a_repeat_goes_from_stream_to_stream_and_is_sent_at_once(tmp_path: Path) -> None:
    probe = steps_of(
        tmp_path,
        "- repeat: 3\n  increase: 4\n  steps:\n  - {data: a, stream: 3}\n  - {window_update: 1}\n  - {rst_stream: 8}",
    )
    assert len(probe.sends.steps) == 2
    assert [(kind, stream) for kind, _, stream, _ in frames(sent(probe))] == [
        (0, 3), (8, 0), (3, 1), (0, 7), (8, 0), (3, 5), (0, 11), (8, 0), (3, 9),
    ]  # fmt: skip


def test_awaits_count(tmp_path: Path) -> None:
    probe = steps_of(
        tmp_path,
        "- {await: data}\n- {repeat: 2, steps: [{ping: a}, {await: data, stream: 1}]}\n- {await: data}\n- {end: true}",
    )
    assert [each for each in probe.sends.steps if not isinstance(each, Send)] == [
        AwaitEvent("data"), AwaitEvent("data", 1), AwaitEvent("data", 3), AwaitEvent("data", None, 2), End(),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("steps", "answers"),
    [
        ("[]", 1),
        ("[{headers: []}, {headers: [], stream: 3}, {headers: [], stream: 3}]", 2),
        ("[{headers: []}, {rst_stream: 8}, {headers: [], stream: 3}]", 1),
        ("[{repeat: 4, steps: [{headers: []}]}]", 4),
        ("[{headers: []}]\nanswers: 0", 0),
    ],
)
def test_how_many_answers_end_it(tmp_path: Path, steps: str, answers: int) -> None:
    assert read_one(tmp_path, f"protocol: http2\nsteps: {steps}").sends.answers == answers


def test_its_record_is_what_is_sent_and_in_words(tmp_path: Path) -> None:
    probe = steps_of(tmp_path, "- {data: hi, end_stream: true}\n- {await: goaway}\n- {send: raw}")

    assert [(each.what, each.send, each.await_) for each in probe.request.steps or ()] == [
        ("the preface", PREFACE.decode(), False),
        ("DATA 1 END_STREAM", "\0\0\2\0\1\0\0\0\1hi", False),
        ("goaway", None, True),
        ("", "raw", False),
    ]
    assert curl(probe.request).startswith("printf 'PRI * HTTP/2.0\\015\\012")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("steps: [{ping: a, data: b}]", 8, "a step is one of settings, headers, .*, not ping and data"),
        ("steps: [{stream: 1}]", 8, "a step is one of settings, headers, .*, not none"),
        ("steps: [{end: false}]", 8, "a step is one of"),
        ("steps:\n- {ping: a}\n- {ping: a, debug: b}", 10, "ping takes stream, flags, length, not debug"),
        ("steps: [{send: a, stream: 1}]", 8, "send takes nothing besides, not stream"),
        ("steps: [{settings: [MAX: 1]}]", 8, "each value of|must be a string"),
        ('steps: [{settings: ["MAX: 1"]}]', 8, 'settings are "NAME: NUMBER", NAME one of .*MAX_FRAME_SIZE'),
        ('steps: [{settings: ["0x: 1"]}]', 8, 'settings are "NAME: NUMBER"'),
        ('steps: [{settings: ["65536: 1"]}]', 8, 'settings are "NAME: NUMBER"'),
        ('steps: [{settings: ["1: 4294967296"]}]', 8, 'settings are "NAME: NUMBER"'),
        ("steps: [{rst_stream: NOTHING}]", 8, "rst_stream is a number or one of NO_ERROR, .*, not NOTHING"),
        ("steps: [{goaway: NOTHING}]", 8, "goaway is a number or one of NO_ERROR, .*, not NOTHING"),
        ("steps: [{frame: NOTHING}]", 8, "frame is a number or one of DATA, .*, not NOTHING"),
        ("steps: [{frame: 256}]", 8, "frame must be at most 255, not 256"),
        ("steps: [{ping: a, flags: [NOTHING]}]", 8, "flags is a number or one of END_STREAM, .*, not NOTHING"),
        ("steps: [{ping: a, flags: [1, 256]}]", 8, "flags must be at most 255 together, not 257"),
        ("steps: [{await: nothing}]", 8, "await is one of headers, data, .*, not nothing"),
        ("steps: [{repeat: 2}]", 8, "repeat needs steps"),
        ("steps: [{repeat: 2, steps: [{repeat: 2, steps: [{ping: a}]}]}]", 8, "a repeat stands in no other one"),
        ("steps: [{repeat: 10001, steps: [{ping: a}]}]", 8, "repeat must be .*at least 1 and at most 10000"),
        ("steps: [{repeat: 10000, steps: [{data: {repeat: a, times: 1000}}]}]", 8, "a probe sends at most 8388608"),
        ("steps: [" + "{data: {repeat: a, times: 4194304}}, " * 900 + "]", 6, "a probe sends at most 8388608"),
        ('steps: [{data: "€"}]', 8, "each character stands for a byte"),
        ("steps: [{ping: a}]\npath: /", 9, "a probe has either steps or path"),
        ("steps: [{ping: a}]\nuntil: a", 9, "a probe has either steps or until"),
        ("path: /\nautomatic: false", 9, "automatic is for steps; a request has none"),
        ("preface: false", 8, "preface is for steps; a request has none"),
    ],
)
def test_bad_input_is_told_with_its_place(tmp_path: Path, text: str, line: int, message: str) -> None:
    with pytest.raises(BadInputError) as refused:
        read_one(tmp_path, f"protocol: http2\n{text}\n")

    assert re.match(rf"\S*probes\.yaml:{line}: .*({message})", str(refused.value)), str(refused.value)
    assert "\n" not in str(refused.value)


def test_who_has_no_such_probe_imports_no_library_for_it() -> None:
    code = "import sys, takeover.probes.probe_file; print(*{'h2', 'hpack', 'hyperframe'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not done.stdout.strip()
