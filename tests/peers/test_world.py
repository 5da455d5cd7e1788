"""The upstream of a table: at each place it speaks what comes, and says where it was reached."""

import contextlib
import datetime
import functools
import http.client
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from takeover.engines.images import PEERS_FOLDER
from takeover.evidence.quiescence import waited_for
from takeover.peers.services import dns, health
from takeover.peers.world import addresses, table
from takeover.peers.world.table import HealthRequest, Place, Table
from tests.peers.asking import ask, ask_head_and_get, posted_http1, posted_http2, through_http1, through_http2
from tests.peers.upstream import CERTIFICATES, SERVICES, own_address, program, run

PORTS = {
    "web": 21000,
    "raw": 21001,
    "tls": 21002,
    "jwks": 21003,
    "forward": 21004,
    "names": 21005,
    "sink": 21006,
    "authz": 21007,
    "both": 21008,
    "redis": 21012,
    "thrift": 21011,
    "control": 21009,
    "asking": 21010,
    "healthy": 21013,
    "healthy-redis": 21014,
}


NAMES = {"app.test": "192.0.2.7", "a-team.app.test": "192.0.2.8", "*": "192.0.2.9"}
HEALTH = (
    HealthRequest("GET", "/healthz", "one", "checks", 418, ("x-mine: yes",), b"well".hex()),
    HealthRequest("GET", "/healthz", "other", "checks", 204),
)
HEAD_OF_A_POST = "POST /any HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\n"


@pytest.fixture(scope="module")
def address() -> str:
    return own_address()


@pytest.fixture(scope="module")
def behind() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, address: str, behind: socket.socket) -> Iterator[Path]:
    """Where the upstream runs: its table and its certificates; it ends with the tests."""
    made = tmp_path_factory.mktemp("world")
    for name, file in (("one", "right"), ("other", "other-name"), ("ca", "ca")):
        (made / f"{name}.pem").write_bytes((CERTIFICATES / f"{file}.pem").read_bytes())
    for name in ("theirs", "nobodys"):
        (made / f"{name}.pem").write_text(long_gone(name))
    (made / table.CLIENTS).write_text(long_gone("theirs").partition("-----BEGIN PRIVATE")[0])
    (made / "jwks.json").write_bytes((SERVICES / "jwks.json").read_bytes())

    def place(name: str, **more: Any) -> Place:
        return Place(address, PORTS[name], **more)

    places = (
        place("web"),
        place("raw", is_http=False),
        place("tls", certificate="one", alpn=("http/1.1",)),
        place("asking", certificate="one", asks_client=True),
        place("jwks", kind="jwks"),
        place("forward", is_http=False, forwards_to=behind.getsockname()[1]),
        place("names", transport="udp", kind="dns"),
        place("sink", transport="udp", kind="metrics"),
        place("authz", kind="ext_authz"),
        place("redis", kind="redis", is_http=False),
        place("thrift", kind="thrift", is_http=False),
        place("both", services=(("/keys", "jwks"), ("/token", "http"), ("/tunnel", "tunnel"))),
        place("healthy", health=HEALTH, exchanges=(("00ff", "0102"), ("0001", "03"))),
        place("healthy-redis", kind="redis", is_http=False, health=HEALTH),
        Place(str(made / "socket")),
        Place(f"@{made.name}"),
    )
    written = Table(places, (), NAMES, PORTS["control"], os.getuid(), address)
    (made / table.FILE).write_text(table.written(written))
    log = made / "log"
    with log.open("wb") as written_to:
        process = subprocess.Popen(
            [sys.executable, "-E", "-s", "-S", "-B", "-u", str(PEERS_FOLDER / "world"), str(made / "ready")],
            env={"WORLD_FOLDER": str(made)},
            stdout=written_to,
        )
    try:

        def missing() -> str:
            assert process.poll() is None
            with contextlib.suppress(OSError), socket.create_connection((address, PORTS["control"])):
                return "" if (made / "ready").exists() else "not ready"
            return "no control"

        assert not waited_for(missing, 120)
        yield made
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


@functools.cache
def long_gone(name: str) -> str:
    """A client's certificate and its key, as PEM: expired, and of an authority that is nowhere."""
    key, authority = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    called, issuer = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)]) for each in (name, "their authority"))
    begins = datetime.datetime(2019, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(called).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(7).not_valid_before(begins).not_valid_after(begins + datetime.timedelta(days=1))
    made = builder.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return (made + key.private_bytes(serialization.Encoding.PEM, form, plain)).decode()


@pytest.mark.usefixtures("folder")
class TestPlaces:
    def test_an_echo_says_where_it_was_reached(self, address: str) -> None:
        answer, body = ask(address, PORTS["web"])
        assert answer.headers["x-reached"] == f"{address}:{PORTS['web']}"
        assert body.startswith(b"GET /any HTTP/1.1\r\n")

    @pytest.mark.parametrize("name", ["web", "jwks", "authz", "both"])
    def test_who_asks_by_head_gets_no_body(self, address: str, name: str) -> None:
        heads = {"authorization": "Behave deny-by-403"} if name == "authz" else {}
        head, get = ask_head_and_get((address, PORTS[name]), heads)
        assert head.status == get.status == (403 if name == "authz" else 200)
        assert get.body

    def test_a_header_says_how_it_is_to_behave_on_any_path(self, address: str) -> None:
        with pytest.raises(http.client.IncompleteRead):
            ask(address, PORTS["web"], "/a/path", **{"x-behave": "short-body"})

    def test_only_the_first_attempt_is_answered_so_where_that_is_asked_for(self, address: str) -> None:
        said = {"x-behave": "once-deny-by-503"}
        statuses = [
            ask(address, PORTS["web"], "/a/path", **said, **named)[0].status
            for named in ({"x-request-id": "1"}, {"x-request-id": "1"}, {"x-request-id": "2"}, {}, {})
        ]
        assert statuses == [503, 204, 503, 204, 204]

    def test_only_the_first_attempt_over_http2_is_reset(self, address: str) -> None:
        command = (program("curl"), "-si", "--http2-prior-knowledge", "-H", "x-request-id: 3")
        ends = [run(*command, f"http://{address}:{PORTS['raw']}/once-rst-8").returncode for _ in range(2)]
        assert ends[0]
        assert not ends[1]

    def test_http2_says_so_too(self, address: str) -> None:
        told = run(program("curl"), "-si", "--http2-prior-knowledge", f"http://{address}:{PORTS['raw']}/x")
        assert f"x-reached: {address}:{PORTS['raw']}" in told.stdout.lower()

    @pytest.mark.parametrize("name", ["web", "jwks"])
    def test_who_waits_to_be_asked_for_a_body_is_asked(self, address: str, name: str) -> None:
        """Through Envoy with `proxy_100_continue` such a request waited for its deadline."""
        asked = f"{HEAD_OF_A_POST}Expect: 100-continue\r\n\r\n"
        with socket.create_connection((address, PORTS[name]), timeout=60) as opened:
            opened.sendall(asked.encode())
            assert opened.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
            opened.sendall(b"hello")
            assert opened.recv(12) == b"HTTP/1.1 200"

    def test_who_does_not_wait_is_not_asked(self, address: str) -> None:
        with socket.create_connection((address, PORTS["web"]), timeout=60) as opened:
            opened.sendall(f"{HEAD_OF_A_POST}\r\nhello".encode())
            assert opened.recv(12) == b"HTTP/1.1 200"

    def test_a_service_begins_anew_once_control_has_ended_all(self, address: str) -> None:
        wished = {"x-answer": json.dumps({"status": 401, "then": {"status": 403}})}
        for _ in range(2):
            statuses = [ask(address, PORTS["both"], "/token", **wished)[0].status for _ in range(2)]
            assert statuses == [401, 403]
            with socket.create_connection((address, PORTS["control"]), timeout=60) as control:
                control.sendall(b"end\n")
                assert control.recv(100) == b"ended\n"

    @pytest.mark.parametrize(("service", "status"), [("", 1), ("my.Service", 1), ("a" * 200, 1), ("NOT_SERVING", 2)])
    def test_a_service_of_a_configuration_is_well(self, address: str, service: str, status: int) -> None:
        """Or no host of a cluster whose health check names one would be."""
        size = len(service)
        length = bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])
        question = b"\x0a" + length + service.encode() if service else b""
        with grpc.insecure_channel(f"{address}:{PORTS['web']}") as channel:
            answer = channel.unary_unary(health.CHECK, bytes, bytes)(question, timeout=60)
        assert answer == bytes([8, status])

    def test_http2_asks_too(self, address: str) -> None:
        url, wait = f"http://{address}:{PORTS['raw']}/x", ["-H", "expect: 100-continue", "--expect100-timeout", "60"]
        told = run(program("curl"), "-si", "--http2-prior-knowledge", *wait, "-d", "hello", url)
        assert told.stdout.startswith("HTTP/2 100")
        assert told.stdout.endswith("\nhello")

    @pytest.mark.parametrize("sent", [b"hello\n", b"GE", b"\x00\x01", b"POSTER"])
    def test_what_is_no_http_comes_back(self, address: str, sent: bytes) -> None:
        with socket.create_connection((address, PORTS["raw"]), timeout=60) as opened:
            for each in sent:
                opened.sendall(bytes([each]))
            opened.shutdown(socket.SHUT_WR)
            assert b"".join(iter(lambda: opened.recv(100), b"")) == sent

    def test_http_is_known_however_it_comes(self, address: str) -> None:
        with socket.create_connection((address, PORTS["raw"]), timeout=60) as opened:
            for each in b"GET /a HTTP/1.1\r\n\r\n":
                opened.sendall(bytes([each]))
            assert opened.recv(12) == b"HTTP/1.1 200"

    @pytest.mark.parametrize("name", ["healthy", "healthy-redis"])
    def test_a_health_check_is_answered_as_it_wants(self, address: str, name: str) -> None:
        answer, body = ask(address, PORTS[name], "/healthz", **{"user-agent": "checks"})
        assert (answer.status, answer.headers["x-mine"], body) == (418, "yes", b"well")
        answer, body = ask(address, PORTS[name], "/healthz", **{"user-agent": "checks", "host": "other"})
        assert (answer.status, body) == (204, b"")

    def test_a_health_check_of_http2_is_answered_so_too(self, address: str) -> None:
        url = f"http://{address}:{PORTS['healthy']}/healthz"
        command = (program("curl"), "-si", "--http2-prior-knowledge", "-A")
        told = run(*command, "checks", url)
        assert told.stdout.startswith("HTTP/2 418")
        assert told.stdout.endswith("well")
        assert "/healthz" in run(*command, "else", url).stdout

    def test_others_that_ask_at_that_path_are_answered_as_ever(self, address: str) -> None:
        answer, body = ask(address, PORTS["healthy"], "/healthz", **{"user-agent": "else"})
        assert (answer.status, body.split(b"\r")[0]) == (200, b"GET /healthz HTTP/1.1")

    @pytest.mark.parametrize(("sent", "answer"), [(b"\x00\xff", b"\1\2"), (b"\x00\x01", b"\3")])
    def test_the_bytes_of_a_health_check_are_answered(self, address: str, sent: bytes, answer: bytes) -> None:
        with socket.create_connection((address, PORTS["healthy"]), timeout=60) as opened:
            for each in sent:
                opened.sendall(bytes([each]))
            assert opened.recv(100) == answer
            opened.sendall(b"GET /a HTTP/1.1\r\n\r\n")  # what comes after them is as at any place
            assert opened.recv(12) == b"HTTP/1.1 200"

    @pytest.mark.parametrize(("name", "is_taken"), [("theirs", True), ("nobodys", False)])
    def test_a_client_may_present_what_the_configuration_has(
        self, folder: Path, address: str, name: str, is_taken: bool
    ) -> None:
        """Whoever has signed it is not here, and it may have expired: Envoy presents it all the same."""
        context = ssl.create_default_context(cafile=str(CERTIFICATES / "ca.pem"))
        context.check_hostname = False
        context.load_cert_chain(folder / f"{name}.pem")
        refused = contextlib.nullcontext() if is_taken else pytest.raises(ssl.SSLError)
        with (
            socket.create_connection((address, PORTS["asking"]), timeout=60) as opened,
            refused,
            context.wrap_socket(opened, server_hostname="any.test") as secure,
        ):
            secure.sendall(b"GET /a HTTP/1.1\r\n\r\n")
            assert secure.recv(12) == b"HTTP/1.1 200"

    @pytest.mark.parametrize(("port", "name"), [("tls", "right.hostile.test"), ("web", "elsewhere.test")])
    def test_tls_has_the_certificate_of_its_place_or_the_other_one(self, address: str, port: str, name: str) -> None:
        context = ssl.create_default_context(cafile=str(CERTIFICATES / "ca.pem"))
        context.check_hostname = False
        with (
            socket.create_connection((address, PORTS[port]), timeout=60) as opened,
            context.wrap_socket(opened, server_hostname="any.test") as secure,
        ):
            subject: Any = (secure.getpeercert() or {})["subject"]
            secure.sendall(b"GET /a HTTP/1.1\r\n\r\n")
            assert secure.recv(12) == b"HTTP/1.1 200"
            # After its handshake it says nothing of TLS: whoever leaves then would have a ticket, or none.
            assert (secure.version(), secure.session and secure.session.has_ticket) == ("TLSv1.3", False)
        assert subject[0][0][1] == name

    def test_keys_are_given_on_any_path(self, address: str) -> None:
        answer, body = ask(address, PORTS["jwks"], "/.well-known/keys")
        assert answer.headers["content-type"] == "application/json"
        assert json.loads(body)["keys"]

    def test_keys_are_given_over_http2_too(self, address: str) -> None:
        told = run(program("curl"), "-s", "--http2-prior-knowledge", f"http://{address}:{PORTS['jwks']}/keys")
        assert json.loads(told.stdout)["keys"]

    @pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
    def test_an_application_gives_keys_and_tokens_at_their_paths_alone(self, address: str, version: str) -> None:
        there = f"http://{address}:{PORTS['both']}"
        ended = run(program("curl"), "-s", version, f"{there}/keys?a=b")
        assert json.loads(ended.stdout)["keys"]
        ended = run(program("curl"), "-s", version, "-d", "grant_type=a", f"{there}/token")
        assert json.loads(ended.stdout)["access_token"]
        ended = run(program("curl"), "-s", version, f"{there}/else", f"{there}/deny-by-403")
        assert "/else" in ended.stdout

    def test_a_service_answers_as_it_is_told(self, address: str) -> None:
        answer, _ = ask(address, PORTS["authz"], "/check", **{"x-answer": '{"status": 403}'})
        assert answer.status == 403
        assert json.loads(answer.headers["x-asked"])["target"] == "/check"

    @pytest.mark.parametrize(
        ("name", "sent", "answer"),
        [
            ("redis", b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n"),
            ("thrift", b"\x80\x01\x00\x01\x00", b"\x80\x01\x00\x02\x00"),
        ],
    )
    def test_what_is_no_echo_and_no_http_is_answered(self, address: str, name: str, sent: bytes, answer: bytes) -> None:
        with socket.create_connection((address, PORTS[name]), timeout=60) as opened:
            opened.sendall(sent)
            assert opened.recv(100) == answer

    def test_slots_of_redis_are_where_it_was_reached(self, address: str) -> None:
        with socket.create_connection((address, PORTS["redis"]), timeout=60) as opened:
            opened.sendall(b"*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n")
            assert f"\r\n{address}\r\n:{PORTS['redis']}\r\n".encode() in opened.recv(200)

    @pytest.mark.parametrize("protocol", ["http", "http2"])
    def test_what_comes_in_a_tunnel_is_answered_as_elsewhere(self, address: str, protocol: str) -> None:
        through = through_http1 if protocol == "http" else through_http2
        assert b"HTTP/1.1 200 OK\r\n" in through(address, PORTS["web"], b"GET /any HTTP/1.1\r\n\r\n")
        assert b"only this" in through(address, PORTS["web"], b"GET /short-body HTTP/1.1\r\n\r\n")
        assert through(address, PORTS["web"], b"POST /any HTTP/1.1\r\ncontent-length: 5\r\n\r\nhello").endswith(
            b"hello"
        )
        assert through(address, PORTS["web"], b"GE") == b"GE"
        assert through(address, PORTS["web"], b"\x00\x01") == b"\x00\x01"

    @pytest.mark.parametrize("version", ["HTTP/1", "HTTP/2"])
    def test_the_body_of_a_post_is_a_tunnel_that_answers_before_its_end(self, address: str, version: str) -> None:
        post = posted_http1 if version == "HTTP/1" else posted_http2
        assert post(address, PORTS["both"], "/tunnel", [b"\0one", b"two"]) == [b"\0one", b"two"]
        [answer] = post(address, PORTS["both"], "/tunnel", [b"GET /any HTTP/1.1\r\n\r\n"])
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")

    def test_a_post_with_a_length_is_no_tunnel(self, address: str) -> None:
        with contextlib.closing(http.client.HTTPConnection(address, PORTS["both"], timeout=60)) as connection:
            connection.request("POST", "/tunnel", body=b"whole")
            assert connection.getresponse().read().startswith(b"POST /tunnel HTTP/1.1\r\n")

    def test_a_reset_in_a_tunnel_is_one_of_its_stream(self, address: str) -> None:
        with pytest.raises(ConnectionResetError):
            through_http2(address, PORTS["web"], b"GET /reset-at-once HTTP/1.1\r\n\r\n")

    def test_a_place_leads_on(self, address: str, behind: socket.socket) -> None:
        with socket.create_connection((address, PORTS["forward"]), timeout=60) as opened:
            opened.sendall(b"what")
            while True:  # the first one only looked whether anybody listens
                accepted, _ = behind.accept()
                with accepted:
                    if accepted.recv(100) == b"what":
                        with socket.create_connection((address, PORTS["control"]), timeout=60) as control:
                            for line in (b"end\n", b"seen\n"):  # it stays, and is told to nobody
                                control.sendall(line)
                                told = control.recv(1 << 16)
                        assert f"{address}:{PORTS['forward']}".encode() not in told
                        accepted.sendall(b"that")
                        assert opened.recv(100) == b"that"
                        return

    @pytest.mark.parametrize("is_abstract", [False, True])
    def test_a_socket_is_a_place(self, folder: Path, is_abstract: bool) -> None:
        place = f"@{folder.name}" if is_abstract else str(folder / "socket")
        with socket.socket(socket.AF_UNIX) as opened:
            opened.settimeout(60)
            opened.connect(place.replace("@", "\0"))
            opened.sendall(b"GET /a HTTP/1.1\r\n\r\n")
            received = opened.recv(1 << 16)
        assert f"x-reached: {place}\r\n".encode() in received

    @pytest.mark.parametrize(
        ("name", "found"),
        [
            ("app.test", "192.0.2.7"),
            ("a-team.app.test", "192.0.2.8"),
            ("a-192-0-2-1.test", "192.0.2.1"),
            ("unknown", "192.0.2.9"),
            ("a-b-c-d-e.unknown", "192.0.2.9"),
            ("a-192-0-2-256.ttl-long.unknown", "192.0.2.9"),
        ],
    )
    def test_names_of_the_table_are_known(self, address: str, name: str, found: str) -> None:
        labels = b"".join(bytes([len(each)]) + each.encode() for each in name.split("."))
        query = dns.HEAD.pack(7, 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", 1, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(60)
            asking.sendto(query, (address, PORTS["names"]))
            assert asking.recv(512)[-4:] == socket.inet_aton(found)


def test_a_table_is_read_as_it_was_written() -> None:
    first = Place("10.1.2.3", 80, alpn=("h2",), health=HEALTH, exchanges=(("00", "01"),))
    one = Table((first, Place("/run/s")), ("10.1.2.3",), {"a": "10.1.2.3"}, 1234, 5)
    assert table.parsed(table.written(one)) == one


def test_an_address_is_added_by_a_message_that_the_kernel_knows() -> None:
    for address, size in (("10.1.2.3", 4), ("fd00::7", 16)):
        message = addresses.request(address, 3, 1)
        length, kind, flags, number, _ = struct.unpack_from("=IHHII", message)
        assert (length, kind, number) == (len(message), 20, 3)
        assert flags & 0x5 == 0x5  # a request that is to be answered
        _, prefix, _, _, link = struct.unpack_from("=BBBBI", message, 16)
        assert (prefix, link) == (8 * size, 1)
        assert message.count(socket.inet_pton(socket.AF_INET if size == 4 else socket.AF_INET6, address)) == 2
