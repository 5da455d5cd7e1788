"""The hostile upstream over TLS, asked by curl and OpenSSL."""

import contextlib
import re
import select
import socket
import ssl
import struct
from pathlib import Path
from typing import Any

import pytest

from takeover.evidence.quiescence import waited_for
from takeover.peers.hostile import hello
from tests.peers.upstream import CERTIFICATES, Upstream, program, run

CA = str(CERTIFICATES / "ca.pem")
WRONG_CERTIFICATE = 60
"""curl's exit code."""


def curl(upstream: Upstream, port: int, host: str, *arguments: str) -> "tuple[int, str, dict[str, Any]]":
    """Curl's exit code, what it got or said, what the upstream saw."""
    address, number = upstream.at(port)
    resolved = ["--connect-to", f"{host}:443:{address}:{number}"]
    ended = run(program("curl"), "-sS", "--cacert", CA, *resolved, *arguments, f"https://{host}/asked")
    return ended.returncode, ended.stdout or ended.stderr, upstream.seen(port)


def s_client(upstream: Upstream, port: int, *arguments: str, stdin: bytes = b"") -> str:
    ended = run(
        program("openssl"), "s_client", "-connect", upstream.place(port), "-CAfile", CA, *arguments, stdin=stdin
    )
    return ended.stdout + ended.stderr


@pytest.mark.parametrize("by", ["port", "sni"])
@pytest.mark.parametrize(
    ("name", "port", "code", "said"),
    [
        ("right", 443, 0, "GET /asked"),
        ("expired", 4431, WRONG_CERTIFICATE, "certificate has expired"),
        ("other-name", 4432, WRONG_CERTIFICATE, "no alternative certificate subject name matches"),
        ("untrusted", 4433, WRONG_CERTIFICATE, "unable to get local issuer certificate"),
        ("wrong-usage", 4434, WRONG_CERTIFICATE, "unsuitable certificate purpose"),
    ],
)
def test_curl_refuses_each_certificate_for_the_one_thing_wrong(
    upstream: Upstream, name: str, port: int, code: int, said: str, by: str
) -> None:
    at, host = (port, "any.hostile.test") if by == "port" else (443, f"{name}.hostile.test")
    got, told, seen = curl(upstream, at, host, "--http1.1")
    assert got == code, told
    assert said in told
    assert (seen["tls"]["sni"], seen["tls"]["certificate"]) == (host, name)
    if code == 0:
        assert (seen["tls"]["alpn"], seen["protocol"], seen["requests"]) == ("http/1.1", "http/1", 1)
    elif "failure" in seen["tls"]:
        assert "ALERT" in seen["tls"]["failure"]


def test_it_tells_the_clients_certificate(upstream: Upstream) -> None:
    for port in (443, 4435):
        code, told, seen = curl(upstream, port, "any.hostile.test", "--cert", str(CERTIFICATES / "client.pem"))
        assert code == 0, told
        assert seen["tls"]["client_certificate"]["subject"] == "commonName=a client"
        assert seen["tls"]["client_certificate"]["names"] == ["URI:spiffe://hostile.test/ns/default/sa/client"]
    assert curl(upstream, 443, "any.hostile.test")[2]["tls"]["client_certificate"] is None


@pytest.mark.parametrize(
    ("given", "failure", "alert"),
    [
        ("", "PEER_DID_NOT_RETURN_A_CERTIFICATE", "certificate required"),
        ("client-expired", "certificate has expired", "certificate expired"),
        ("client-untrusted", "unable to get local issuer certificate", "unknown ca"),
        ("right", "unsuitable certificate purpose", "unsupported certificate"),
    ],
)
def test_a_client_without_the_right_certificate_is_refused(
    upstream: Upstream, given: str, failure: str, alert: str
) -> None:
    certificate = ["--cert", str(CERTIFICATES / f"{given}.pem")] if given else []
    code, told, seen = curl(upstream, 4435, "any.hostile.test", *certificate)
    assert code != 0
    assert alert in told
    assert seen["tls"]["failure"] == failure
    assert seen["requests"] == 0


@pytest.mark.parametrize(("port", "version"), [(443, "TLSv1.3"), (4436, "TLSv1.2"), (4437, "TLSv1.3")])
def test_versions(upstream: Upstream, port: int, version: str) -> None:
    told = s_client(upstream, port, "-alpn", "h2,http/1.1")
    assert re.search(rf"New, {re.escape(version)}, Cipher is (\S+)", told)
    assert "ALPN protocol: h2" in told
    assert upstream.seen(port)["tls"]["version"] == version
    other = "-tls1_3" if version == "TLSv1.2" else "-tls1_2"
    if port != 443:
        assert "Cipher is (NONE)" in s_client(upstream, port, other)


def test_alpn_may_be_missing(upstream: Upstream) -> None:
    assert "No ALPN negotiated" in s_client(upstream, 4438, "-alpn", "h2")
    assert upstream.seen(4438)["tls"]["alpn"] is None
    assert "No ALPN negotiated" in s_client(upstream, 443, "-alpn", "h2", "-servername", "no-alpn.hostile.test")


@pytest.mark.parametrize(("number", "said"), [(112, "unrecognized name"), (40, "handshake failure")])
def test_an_alert_that_the_sni_asks_for(upstream: Upstream, number: int, said: str) -> None:
    told = s_client(upstream, 443, "-servername", f"alert-{number}.hostile.test")
    assert f"SSL alert number {number}" in told
    assert said in told


def test_a_session_is_resumed(upstream: Upstream, tmp_path: Path) -> None:
    session = str(tmp_path / "session")
    assert "New, TLSv1.2" in s_client(upstream, 4436, "-sess_out", session)
    assert upstream.seen(4436)["tls"]["resumed"] is False
    assert "Reused, TLSv1.2" in s_client(upstream, 4436, "-sess_in", session)
    assert upstream.seen(4436)["tls"]["resumed"] is True


@pytest.mark.parametrize("how", ["close-notify", "fin", "reset"])
def test_it_tells_how_its_peer_ended(upstream: Upstream, how: str) -> None:
    context = ssl.create_default_context(cafile=CA)
    client = context.wrap_socket(upstream.connect(443), server_hostname="any.hostile.test", suppress_ragged_eofs=False)
    client.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert client.recv(100).startswith(b"HTTP/1.1 200")
    if how == "close-notify":
        client.settimeout(0)
        with contextlib.suppress(ssl.SSLWantReadError):  # its own end may be here by now
            client.unwrap()
    if how == "reset":
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    assert upstream.seen(443)["end"] == how


def ended(client: socket.socket, how: str) -> None:
    if how == "reset":
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@pytest.mark.parametrize("how", ["fin", "reset"])
@pytest.mark.parametrize("port", [443, 8080])
def test_it_tells_how_its_peer_ended_without_a_word(upstream: Upstream, port: int, how: str) -> None:
    client = upstream.connect(port)
    name = "{}:{}".format(*client.getsockname())
    assert not waited_for(lambda: "" if name in upstream.control(b"seen\n").decode() else "not taken yet", 60)
    ended(client, how)
    seen = upstream.seen(port)
    assert (seen["client"], seen["end"]) == (name, how)


@pytest.mark.parametrize("how", ["fin", "reset"])
def test_it_tells_how_its_peer_ended_while_hands_are_shaken(upstream: Upstream, how: str) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    shaking = ssl.create_default_context(cafile=CA).wrap_bio(incoming, outgoing, server_hostname="right.hostile.test")
    with pytest.raises(ssl.SSLWantReadError):
        shaking.do_handshake()
    client = upstream.connect(443)
    client.sendall(outgoing.read())
    while outgoing.pending == 0:  # until all has come that it has to say: what is left unread would make a reset
        incoming.write(client.recv(1 << 16))
        with contextlib.suppress(ssl.SSLWantReadError):
            shaking.do_handshake()
    ended(client, how)
    seen = upstream.seen(443)
    assert seen["end"] == how
    assert seen["tls"]["sni"] == "right.hostile.test"
    assert seen["tls"]["failure"] == ("UNEXPECTED_EOF_WHILE_READING" if how == "fin" else "Connection reset by peer")
    assert seen["tls"]["offered"]["extensions"]


def test_it_ends_as_tls_ends(upstream: Upstream) -> None:
    context = ssl.create_default_context(cafile=CA)
    with context.wrap_socket(
        upstream.connect(443), server_hostname="any.hostile.test", suppress_ragged_eofs=False
    ) as client:
        client.sendall(b"GET /http-1.0 HTTP/1.1\r\n\r\n")
        came = b""
        while more := client.recv(1 << 16):  # an end without close_notify is an error
            came += more
    assert came.endswith(b"until the end\n")


def asked(upstream: Upstream, context: ssl.SSLContext, name: str) -> tuple[int, int]:
    """How many bytes came behind the handshake of a request, and what a poll tells once it is known to be over."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=name)
    poll, received, is_shaken = select.poll(), 0, False
    with upstream.connect(443) as client:
        poll.register(client, select.POLLRDHUP)
        while True:
            try:
                if not is_shaken:
                    tls.do_handshake()
                    is_shaken, received = True, 0
                    tls.write(b"GET /http-1.0 HTTP/1.1\r\n\r\n")
                if not tls.read(1 << 16):
                    return received, next((events for _, events in poll.poll(0)), 0)
            except ssl.SSLWantReadError:
                if outgoing.pending:
                    client.sendall(outgoing.read())
                came = client.recv(1 << 16)
                received += len(came)
                incoming.write(came)


def test_who_is_told_its_end_sees_it_and_all_are_as_long(upstream: Upstream) -> None:
    """Else who ends at its word would do so now before, now after it; and tickets would be of several lengths.

    Names of each length, as those of tickets go by blocks of 16 bytes.
    """
    context = ssl.create_default_context(cafile=CA)
    names = [f"{'a' * length}.hostile.test" for length in range(1, 17)]
    seen = [asked(upstream, context, name) for name in names for _ in range(4)]
    assert len({received for received, _ in seen}) == 1
    assert all(events & select.POLLRDHUP for _, events in seen)


def test_it_tells_what_a_client_offered(upstream: Upstream) -> None:
    offers = ["-groups", "P-384:X25519", "-sigalgs", "ed25519:rsa_pss_rsae_sha256", "-alpn", "h2,http/1.1"]
    s_client(upstream, 443, "-servername", "any.hostile.test", "-no_ticket", "-min_protocol", "TLSv1.2", *offers)
    offered = upstream.seen(443)["tls"]["offered"]
    assert offered["supported_groups"] == ["secp384r1", "x25519"]
    assert offered["key_share"] == ["secp384r1"]
    assert offered["signature_algorithms"] == ["ed25519", "rsa_pss_rsae_sha256"]
    assert offered["alpn"] == ["h2", "http/1.1"]
    assert offered["supported_versions"] == ["TLSv1.3", "TLSv1.2"]
    assert "server_name" in offered["extensions"]
    assert "session_ticket" not in offered["extensions"]

    s_client(upstream, 443, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256", "-noservername")
    offered = upstream.seen(443)["tls"]["offered"]
    assert offered["ciphers"] == ["0xc02b", "0x00ff"]
    assert not {"server_name", "supported_versions"} & {*offered["extensions"]}


def test_what_a_refused_client_offered_is_told_too(upstream: Upstream) -> None:
    s_client(upstream, 4437, "-tls1_2")
    seen = upstream.seen(4437)["tls"]
    assert seen["failure"] == "UNSUPPORTED_PROTOCOL"
    assert seen["offered"]["version"] == "TLSv1.2"


def test_what_is_no_offer_is_none(upstream: Upstream) -> None:
    assert hello.read(b"") == hello.read(b"\x02\0\0\0") == hello.read(b"\x01\0\x01\0cut off") == {}
    with upstream.connect(443) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        client.recv(1)
    assert upstream.seen(443)["tls"]["offered"] == {}
