"""A PROXY header as probes.yaml writes it."""

import ipaddress

from msgspec import UNSET

from takeover.net import proxy_protocol
from takeover.net.proxy_protocol import Address, Tlv
from takeover.probes.entries import ProxyEntry, TlvEntry
from takeover.probes.protocols.written import text

_ONLY_IN_2 = ("command", "tlvs", "signature", "length")
_MOST_BYTES = 65535  # of addresses and TLVs: their length has two bytes
_OF_ADDRESSES = {4: 12, 6: 36}


def header(entry: ProxyEntry) -> bytes:
    """Its bytes. Raises: BadInputError "FILE:LINE: …"."""
    if entry.raw is not UNSET:
        if others := [each for each in entry.written if each != "raw"]:
            raise entry.error(f"a PROXY header is either raw or has {' and '.join(others)}", others[0])
        return text(entry, entry.raw, "raw").encode("latin-1")
    if bool(entry.source) != bool(entry.destination):
        raise entry.error("name both source and destination, or neither")
    source, destination = _address(entry, entry.source, "source"), _address(entry, entry.destination, "destination")
    if source and destination and _version(source) != _version(destination):
        raise entry.error("source and destination are one of IPv4 and one of IPv6: have both alike, or give raw")
    if entry.version == 1:
        for each in filter(entry.has, _ONLY_IN_2):
            raise entry.error(f"a header of version 1 has no {each}: leave it out, or take version 2", each)
        if isinstance(entry.family, int):
            raise entry.error("the family of version 1 is a word, for instance TCP6", "family")
        return proxy_protocol.v1(
            source, destination, None if entry.family is UNSET else text(entry, entry.family, "family")
        )
    if isinstance(entry.family, str):
        raise entry.error("the family of version 2 is a number of one byte, for instance 0x21 (TCP6)", "family")
    tlvs = [_tlv(each) for each in entry.tlvs]
    size = sum(3 + (4 if each.value is None else len(each.value)) for each in tlvs)
    size += _OF_ADDRESSES[_version(source)] if source else 0
    if entry.length is UNSET and size > _MOST_BYTES:
        raise entry.error(f"addresses and tlvs have at most {_MOST_BYTES} bytes, unless length says it", "tlvs")
    return proxy_protocol.v2(
        source,
        destination,
        command=entry.command,
        tlvs=tlvs,
        family=None if entry.family is UNSET else entry.family,
        signature=proxy_protocol.SIGNATURE
        if entry.signature is UNSET
        else text(entry, entry.signature, "signature").encode("latin-1"),
        length=None if entry.length is UNSET else entry.length,
    )


def _address(entry: ProxyEntry, written: str, key: str) -> Address | None:
    if not written:
        return None
    host, _, port = written.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        address, number = str(ipaddress.ip_address(host)), int(port)
        if not 0 <= number < 1 << 16:
            raise ValueError
    except ValueError:
        raise entry.error(
            f"{key} is ADDRESS:PORT, such as 192.0.2.1:1234 or [2001:db8::1]:1234, not {written}", key
        ) from None
    return address, number


def _version(address: Address) -> int:
    return ipaddress.ip_address(address[0]).version


def _tlv(entry: TlvEntry) -> Tlv:
    kinds = proxy_protocol.TLV_TYPES
    if isinstance(entry.type, str) and entry.type not in kinds:
        raise entry.error(f"type is one of {', '.join(kinds)}, or a number, not {entry.type}", "type")
    number = kinds[entry.type] if isinstance(entry.type, str) else entry.type
    if entry.value is not UNSET:
        value = text(entry, entry.value, "value").encode("latin-1")
        if len(value) >= 1 << 16:
            raise entry.error("a value has at most 65535 bytes", "value")
        return Tlv(number, value)
    if number != kinds["crc32c"]:
        raise entry.error("value is missing; only crc32c has one by itself")
    return Tlv(number, None)
