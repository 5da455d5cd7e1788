"""PROXY protocol headers, versions 1 and 2, after HAProxy's specification; and such as no proxy would send."""

import ipaddress
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Address = tuple[str, int]
"""IP and port."""
Command = Literal["PROXY", "LOCAL"]

SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
TLV_TYPES: Final = {
    "alpn": 0x01,
    "authority": 0x02,
    "crc32c": 0x03,
    "noop": 0x04,
    "unique_id": 0x05,
    "ssl": 0x20,
    "netns": 0x30,
}
"""The names of the specification."""

_COMMANDS: dict[Command, int] = {"LOCAL": 0x20, "PROXY": 0x21}  # with the version
_UNSPECIFIED, _TCP4, _TCP6 = 0x00, 0x11, 0x21
_POLYNOMIAL = 0x82F63B78  # Castagnoli's, reflected


@dataclass(frozen=True)
class Tlv:
    """Something more in a header of version 2.

    Args:
        type: a number, see `TLV_TYPES`.
        value: its bytes; None: of a checksum (crc32c) the right one.
    """

    type: int
    value: bytes | None


def v1(source: Address | None = None, destination: Address | None = None, protocol: str | None = None) -> bytes:
    """A header of version 1: a line.

    Args:
        source: the client that is told of; without both addresses it is unknown.
        destination: where it went.
        protocol: what the line says in the place of TCP4, TCP6 or UNKNOWN.
    """
    if source is None or destination is None:
        return f"PROXY {protocol or 'UNKNOWN'}\r\n".encode("latin-1")
    word = protocol or f"TCP{ipaddress.ip_address(source[0]).version}"
    return f"PROXY {word} {source[0]} {destination[0]} {source[1]} {destination[1]}\r\n".encode("latin-1")


def v2(
    source: Address | None = None,
    destination: Address | None = None,
    *,
    command: Command = "PROXY",
    tlvs: Sequence[Tlv] = (),
    family: int | None = None,
    signature: bytes = SIGNATURE,
    length: int | None = None,
) -> bytes:
    """A header of version 2.

    Args:
        source: the client that is told of; without both addresses it is unspecified.
        destination: where it went.
        command: LOCAL: the proxy itself connects.
        tlvs: what follows the addresses.
        family: what the header says of the addresses, in the place of what they are.
        signature: with what it begins.
        length: what it says that follows, in bytes, in the place of what does.
    """
    is_given, addresses = _UNSPECIFIED, b""
    if source is not None and destination is not None:
        addresses = b"".join(ipaddress.ip_address(each).packed for each, _ in (source, destination))
        is_given = _TCP4 if len(addresses) == 8 else _TCP6
        addresses += struct.pack(">HH", source[1], destination[1])
    rest, checksum_at = addresses, 0
    for each in tlvs:
        value = bytes(4) if each.value is None else each.value
        rest += struct.pack(">BH", each.type, len(value)) + value
        if each.value is None:
            checksum_at = len(rest) - 4
    told = struct.pack(
        ">BBH", _COMMANDS[command], is_given if family is None else family, len(rest) if length is None else length
    )
    header = signature + told + rest
    if checksum_at:
        at = len(header) - len(rest) + checksum_at
        header = header[:at] + struct.pack(">I", crc32c(header)) + header[at + 4 :]
    return header


def crc32c(data: bytes) -> int:
    """The checksum of RFC 4960, appendix B."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
    return value ^ 0xFFFFFFFF
