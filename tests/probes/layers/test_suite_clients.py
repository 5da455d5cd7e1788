"""Clients of suites over TLS and with PROXY headers, against a real Envoy and a real nginx."""

import ssl
from collections.abc import Callable

import pytest

from takeover.base.errors import BadInputError
from takeover.evidence.quiescence import waited_for
from takeover.model.logs import as_written, json_lines
from takeover.model.tls import TlsObserved
from takeover.net import proxy_protocol
from takeover.probes.probe_file import read_probes
from takeover.scenario.loader import Scenario
from takeover.scene import NoAnswerError, Scene
from takeover.suite.tls import handshake, trusting
from tests.probes.layers.peers import NAME

TOLD = proxy_protocol.v2(("192.0.2.1", 1234), ("192.0.2.2", 443))
GET = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def scene(scenario: Scenario, deploy: Callable[..., Scene]) -> Scene:
    [group] = read_probes(scenario)
    return deploy(group, scenario)


def seen(scene: Scene, certificate: str, proxy: bytes = b"") -> TlsObserved:
    tls = trusting(scene, "ca.pem", certificate)
    return handshake(scene, "client", scene.pod("gateway").ip, 8443, tls, server_name=NAME, data=GET, proxy=proxy)


def test_a_request_over_mutual_tls_is_one_like_any_other(scene: Scene) -> None:
    gateway = scene.pod("gateway").ip
    tls = trusting(scene, "ca.pem", "client.pem", alpn=["http/1.1"])
    answer = scene.ask("client", f"https://{gateway}:8443/", tls=tls, server_name=NAME, proxy=TOLD)
    assert (answer.status_code, answer.text) == (200, "here\n")
    fields = ("downstream_remote", "tls", "server_name")
    waited_for(lambda: "" if json_lines(scene.envoy_container.logs()) else "an entry", 60)
    entry = as_written(json_lines(scene.envoy_container.logs())[-1])
    assert [entry[each] for each in fields] == ["192.0.2.1:1234", "TLSv1.3", NAME]


def test_several_requests_keep_one_connection_and_its_header(scene: Scene) -> None:
    website = scene.pod("website").ip
    told = "told: 192.0.2.1:1234\nserver name: \nclient: \n"
    with scene.new_http("client", proxy=TOLD) as client:
        assert [client.get(f"http://{website}:8080/").text for _ in range(2)] == [told, told]
    for tls in (trusting(scene, "ca.pem"), trusting(scene)):
        answer = scene.ask("client", f"https://{website}:8443/", tls=tls, server_name=NAME, proxy=TOLD)
        assert answer.text == f"told: 192.0.2.1:1234\nserver name: {NAME}\nclient: NONE\n"


def test_bytes_go_likewise(scene: Scene) -> None:
    tls = trusting(scene, "ca.pem", "half.pem", "half.key")
    told = scene.converse("client", scene.pod("website").ip, 8443, GET, tls=tls, server_name=NAME, proxy=TOLD)
    assert (told.end, told.received.split()[1]) == ("closed", b"400")  # it is another authority's
    tls = trusting(scene, "ca.pem", "client.pem")
    told = scene.converse("client", scene.pod("website").ip, 8443, GET, tls=tls, server_name=NAME, proxy=TOLD)
    assert told.received.endswith(b"client: SUCCESS\n")


def test_whoever_is_not_trusted_is_not_asked(scene: Scene) -> None:
    website = scene.pod("website").ip
    before = scene._connections.open_now
    for authority, name, what in (
        ("other.pem", NAME, "unable to get local issuer"),
        ("ca.pem", "b.example", "mismatch"),
    ):
        tls = trusting(scene, authority)
        with pytest.raises(ssl.SSLCertVerificationError, match=what):
            scene.connect("client", website, 8443, tls=tls, server_name=name, proxy=TOLD)
        with pytest.raises(NoAnswerError, match="no answer to GET"):
            scene.ask("client", f"https://{website}:8443/", tls=tls, server_name=name, proxy=TOLD)
    assert scene._connections.open_now == before


def test_a_suite_sees_why_it_is_refused(scene: Scene) -> None:
    right = seen(scene, "client.pem")
    assert (right.failure, right.alert, right.version) == ("", "", "TLSv1.3")
    assert right.certificate is not None
    assert f"DNS:{NAME}" in right.certificate.names
    assert seen(scene, "client.pem", proxy=TOLD).failure == ""
    for certificate, alert in (
        ("", "certificate_required"),
        ("expired.pem", "certificate_expired"),
        ("other.pem", "unknown_ca"),
    ):
        refused = seen(scene, certificate)
        assert (refused.failure, refused.alert) == ("alert", alert)
    gateway = scene.pod("gateway").ip
    assert handshake(scene, "client", gateway, 8443, trusting(scene)) == TlsObserved("reset")
    untrusted = handshake(scene, "client", gateway, 8443, trusting(scene, "other.pem"), server_name=NAME)
    assert untrusted.failure == "certificate verify failed"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (("none.pem",), r"none\.pem: cannot be read: No such file"),
        (("half.key",), r"half\.key: must hold an authority's certificate in PEM form"),
        (("", "half.pem"), r"half\.pem: half\.pem must be a certificate in PEM form, and its key, .* in the same file"),
        (("", "half.pem", "client.pem"), r"in client\.pem"),
        (("../../../etc/passwd",), "leads elsewhere"),
    ],
)
def test_files_that_will_not_do_are_a_line(scene: Scene, files: tuple[str, ...], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        trusting(scene, *files)
