"""gRPC's calls as they are written become bytes; what does not fit is one line with its place."""

import re
from pathlib import Path

import pytest
from hpack import Decoder

from takeover.base.errors import BadInputError
from takeover.net.grpc import message, messages
from takeover.probes.protocols.written import AwaitEvent, Send
from tests.probes.reading import read_one

CALL = "protocol: grpc\npath: /a.B/C\n"


def data(payload: bytes, flags: int = 0) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([0, flags]) + b"\0\0\0\1" + payload


def test_a_message_is_a_flag_a_length_and_its_bytes() -> None:
    assert message(b"abc") == b"\0\0\0\0\3abc"
    assert message(b"abc", flag=1, length=0xFFFF_FFFF) == b"\1\xff\xff\xff\xffabc"
    assert messages(b"") == ([], b"")
    assert messages(b"\0\0\0\0\0\1\0\0\0\1a\0\0\0\0\2b") == ([b"", b"flag 1: a"], b"\0\0\0\0\2b")
    assert messages(b"\0\0\0\0") == ([], b"\0\0\0\0")


def test_headers_are_the_usual_ones_but_for_what_is_written(tmp_path: Path) -> None:
    text = "timeout: 5S\nmetadata: ['TE: x', 'a-bin: AA']\nwithout: [':scheme']\nhost: null"
    preface, head, end = read_one(tmp_path, CALL + text).sends

    assert preface.data.startswith(b"PRI * HTTP/2.0")
    assert [(bytes(name), bytes(value)) for name, value in Decoder().decode(head.data[9:], raw=True)] == [
        (b":method", b"POST"), (b":path", b"/a.B/C"), (b"TE", b"x"), (b"content-type", b"application/grpc"),
        (b"grpc-timeout", b"5S"), (b"a-bin", b"AA"),
    ]  # fmt: skip
    assert end.data == data(b"", 1)


def test_messages_end_with_the_last_one(tmp_path: Path) -> None:
    sent = read_one(tmp_path, CALL + "messages: [a, {repeat: b, times: 16380}]").sends[2:]
    long = message(b"b" * 16380)
    assert [each.data for each in sent] == [data(message(b"a")), data(long[:16384]) + data(long[16384:], 1)]


def test_steps(tmp_path: Path) -> None:
    text = (
        "steps: [{message: a, flag: 2}, {hex: 'ff 00', length: 9}, {send: raw}, {await: headers}, {await: message}, "
        "{await: message}, {await: end}, {end: true}, {cancel: 8}]"
    )
    sent = read_one(tmp_path, CALL + text).sends[2:]
    assert [each.data if isinstance(each, Send) else each for each in sent] == [
        data(b"\2\0\0\0\1a"), data(b"\0\0\0\0\x09\xff\0"), data(b"raw"), AwaitEvent("response", 1),
        AwaitEvent("message", 1), AwaitEvent("message", 1, 2), AwaitEvent("stream_end", 1), data(b"", 1),
        b"\0\0\4\3\0\0\0\0\1\0\0\0\x08",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("messages: [a]\nsteps: [{message: a}]", 9, "a call has either steps or messages"),
        ("answers: 2", 9, "answers has no effect on a call"),
        ("until: a", 9, "until has no effect on a call"),
        ("method: GET", 9, "method is not supported"),
        ("steps: [{hex: 0g}]", 9, "hex is of pairs of 0 to 9 and a to f, not '0g'"),
        ("steps: [{message: a, hex: '00'}]", 9, "a step is one of message, hex, .*, not message and hex"),
        ("steps: [{flag: 1}]", 9, "a step is one of .*, not none"),
        ("steps: [{send: a, flag: 1}]", 9, "send takes nothing besides, not flag"),
        ("steps: [{message: a, flag: 256}]", 9, "flag must be .*at most 255, not 256"),
        ("steps: [{await: body}]", 9, "await is one of headers, message, end, not body"),
        ("steps: [{cancel: NOTHING}]", 9, "cancel is a number or one of NO_ERROR, .*, not NOTHING"),
        ('messages: ["€"]', 9, "each character stands for a byte"),
        ('timeout: "€"', 9, "each character stands for a byte"),
        ("messages: [" + "{repeat: a, times: 4194304}, " * 900 + "]", 6, "a probe sends at most"),
    ],
)
def test_bad_input_is_told_with_its_place(tmp_path: Path, text: str, line: int, message: str) -> None:
    with pytest.raises(BadInputError) as refused:
        read_one(tmp_path, CALL + text)

    assert re.match(rf"\S*probes\.yaml:{line}: .*({message})", str(refused.value)), str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_path_is_needed(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="path is missing"):
        read_one(tmp_path, "protocol: grpc")
