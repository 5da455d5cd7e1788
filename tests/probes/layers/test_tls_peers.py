"""TLS below a probe's protocol, against a server that is not ours: OpenSSL's."""

import socket
import ssl
import subprocess
import sys
import threading

import pytest

from takeover.base.errors import BadInputError
from takeover.model.tls import PeerCertificate, TlsObserved
from takeover.net.stream import ByteStream
from takeover.net.tls_alerts import alert_name, first_record
from tests.probes.layers.peers import NAME, Files, connected, running

MUTUAL = ("-rev", "-Verify", "2", "-CAfile", "ca.pem", "-verify_return_error")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files.made(tmp_path_factory.mktemp("tls"))


def turned_around(stream: ByteStream, line: bytes) -> bytes:
    stream.send(line + b"\n", 60)
    received = b""
    while not received.endswith(b"\n"):
        received += stream.receive(100, 60)
    return received[:-1]


def test_hands_are_shaken_and_what_is_chosen_is_observed(files: Files) -> None:
    layers = files.layers(f"{{server_name: {NAME}, alpn: [h2, http/1.1]}}")
    with files.s_server("-rev", "-alpn", "http/1.1") as port, connected(layers, port) as connection:
        assert turned_around(connection.stream, b"hello") == b"olleh"
        observed = connection.tls
    assert observed is not None
    assert (observed.version, observed.alpn, observed.resumed, observed.failure, observed.alert) == (
        "TLSv1.3", "http/1.1", False, "", "",
    )  # fmt: skip
    assert observed.cipher == "TLS_AES_256_GCM_SHA384"
    assert isinstance(observed.certificate, PeerCertificate)
    assert observed.certificate.names == [f"DNS:{NAME}", "DNS:*.server.example", "IP:192.0.2.1"]
    assert "O=Ours" in observed.certificate.issuer


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"])
def test_each_version_is_offered_alone(files: Files, version: str) -> None:
    layers = files.layers(f"{{min_version: {version}, max_version: {version}}}")
    server = ("-rev", "-cipher", "DEFAULT:@SECLEVEL=0", "-min_protocol", "TLSv1")
    with files.s_server(*server) as port, connected(layers, port) as connection:
        assert turned_around(connection.stream, b"abc") == b"cba"
        assert connection.tls is not None
        assert connection.tls.version == version


def test_ciphers_are_offered_as_named(files: Files) -> None:
    layers = files.layers("{max_version: TLSv1.2, ciphers: ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256}")
    with files.s_server() as port, connected(layers, port) as connection:
        assert connection.tls is not None
        assert connection.tls.cipher in (layers.tls.offer.ciphers.split(":") if layers.tls else ())


def test_a_version_that_the_server_does_not_take_is_an_alert(files: Files) -> None:
    layers = files.layers("{max_version: TLSv1.1}")
    with files.s_server("-rev", "-tls1_3") as port, connected(layers, port) as connection:
        assert (connection.tls, connection.end) == (TlsObserved("alert", "protocol_version"), "closed")


def test_a_protocol_that_the_server_does_not_speak_is_an_alert_whose_name_openssl_does_not_know(files: Files) -> None:
    layers = files.layers("{alpn: [h3]}")
    with files.s_server("-rev", "-alpn", "h2") as port, connected(layers, port) as connection:
        assert connection.tls == TlsObserved("alert", "no_application_protocol")


def test_a_name_that_the_server_does_not_have_is_an_alert(files: Files) -> None:
    server = ("-rev", "-servername", NAME, "-servername_fatal", "-cert2", "server.pem", "-key2", "server.pem")
    with files.s_server(*server) as port:
        with connected(files.layers("{server_name: other.example}"), port) as connection:
            assert connection.tls == TlsObserved("alert", "unrecognized_name")
        for known in (f"{{server_name: {NAME}}}", "{alpn: [x]}"):
            with connected(files.layers(known), port) as connection:
                assert turned_around(connection.stream, b"ab") == b"ba"


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize(
    ("certificate", "alert"),
    [
        ("client_certificate: client.pem", ""),
        ("client_certificate: expired.pem", "certificate_expired"),
        ("client_certificate: other.pem", "unknown_ca"),
        ("client_certificate: half.pem, client_key: half.key", "unknown_ca"),
        ("alpn: [x]", {"TLSv1.2": "handshake_failure", "TLSv1.3": "certificate_required"}),
    ],
)
def test_a_clients_certificate(files: Files, version: str, certificate: str, alert: "str | dict[str, str]") -> None:
    wanted = alert[version] if isinstance(alert, dict) else alert
    layers = files.layers(f"{{{certificate}, max_version: {version}}}")
    with files.s_server(*MUTUAL) as port, connected(layers, port) as connection:
        if not wanted:
            assert turned_around(connection.stream, b"ab") == b"ba"
        elif version == "TLSv1.3":  # to the client hands are shaken by then
            assert connection.end is None
            assert connection.stream.receive(100, 60) == b""
            with pytest.raises(BrokenPipeError):
                connection.stream.send(b"more")
            assert connection.stream.receive(100, 60) == b""
        else:
            assert connection.end == "closed"
        observed = connection.tls
    assert observed is not None
    assert (observed.alert, observed.failure) == (wanted, "alert" if wanted else "")
    assert observed.version == (version if not wanted or version == "TLSv1.3" else "")


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_a_second_connection_resumes_the_first_ones_session(files: Files, version: str) -> None:
    layers = files.layers(f"{{resume: true, max_version: {version}, server_name: {NAME}}}")
    with files.s_server() as port, connected(layers, port, within=10) as connection:
        assert turned_around(connection.stream, b"ab") == b"ba"
        assert connection.tls is not None
        assert (connection.tls.resumed, connection.tls.certificate) == (True, None)


def test_a_server_that_gives_no_ticket_shakes_hands_again(files: Files) -> None:
    layers = files.layers("{resume: true}")
    with files.s_server("-rev", "-num_tickets", "0") as port, connected(layers, port, within=3) as connection:
        assert turned_around(connection.stream, b"ab") == b"ba"
        assert connection.tls is not None
        assert (connection.tls.resumed, connection.tls.certificate is None) == (False, False)


def real_hello() -> str:
    """What Python's own client begins with."""
    outgoing = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=NAME).do_handshake()
    return "".join(f"\\x{each:02x}" for each in outgoing.read())


# An SSL 3.0 hello with one cipher; the like of TLS 1.2; one that is cut off; one that is none.
SSL3 = r"\x16\x03\x00\x00\x2d\x01\x00\x00\x29\x03\x00" + r"\x00" * 32 + r"\x00\x00\x02\xc0\x09\x01\x00"
TLS12 = SSL3.replace(r"\x03\x00", r"\x03\x03")


@pytest.mark.parametrize(
    ("hello", "observed"),
    [
        (SSL3, TlsObserved("alert", "handshake_failure")),
        (real_hello(), TlsObserved("server hello")),
        (TLS12.replace(r"\xc0\x09", r"\x00\x00"), TlsObserved("alert", "handshake_failure")),
        (TLS12.replace(r"\x29\x03", r"\x28\x03"), TlsObserved("alert", "decode_error")),
        (TLS12[:80], TlsObserved("unanswered")),
    ],
    ids=["SSL 3.0", "a real one", "a cipher that is none", "a wrong length", "cut off"],
)
def test_a_hello_as_bytes(files: Files, hello: str, observed: TlsObserved) -> None:
    server = ("-rev", "-cipher", "DEFAULT:@SECLEVEL=0")
    layers, within = files.layers(f'{{hello: "{hello}"}}'), 1.0 if observed.failure == "unanswered" else 60.0
    with files.s_server(*server) as port, connected(layers, port, within) as connection:
        assert connection.tls == observed
        assert connection.end == ("closed" if observed.alert else "open")


def test_a_server_that_speaks_no_tls(files: Files) -> None:
    for answer, failure, end in (
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "wrong version number", "closed"),
        (b"", "closed", "closed"),
    ):
        for layers in (files.layers("{alpn: [x]}"), files.layers(r'{hello: "\x16\x03\x01"}')):
            with socket.create_server(("127.0.0.1", 0)) as listening:

                def serve(listening: socket.socket = listening, answer: bytes = answer) -> None:
                    peer = listening.accept()[0]
                    with peer:
                        peer.recv(10_000)
                        peer.sendall(answer)

                thread = threading.Thread(target=serve, daemon=True)
                thread.start()
                with connected(layers, listening.getsockname()[1]) as connection:
                    told = "no record of TLS" if answer and layers.tls and layers.tls.hello else failure
                    assert (connection.tls, connection.end) == (TlsObserved(told), end)
                thread.join(60)


def test_the_servers_end_is_told_by_whether_it_said_so(files: Files) -> None:
    """A client of ours that ends its half in order still gets the answer, and the server's own word."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.folder / "server.pem")
    for says_so in (True, False):
        with socket.create_server(("127.0.0.1", 0)) as listening:
            got: list[bytes] = []

            def serve(listening: socket.socket = listening, got: list[bytes] = got, says_so: bool = says_so) -> None:
                secure = context.wrap_socket(listening.accept()[0], server_side=True)
                while data := secure.recv(100):
                    got.append(data)
                secure.sendall(b"answer")
                if says_so:
                    secure.unwrap()
                secure.close()

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            with connected(files.layers("{alpn: [x]}"), listening.getsockname()[1]) as connection:
                connection.stream.send(b"question")
                connection.stream.end()
                assert [connection.stream.receive(100, 60) for _ in range(3)] == [b"answer", b"", b""]
                assert connection.tls is not None
                assert (connection.tls.alert, connection.tls.failure) == ("close_notify" if says_so else "", "")
            thread.join(60)
        assert got == [b"question"]


@pytest.mark.parametrize("how", ["close", "reset"])
def test_who_closes_says_so_and_who_resets_does_not(files: Files, how: str) -> None:
    command = ["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", "server.pem", "-msg", "-naccept", "1"]
    with running([*command, "-tls1_2"], files.folder) as said:
        port = int(said("ACCEPT").rpartition(":")[2])
        with connected(files.layers("{alpn: [x]}"), port) as connection:
            getattr(connection.stream, how)()
        said("CONNECTION CLOSED")
    alerts = [line for line in said.lines if line.startswith("<<<") and "Alert" in line]
    assert len(alerts) == (how == "close")


def test_a_record_is_found_however_it_is_cut() -> None:
    whole = b"\x15\x03\x01\x00\x02\x02\x46rest"
    assert [first_record(whole[:each]) for each in range(7)] == [None] * 7
    assert first_record(whole) == (21, b"\x02\x46")
    assert [alert_name(each) for each in (b"\x02\x46", b"\x01\x00", b"\x02\xff", b"")] == [
        "protocol_version", "close_notify", "alert 255", "an alert of no form",
    ]  # fmt: skip
    for wrong in (b"H", b"\x16\x02", b"\x16\x03\x01\xff\xff"):
        with pytest.raises(ValueError, match="no record"):
            first_record(wrong)


@pytest.mark.parametrize(
    ("tls", "message"),
    [
        ("{client_certificate: none.pem}", r"probes\.yaml:1: .*none\.pem: cannot be read: No such file"),
        ("{client_certificate: ../../etc/passwd}", r"a link that leads elsewhere"),
        (
            "{client_certificate: half.pem}",
            r"half\.pem must be a certificate in PEM form, and its key, .* in the same file",
        ),
        ("{client_certificate: half.pem, client_key: client.pem}", r"without a password, in client\.pem"),
        ("{client_key: half.key}", "client_key is that of client_certificate, which is missing"),
        ("{ciphers: NONE-SUCH}", "ciphers: OpenSSL knows none of NONE-SUCH"),
        ("{min_version: TLSv1.3, max_version: TLSv1.2}", "min_version TLSv1.3 is above max_version TLSv1.2"),
        (
            "{min_version: TLSv1.3, ciphers: AES128-SHA}",
            "ciphers has no effect in TLSv1.3: have a min_version below it",
        ),
        ("{max_version: TLSv1.4}", "is one of TLSv1, TLSv1.1, TLSv1.2, TLSv1.3, not TLSv1.4"),
        ('{server_name: "a..b"}', "cannot be asked for .*send a hello of your own"),
        ("{alpn: [é]}", "at most 255 ASCII characters"),
        ("{hello: a, server_name: b}", "leave out server_name"),
        ("{sni: a}", "sni is not supported; supported: server_name, alpn"),
    ],
)
def test_bad_input_is_a_line(files: Files, tls: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        files.layers(tls)


def test_nothing_of_it_is_imported_where_nobody_asks_for_it() -> None:
    program = "import sys, takeover.probes.stretch, takeover.probes.probe_file\nprint([*sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "takeover.probes.layers.connection" in loaded
    for each in ("cryptography", "takeover.probes.layers.tls'", "takeover.net.observed_tls"):
        assert each not in loaded
