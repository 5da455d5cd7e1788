"""The PROXY protocol in front of whatever comes, as curl writes it and as HAProxy's document has it."""

import socket
import struct
from typing import Any

import pytest

from tests.peers.upstream import CERTIFICATES, Upstream, program, run

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_curl_writes_is_told(upstream: Upstream, scheme: str) -> None:
    address, port = upstream.at(8080)
    to = ["--connect-to", f"any.hostile.test:443:{address}:{port}", "--cacert", str(CERTIFICATES / "ca.pem")]
    url = f"http://{address}:{port}/asked" if scheme == "http" else "https://any.hostile.test/asked"
    ended = run(program("curl"), "-sS", "--http1.1", "--haproxy-protocol", *to, url)
    assert ended.stdout.startswith("GET /asked HTTP/1.1\r\n"), ended.stderr
    seen = upstream.seen(8080)
    assert seen["proxy"] == {"version": 1, "family": "TCP4", "source": seen["client"], "destination": seen["server"]}
    assert ("tls" in seen) == (scheme == "https")


@pytest.mark.parametrize("arguments", [[], ["--http2-prior-knowledge"]], ids=["http/1", "http/2"])
def test_none_need_be_there(upstream: Upstream, arguments: list[str]) -> None:
    ended = run(program("curl"), "-sS", *arguments, "-d", "body", f"http://{upstream.place(8080)}/PROX")
    assert ended.stdout.rstrip().endswith("body"), ended.stderr
    assert "proxy" not in upstream.seen(8080)


def ask(upstream: Upstream, header: bytes) -> dict[str, Any]:
    with upstream.connect(8080) as client:
        client.sendall(header + b"GET /http-1.0 HTTP/1.1\r\n\r\n")
        came = b""
        while more := client.recv(1 << 16):
            came += more
    seen = upstream.seen(8080)
    assert (b"until the end" in came) == ("failure" not in seen["proxy"])
    told: dict[str, Any] = seen["proxy"]
    return told


def version_2(command: int, family: int, body: bytes) -> bytes:
    return SIGNATURE + bytes([0x20 | command, family]) + len(body).to_bytes(2, "big") + body


def test_version_2_with_addresses_and_tlvs(upstream: Upstream) -> None:
    addresses = socket.inet_aton("192.0.2.1") + socket.inet_aton("198.51.100.2") + struct.pack("!HH", 1234, 443)
    tlvs = b"\x01\x00\x02h2" + b"\x02\x00\x00"
    assert ask(upstream, version_2(1, 0x11, addresses + tlvs)) == {
        "version": 2,
        "command": "PROXY",
        "transport": "stream",
        "source": "192.0.2.1:1234",
        "destination": "198.51.100.2:443",
        "tlvs": [[1, "6832"], [2, ""]],
    }
    of_6 = socket.inet_pton(socket.AF_INET6, "2001:db8::1") * 2 + struct.pack("!HH", 1, 2)
    assert ask(upstream, version_2(1, 0x21, of_6))["source"] == "2001:db8::1:1"
    local = ask(upstream, version_2(0, 0, b""))
    assert local == {"version": 2, "command": "LOCAL", "transport": "unspecified", "tlvs": []}


def test_version_1_of_nobody(upstream: Upstream) -> None:
    assert ask(upstream, b"PROXY UNKNOWN anything\r\n") == {"version": 1, "family": "UNKNOWN"}


@pytest.mark.parametrize(
    "header",
    [
        b"PROXY TCP4 192.0.2.1\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 a b\r\n",
        b"PROXY " + b"a" * 200 + b"\r\n",
        SIGNATURE + b"\x31\x11\x00\x00",
        version_2(1, 0x11, b"short"),
        version_2(1, 0, b"\x01\x00\x09cut"),
    ],
    ids=["few words", "no ports", "long", "version 3", "few bytes", "cut TLV"],
)
def test_one_that_is_wrong_ends_the_connection(upstream: Upstream, header: bytes) -> None:
    assert "failure" in ask(upstream, header)
