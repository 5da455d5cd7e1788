"""PROXY headers byte for byte, right and wrong; real readers of them are in tests/probes/layers."""

import pytest

from takeover.net.prefixed import PrefixedStream
from takeover.net.proxy_protocol import SIGNATURE, Tlv, crc32c, v1, v2
from tests.net.scripted import ScriptedStream

SOURCE, DESTINATION = ("192.0.2.1", 1234), ("192.0.2.2", 443)
ADDRESSES = bytes([192, 0, 2, 1, 192, 0, 2, 2, 0x04, 0xD2, 0x01, 0xBB])


def test_version_1_is_a_line() -> None:
    assert v1(SOURCE, DESTINATION) == b"PROXY TCP4 192.0.2.1 192.0.2.2 1234 443\r\n"
    assert v1(("::1", 1), ("::2", 2)) == b"PROXY TCP6 ::1 ::2 1 2\r\n"
    assert (v1(), v1(SOURCE)) == (b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN\r\n")
    assert v1(SOURCE, DESTINATION, "UDP4") == b"PROXY UDP4 192.0.2.1 192.0.2.2 1234 443\r\n"


def test_version_2_has_addresses_and_then_what_else_there_is() -> None:
    assert v2(SOURCE, DESTINATION) == SIGNATURE + b"\x21\x11\x00\x0c" + ADDRESSES
    assert v2(("::1", 1), ("::2", 2))[12:16] == b"\x21\x21\x00\x24"
    assert v2(command="LOCAL") == SIGNATURE + b"\x20\x00\x00\x00"
    tlvs = [Tlv(0x02, b"a.example"), Tlv(0xEA, b"")]
    assert v2(SOURCE, DESTINATION, tlvs=tlvs) == (
        SIGNATURE + b"\x21\x11\x00\x1b" + ADDRESSES + b"\x02\x00\x09a.example\xea\x00\x00"
    )


def test_what_is_wrong_stays_so() -> None:
    wrong = v2(SOURCE, DESTINATION, family=0x7F, signature=b"QUIT", length=5)
    assert wrong == b"QUIT\x21\x7f\x00\x05" + ADDRESSES


@pytest.mark.parametrize("others", [[], [Tlv(0x04, b"after")]], ids=["last", "not last"])
def test_the_checksum_is_that_of_the_header_without_it(others: list[Tlv]) -> None:
    header = v2(SOURCE, DESTINATION, tlvs=[Tlv(0x04, b"before"), Tlv(0x03, None), *others])
    at = header.index(b"\x03\x00\x04") + 3
    assert int.from_bytes(header[at : at + 4], "big") == crc32c(header[:at] + bytes(4) + header[at + 4 :])
    assert b"\x03\x00\x04abcd" in v2(SOURCE, DESTINATION, tlvs=[Tlv(0x03, b"abcd")])


@pytest.mark.parametrize(
    ("data", "checksum"),  # RFC 3720, B.4, and the check of every list of such checksums
    [(b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43), (b"", 0)],
)
def test_checksums_that_everybody_knows(data: bytes, checksum: int) -> None:
    assert crc32c(data) == checksum


def test_what_comes_before_all_else_goes_out_with_the_first_bytes_or_before_an_answer() -> None:
    stream = ScriptedStream(b"hello")
    before = PrefixedStream(stream, b"PROXY ")
    assert (before.local_address, stream.sent) == (stream.local_address, b"")
    before.send(b"one", 3.0)
    before.send(b" two")
    assert (stream.sent, stream.timeouts) == (b"PROXY one two", [3.0, None])

    waits, ends = ScriptedStream(b"hello"), ScriptedStream()
    assert PrefixedStream(waits, b"PROXY").receive(10, 2.0) == b"hello"
    assert (waits.sent, waits.timeouts) == (b"PROXY", [2.0, 2.0])
    ending = PrefixedStream(ends, b"PROXY")
    ending.end()
    assert (ends.sent, ends.has_ended) == (b"PROXY", True)
    ending.reset()
    ending.close()
    assert (ends.sent, ends.is_reset, ends.is_closed) == (b"PROXY", True, True)
