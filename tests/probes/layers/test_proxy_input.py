"""A PROXY header as probes.yaml writes it: what it becomes, and what is refused."""

from pathlib import Path

import pytest

from takeover.base.errors import BadInputError
from takeover.net.proxy_protocol import SIGNATURE
from tests.probes.layers.peers import Files


@pytest.mark.parametrize(
    ("written", "header"),
    [
        ('{version: 1, source: "192.0.2.1:1", destination: "192.0.2.2:2"}', b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"),
        ('{version: 1, source: "[::1]:1", destination: "[::2]:2"}', b"PROXY TCP6 ::1 ::2 1 2\r\n"),
        ("{version: 1, family: SCTP}", b"PROXY SCTP\r\n"),
        ("{command: LOCAL}", SIGNATURE + b"\x20\x00\x00\x00"),
        ("{tlvs: [{type: 0xea, value: ab}]}", SIGNATURE + b"\x21\x00\x00\x05\xea\x00\x02ab"),
        (r'{signature: "\xff", length: 0, family: 0x31}', b"\xff\x21\x31\x00\x00"),
        (r'{raw: ["PROXY ", {repeat: x, times: 3}, "\xff"]}', b"PROXY xxx\xff"),
    ],
)
def test_what_is_written_becomes_bytes(tmp_path: Path, written: str, header: bytes) -> None:
    assert Files(tmp_path).layers(proxy=written).proxy == header


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("{raw: a, version: 1}", "a PROXY header is either raw or has version"),
        ('{source: "192.0.2.1:1"}', "name both source and destination, or neither"),
        (
            '{source: "192.0.2.1:1", destination: "[::1]:1"}',
            "one of IPv4 and one of IPv6: have both alike",
        ),
        ('{source: "192.0.2.1", destination: "192.0.2.2:2"}', r"source is ADDRESS:PORT, such as .*, not 192\.0\.2\.1"),
        ('{source: "a.example:1", destination: "192.0.2.2:2"}', "source is ADDRESS:PORT"),
        ('{source: "192.0.2.1:1", destination: "192.0.2.2:65536"}', "destination is ADDRESS:PORT"),
        ("{version: 1, tlvs: []}", "a header of version 1 has no tlvs: leave it out, or take version 2"),
        ("{version: 1, family: 3}", "the family of version 1 is a word"),
        ("{family: TCP4}", "the family of version 2 is a number of one byte"),
        ("{tlvs: [{type: ALPN, value: a}]}", "type is one of alpn, authority, .*, or a number, not ALPN"),
        ("{tlvs: [{type: alpn}]}", "value is missing; only crc32c has one by itself"),
        ("{tlvs: [{type: alpn, value: {repeat: a, times: 70000}}]}", "a value has at most 65535 bytes"),
        ("{tlvs: [{type: 256, value: a}]}", "at most 255, not 256"),
        ("{version: 3}", "is one of 1, 2, not 3"),
        ("{length: 70000}", "at most 65535, not 70000"),
        ("{tlv: []}", "tlv is not supported; supported: version, command, source"),
    ],
)
def test_bad_input_is_a_line(tmp_path: Path, written: str, message: str) -> None:
    with pytest.raises(BadInputError, match=rf"probes\.yaml:1: .*{message}"):
        Files(tmp_path).layers(proxy=written)
