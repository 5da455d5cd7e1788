"""What is otherwise of TLS from one Envoy to another, and how it is shown again."""

import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from takeover.compare.observations import ObservedChange, observation_changes
from takeover.compare.reproduce import curl
from takeover.compare.stability import Aspect
from takeover.compare.tls import facts
from takeover.model.document import Observation, OtherConnection
from takeover.model.request import ProbeRequest
from takeover.model.tls import PeerCertificate, TlsObserved
from tests.probes.layers.peers import NAME, Files

CERTIFICATE = PeerCertificate("CN=a", "CN=ca", ["DNS:a.example"])
DONE = TlsObserved(version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384", alpn="h2", certificate=CERTIFICATE)


def changed(**fields: Any) -> TlsObserved:
    return msgspec.structs.replace(DONE, **fields)


def changes(was: TlsObserved, now: TlsObserved) -> list[tuple[str, str | None, str | None]]:
    found = list(observation_changes(Observation(200, tls=was), Observation(200, tls=now)))
    assert {each.kind for each in found} <= {"tls"}
    return [(each.what, each.was, each.now) for each in found]


@pytest.mark.parametrize(
    ("now", "found"),
    [
        (DONE, []),
        (changed(version="TLSv1.2"), [("TLS version", "TLSv1.3", "TLSv1.2")]),
        (changed(cipher="OTHER"), [("TLS cipher", "TLS_AES_256_GCM_SHA384", "OTHER")]),
        (changed(alpn=""), [("TLS protocol (ALPN)", "h2", None)]),
        (changed(alert="close_notify"), [("TLS alert", None, "close_notify")]),
        (
            changed(resumed=True, certificate=None),
            [
                ("TLS session", None, "resumed"),
                ("peer's certificate", "CN=a\nsigned by CN=ca\nDNS:a.example", None),
            ],
        ),
        (
            changed(certificate=PeerCertificate("CN=a", "CN=ca", [])),
            [("peer's certificate", "CN=a\nsigned by CN=ca\nDNS:a.example", "CN=a\nsigned by CN=ca")],
        ),
        (TlsObserved("alert", "unknown_ca"), [("TLS handshake", "done", "alert unknown_ca")]),
        (TlsObserved("reset"), [("TLS handshake", "done", "reset")]),
        (
            changed(failure="alert", alert="certificate_required"),
            [("TLS handshake", "done", "done, then alert certificate_required")],
        ),
    ],
)
def test_what_changed(now: TlsObserved, found: list[tuple[str, str | None, str | None]]) -> None:
    assert changes(DONE, now) == found
    assert changes(now, DONE) == [(what, after, before) for what, before, after in found]


def test_another_reason_is_a_change() -> None:
    refused = [TlsObserved("alert", each) for each in ("unknown_ca", "bad_certificate")]
    assert changes(*refused) == [("TLS handshake", "alert unknown_ca", "alert bad_certificate")]


def test_where_one_side_had_no_connection_that_is_what_changed() -> None:
    refused = Observation(None, end="refused")
    found = list(observation_changes(Observation(None, end="closed", tls=DONE), refused))
    assert found == [ObservedChange("connection", "end", "closed", "refused")]
    assert list(facts(UNSET)) == []


def test_a_connection_beside_that_ends_otherwise_is_a_change() -> None:
    was, now = (
        Observation(200, others=[OtherConnection(200, True, "open"), each])
        for each in (OtherConnection(None, True, "open"), OtherConnection(None, False, "closed", "unknown_ca"))
    )
    [found] = observation_changes(was, now)
    assert found == ObservedChange(
        "connection", "connection 2 of those before", "answered, open", "no answer, closed, alert unknown_ca"
    )
    assert list(observation_changes(Observation(200), Observation(200, others=was.others))) == []


def test_whatever_else_of_tls_follows_from_its_handshake() -> None:
    handshake, cipher = Aspect("tls", "TLS handshake"), Aspect("tls", "TLS cipher")
    assert handshake.hides(cipher)
    assert not cipher.hides(handshake)
    assert not handshake.hides(Aspect("status", "status"))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files.made(tmp_path_factory.mktemp("tls"))


def made(folder: Path, port: int, request: dict[str, Any]) -> tuple[str, str]:
    """The line, and what a shell gets by it."""
    to = {"host": "127.0.0.1", "port": port}
    line = curl(msgspec.convert({"from": "client", "to": to} | request, ProbeRequest))
    assert "\n" not in line
    done = subprocess.run(["sh", "-c", line], cwd=folder, capture_output=True, timeout=600)
    return line, (done.stdout + done.stderr).decode()


OFFER = {"min_version": "TLSv1.2", "max_version": "TLSv1.2", "client_certificate": "client.pem"}
GET = {"protocol": "http1", "method": "GET", "path": "/", "version": "1.1", "host": "a"}


def test_curl_offers_the_same(files: Files) -> None:
    server = ("-www", "-Verify", "2", "-CAfile", "ca.pem", "-servername", NAME, "-servername_fatal")
    with files.s_server(*server, "-cert2", "server.pem", "-key2", "server.pem", "-alpn", "http/1.1") as port:
        offer = OFFER | {"server_name": NAME, "alpn": ["http/1.1"], "ciphers": "ECDHE-ECDSA-AES128-GCM-SHA256"}
        line, told = made(files.folder, port, GET | {"tls": offer})
        assert f"--connect-to ::127.0.0.1:{port} https://{NAME}:{port}" in line
        assert "HTTP/1.0 200 ok" in told
        assert "TLSv1.2" in told
        assert "ECDHE-ECDSA-AES128-GCM-SHA256" in told
        assert "subject=OU = Testing cert" in told or "Client certificate" in told
        _, told = made(files.folder, port, GET | {"tls": offer | {"server_name": "other.example"}})
        assert "unrecognized name" in told
        line, told = made(files.folder, port, GET | {"tls": OFFER})
        assert line.endswith(f"https://127.0.0.1:{port}")
        assert "HTTP/1.0 200 ok" in told


def test_bytes_over_tls_go_by_openssl(files: Files) -> None:
    steps = [{"send": "abc"}, {"await": True}, {"send": "\n"}]
    with files.s_server("-rev", "-Verify", "2", "-CAfile", "ca.pem") as port:
        line, told = made(files.folder, port, {"protocol": "tcp", "steps": steps, "tls": OFFER | {"resume": True}})
    assert "| timeout 5 openssl s_client -quiet -connect 127.0.0.1:" in line
    assert line.endswith("  # and this over a second connection, with the session of a first")
    assert "cba\n" in told


def test_a_hello_as_bytes_goes_as_it_is() -> None:
    to = {"host": "10.0.0.1", "port": 443}
    tls = {"hello": "\x16\x03\x00", "min_version": "TLSv1.2", "max_version": "TLSv1.3"}
    request = msgspec.convert({"from": "client", "to": to, "tls": tls, "proxy": "PROXY\r\n"} | GET, ProbeRequest)
    assert curl(request) == r"printf 'PROXY\015\012\026\003\000' | curl -sv --max-time 5 telnet://10.0.0.1:443"


@pytest.mark.parametrize(
    ("request_", "line"),
    [
        (
            {"protocol": "tcp", "steps": [{"send": "abc"}]},
            r"printf 'PROXY\015\012abc' | curl -sv --max-time 5 telnet://10.0.0.1:80",
        ),
        (GET, r"http://10.0.0.1:80  # and before all else, which this cannot send: printf 'PROXY\015\012'"),
    ],
)
def test_a_proxy_header_comes_first_or_is_told(request_: dict[str, Any], line: str) -> None:
    to = {"host": "10.0.0.1", "port": 80}
    request = msgspec.convert({"from": "client", "to": to, "proxy": "PROXY\r\n"} | request_, ProbeRequest)
    assert curl(request).endswith(line)
