"""Mutual TLS between two Pods, an Envoy in each: who is let in, as whom, and where whoever is not is stopped."""

import contextlib
import hashlib
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
import pytest

from takeover.evidence.observed import ObservedTraffic
from takeover.net.tls import TlsStream
from takeover.scenario.edits import Edit, remove, replace
from takeover.scene import NoAnswerError, Scene
from takeover.suite.echo import echo, server_of

SCENARIO = "mesh-mutual-tls"
pytestmark = [pytest.mark.mesh, pytest.mark.scenario(SCENARIO)]

IDENTITY = "spiffe://mesh.example/ns/default/sa/{}"
FORGED = {"x-forwarded-client-cert": f"By=nobody;URI={IDENTITY.format('admin')}"}
SECURE = "secure.example"


def leaves(pod: str, *further: str) -> list[str]:
    """Out of a Pod: caught by its rule, taken by its Envoy."""
    envoy = f"{pod}/envoyproxy"
    of_envoy = [f"{kind} {envoy} {name}" for kind, _, name in (each.partition(" ") for each in further)]
    return [f"rule {pod} OUTPUT REDIRECT --to-ports 15001", f"listener {envoy} 0.0.0.0_15001", *of_envoy]


def enters(pod: str, *further: str) -> list[str]:
    """Into a Pod, likewise."""
    envoy = f"{pod}/envoyproxy"
    of_envoy = [f"{kind} {envoy} {name}" for kind, _, name in (each.partition(" ") for each in further)]
    return [f"rule {pod} PREROUTING REDIRECT --to-ports 15006", f"listener {envoy} 0.0.0.0_15006", *of_envoy]


def sent_to(pod: str, other: str) -> list[str]:
    """Out of a Pod, to the other one of the mesh."""
    return leaves(pod, f"http to_{other}", f"cluster {other}")


def taken_by(pod: str, chain: str, port: int) -> list[str]:
    """Into a Pod, to its application."""
    return [*enters(pod, f"http inbound_{chain}", f"cluster app-{port}"), f"destination {pod}/app"]


def secret(scene: Scene, name: str) -> dict[str, str]:
    """What is in that Secret: tls.crt, tls.key, ca.crt."""
    objects = (each for each in scene.deployment.scenario.objects() if each["kind"] == "Secret")
    found: dict[str, str] = next(each["stringData"] for each in objects if each["metadata"]["name"] == name)
    return found


@pytest.fixture
def certificate(scene: Scene, tmp_path: Path) -> Callable[[str], ssl.SSLContext]:
    """What a client needs that trusts the mesh's authority, and shows the certificate of that Secret, or none."""

    def of(name: str) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=secret(scene, "front")["ca.crt"])
        context.check_hostname = False  # identities are URIs
        if name:
            for key in ("tls.crt", "tls.key"):
                (tmp_path / key).write_text(secret(scene, name)[key])
            context.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
        return context

    return of


def fingerprint(scene: Scene, name: str) -> str:
    """Of the certificate in that Secret."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(secret(scene, name)["tls.crt"])).hexdigest()


def ask(
    scene: Scene,
    pod: str,
    to: str,
    container: str = "",
    headers: Mapping[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
) -> httpx.Response | None:
    """One request to "SERVICE:PORT", by TLS if that is given; None if no answer comes."""
    service, _, port = to.partition(":")
    url = f"{'http' if tls is None else 'https'}://{scene.host_name(service)}:{port}/"
    try:
        return scene.ask(pod, url, container, headers=headers, tls=tls)
    except NoAnswerError:
        return None


def assert_told_who_asked(scene: Scene, response: httpx.Response | None, pod: str, asked_by: str) -> None:
    """The application was asked in plain HTTP, and told on whose behalf."""
    assert response is not None
    assert (response.status_code, server_of(response)) == (200, "envoy")
    told = echo(response)
    assert (told["backend"], told["scheme"]) == (pod, "http")
    assert told["x-forwarded-client-cert"] == (
        f"By={IDENTITY.format(pod)};Hash={fingerprint(scene, asked_by)};URI={IDENTITY.format(asked_by)}"
    )


@pytest.mark.parametrize(("pod", "other"), [("front", "back"), ("back", "front")])
@pytest.mark.parametrize(("port", "chain"), [(80, "tls"), (81, "strict")])
@pytest.mark.parametrize("headers", [{}, FORGED], ids=["honest", "forged"])
def test_between_the_pods_it_is_mutual_tls_of_which_the_applications_know_nothing(
    scene: Scene, pod: str, other: str, port: int, chain: str, headers: dict[str, str]
) -> None:
    with scene.watched() as observed:
        response = ask(scene, pod, f"{other}:{port}", "app", headers)

    assert_routed_through(observed, [*sent_to(pod, other), *taken_by(other, chain, port)])
    assert_told_who_asked(scene, response, other, asked_by=pod)
    ours, theirs = observed.of(pod), observed.of(other)
    assert ours.counter(f"cluster.{other}.ssl.handshake") == 1
    assert theirs.counter("listener.0.0.0.0_15006.ssl.handshake") == 1
    # What left the one Pod is what came to the other.
    assert theirs.envoy.downstream_remote == ours.envoy.upstream_local
    assert (ours.rule("15001"), ours.rule("RETURN"), theirs.rule("15006")) == (1, 1, 1)
    assert (ours.envoy.original_destination, theirs.envoy.original_destination) == (
        f"{scene.service_ip(other)}:{port}",
        f"{scene.pod(other).ip}:{port}",
    )
    arrived = observed.arrival(other)
    assert (arrived.client_ip, arrived.server) == ("127.0.0.1", f"127.0.0.1:{port}")


def assert_routed_through(observed: ObservedTraffic, trace: list[str]) -> None:
    """That trace, and one request in every Envoy's log and the destination's, by the same id."""
    assert observed.trace == trace
    envoys = {hop.split(" ")[1] for hop in trace if hop.startswith("http ")}
    ids = {observed.of(each).envoy.request_id for each in envoys}
    pod, _, container = trace[-1].removeprefix("destination ").rpartition("/")
    assert ids == {observed.arrival(pod, container).request_id}


KEPT = remove("envoy.yaml", "$.static_resources.clusters[?@.name=='back'].typed_extension_protocol_options")


@pytest.mark.scenario(SCENARIO, KEPT)
def test_a_connection_between_the_pods_can_be_used_again(scene: Scene) -> None:
    with scene.watched() as observed, scene.new_http("front", "app") as client:
        answers = [client.get(f"http://{scene.host_name('back')}/{number}") for number in range(3)]

    assert observed.trace == [*sent_to("front", "back"), *taken_by("back", "tls", 80)]
    assert [each.status_code for each in answers] == [200] * 3
    back = observed.of("back")
    assert [each.path for each in back.entries] == ["/0", "/1", "/2"]
    assert len({each.downstream_remote for each in back.entries}) == 1
    assert observed.of("front").counter("cluster.back.ssl.handshake") == 1
    with scene.watched() as observed:
        ask(scene, "front", "back:80", "app")
    assert observed.of("front").counter("cluster.back.upstream_cx_total") == 0


@pytest.mark.parametrize("headers", [{}, FORGED], ids=["honest", "forged"])
def test_port_80_takes_who_does_not_speak_tls_and_does_not_say_who_that_is(
    scene: Scene, headers: dict[str, str]
) -> None:
    with scene.watched() as observed:
        response = ask(scene, "client/client", "back:80", headers=headers)

    assert_routed_through(observed, taken_by("back", "plain", 80))
    assert response is not None
    assert (response.status_code, echo(response)["x-forwarded-client-cert"]) == (200, "")
    assert "listener.0.0.0.0_15006.ssl.handshake" not in observed.of("back").moved


@pytest.mark.parametrize(("port", "chain"), [(80, "tls"), (81, "strict")])
def test_a_client_without_an_envoy_is_as_good_by_its_certificate(
    scene: Scene, certificate: Callable[[str], ssl.SSLContext], port: int, chain: str
) -> None:
    with scene.watched() as observed:
        response = ask(scene, "client/client", f"back:{port}", headers=FORGED, tls=certificate("front"))

    assert_routed_through(observed, taken_by("back", chain, port))
    # It was asked for the certificate, whatever came of that.
    assert observed.of("back").counter("listener.0.0.0.0_15006.ssl.no_certificate") == 0
    assert_told_who_asked(scene, response, "back", asked_by="front")


def test_port_81_takes_nobody_who_does_not_speak_tls(scene: Scene) -> None:
    with scene.watched() as observed:
        response = ask(scene, "client/client", "back:81")

    assert observed.trace == enters("back")
    assert response is None
    assert observed.of("back").counter("listener.0.0.0.0_15006.no_filter_chain_match") == 1
    assert (observed.of("back").entries, observed.destination("back")) == ([], [])


REFUSED = {"": "no_cert", "stranger": "error", "expired": "error", "elsewhere": "san"}
"""Secret → how the Envoy that is asked says that it refuses its certificate."""


@pytest.mark.parametrize("name", REFUSED, ids=lambda name: name or "none")
@pytest.mark.parametrize("port", [80, 81])
def test_who_has_no_certificate_of_the_mesh_is_stopped_at_the_listener(
    scene: Scene, certificate: Callable[[str], ssl.SSLContext], name: str, port: int
) -> None:
    with scene.watched() as observed:
        response = ask(scene, "client/client", f"back:{port}", tls=certificate(name))

    chain = {80: "tls", 81: "strict"}[port]
    assert_stopped(observed, enters("back", f"http inbound_{chain}"), REFUSED[name])
    assert response is None


def assert_stopped(observed: ObservedTraffic, trace: list[str], why: str, at: str = "back") -> None:
    """The trace ends where that Pod's listener refused the certificate: no request came, no application saw one.

    The connection manager behind knows of a connection before hands are shaken.
    """
    assert observed.trace == trace
    asked = observed.of(at)
    failed = {name.rpartition(".fail_verify_")[2] for name in asked.moved if ".ssl.fail_verify" in name}
    assert failed == {why}
    assert "listener.0.0.0.0_15006.ssl.handshake" not in asked.moved
    assert not any(name.endswith(".downstream_rq_total") for name in asked.moved)
    assert (asked.entries, observed.destination("front"), observed.destination("back")) == ([], [], [])


def with_certificate(secret: str) -> list[Edit]:
    """The Pod "back" shows another certificate, to whom it asks and to who asks it; or none to whom it asks."""
    if not secret:
        cluster = "$.static_resources.clusters[?@.name=='front'].transport_socket.typed_config.common_tls_context"
        return [remove("envoy.yaml", f"{cluster}.tls_certificates")]
    return [replace("Pod/back", "$.spec.volumes[?@.name=='certificate'].secret.secretName", secret)]


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.scenario(SCENARIO, *with_certificate(name))) for name in REFUSED],
    ids=lambda name: name or "none",
)
def test_a_pod_of_the_mesh_without_a_right_certificate_is_stopped_at_the_other_ones_listener(
    scene: Scene, name: str
) -> None:
    with scene.watched() as observed:
        response = ask(scene, "back", "front:80", "app")

    trace = [*sent_to("back", "front"), *enters("front", "http inbound_tls")]
    assert_stopped(observed, trace, REFUSED[name], at="front")
    assert observed.of("back").envoy.flags.startswith("UF")
    assert response is not None
    assert (response.status_code, server_of(response)) == (503, "envoy")


@pytest.mark.parametrize(
    "why",
    [
        pytest.param(why, id=name, marks=pytest.mark.scenario(SCENARIO, *with_certificate(name)))
        for name, why in {"stranger": "error", "expired": "error", "front": "san"}.items()
    ],
)
def test_a_pod_that_is_not_who_was_called_gets_no_request(scene: Scene, why: str) -> None:
    with scene.watched() as observed:
        response = ask(scene, "front", "back:80", "app")

    assert observed.trace == [*sent_to("front", "back"), *enters("back", "http inbound_tls")]
    failed = {each for each in observed.of("front").moved if ".ssl.fail_verify" in each}
    assert failed == {f"cluster.back.ssl.fail_verify_{why}"}
    assert response is not None
    assert (response.status_code, server_of(response)) == (503, "envoy")
    assert (observed.of("back").entries, observed.destination("back")) == ([], [])


def ask_secure(scene: Scene, pod: str, container: str, name: str | None) -> bytes:
    """The answer of internet/secure, by TLS for that name; empty if none comes with its own certificate."""
    context = ssl.create_default_context(cadata=secret(scene, "secure")["ca.crt"])
    context.check_hostname = name == SECURE
    stream, received = scene.connect(pod, scene.service_ip("internet/secure"), 443, container), b""
    with contextlib.closing(stream), contextlib.suppress(ssl.SSLError, ConnectionError):
        tls = TlsStream(stream, context, name)
        tls.shake_hands()
        tls.send(b"GET / HTTP/1.0\r\n\r\n")
        while data := tls.receive(65536):
            received += data
    return received


def test_tls_to_one_name_of_the_internet_is_passed_on_unread(scene: Scene) -> None:
    with scene.watched() as observed:
        answer = ask_secure(scene, "front", "app", SECURE)

    through = leaves("front", "tcp to_secure", "cluster internet")
    assert observed.trace == [*through, "destination internet/secure/nginx"]
    assert b"scheme: https\nsni: secure.example\n" in answer
    assert "cluster.internet.ssl.handshake" not in observed.moved


@pytest.mark.parametrize("name", [None, "other.example", f"www.{SECURE}"])
def test_tls_to_other_names_gets_nowhere(scene: Scene, name: str | None) -> None:
    with scene.watched() as observed:
        answer = ask_secure(scene, "front", "app", name)

    assert observed.trace == leaves("front", "tcp to_nobody", "cluster nobody")
    assert (observed.envoy.flags, answer) == ("UH", b"")
    assert observed.destination("internet/secure") == []


def test_who_does_not_speak_tls_gets_nowhere_in_the_internet(scene: Scene) -> None:
    with scene.watched() as observed:
        response = ask(scene, "front", "internet/website:80", "app")

    assert observed.trace == leaves("front", "tcp to_nobody", "cluster nobody")
    assert (observed.envoy.flags, response) == ("UH", None)
    assert observed.destination("internet/website") == []


def test_the_internet_itself_is_asked_without_envoy_from_outside_of_the_mesh(scene: Scene) -> None:
    with scene.watched() as observed:
        answer = ask_secure(scene, "client/client", "client", SECURE)

    assert observed.trace == ["destination internet/secure/nginx"]
    assert b"sni: secure.example\n" in answer
