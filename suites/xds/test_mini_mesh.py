"""Mini mesh: a control plane makes of Services and Pods what two sidecars and a gateway do, and changes it under way.

Other than one might think: a changed weight fills every bucket of the gateway again, as its routes are made anew.
"""

import contextlib
import hashlib
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
import pytest

from fixtures.mini_mesh import AllTheWhile, Answered, MiniMesh
from takeover.base.errors import BadInputError
from takeover.evidence.observed import ObservedTraffic
from takeover.scene import NoAnswerError, Scene
from takeover.suite.echo import echo, server_of

SCENARIO = "mini-mesh"
pytestmark = [pytest.mark.xds, pytest.mark.mesh, pytest.mark.scenario(SCENARIO)]

IDENTITY = "spiffe://mesh.example/ns/default/sa/{}"
V1, V2, GATEWAY = "app-v1", "app-v2-0", "gateway"
SERVICES = {V1: "app-v1", V2: "app-v2"}
HOST = {"host": "app.shadow.com"}
WEIGHTED = -1
"""The route of mesh.yaml that weighs."""


@pytest.fixture
def mesh(scene: Scene) -> Iterator[MiniMesh]:
    """The mesh, whose Envoys know of each other; after the test, what is wished is again as mesh.yaml says."""
    with contextlib.closing(MiniMesh(scene)) as found:
        wait_until_all_can_be_asked(found)
        wishes = found.wishes()
        yield found
        if found.wishes() != wishes:
            found.acknowledged(found.wish_all(wishes))


def wait_until_all_can_be_asked(mesh: MiniMesh, sidecars: int = 2) -> None:
    """Waits until others are sent to so many sidecars' Pods, and know it, and who was to go has gone."""
    number = 0
    while [each.can_be_asked for each in mesh.envoys()] != [True] * (sidecars + 1):
        number = mesh.wait_for(lambda _: True, after=number, what="word of all Envoys").number
    mesh.acknowledged(mesh.snapshot(mesh.envoys()[0].node).version)


def at(envoy: str, *hops: str) -> list[str]:
    """Hops, each with its Envoy."""
    return [f"{kind} {envoy}/envoyproxy {name}" for kind, _, name in (each.partition(" ") for each in hops)]


def leaves(pod: str, *hops: str) -> list[str]:
    """Out of a Pod, caught by its rule."""
    return [f"rule {pod} OUTPUT REDIRECT --to-ports 15001", *at(pod, *hops)]


def sent_to(scene: Scene, pod: str, other: str) -> list[str]:
    """Out of a Pod, to another one's Service: its listener has the Service's address (section 2.3)."""
    service = SERVICES[other]
    cluster = f"outbound|{service}|80"
    return leaves(pod, f"listener {scene.service_ip(service)}_80", f"http {cluster}", f"cluster {cluster}")


def taken_by(pod: str) -> list[str]:
    """Into a Pod, to its application (chapter 1)."""
    through = at(pod, "listener 0.0.0.0_15006", "http inbound_tls_80", "cluster inbound|80")
    return [f"rule {pod} PREROUTING REDIRECT --to-ports 15006", *through, f"destination {pod}/app"]


def through_gateway(other: str) -> list[str]:
    """In by the gateway, to a Pod."""
    cluster = f"cluster outbound|{SERVICES[other]}|80"
    return [*at(GATEWAY, "listener 0.0.0.0_8080", "http gateway_http", cluster), *taken_by(other)]


def ask(scene: Scene, pod: str, url: str, headers: Mapping[str, str] | None = None) -> httpx.Response | None:
    """One request; None if no answer comes."""
    try:
        return scene.ask(pod, url, "" if pod == "client/client" else "app", headers=headers)
    except NoAnswerError:
        return None


def ask_gateway(scene: Scene, path: str = "/", **headers: str) -> httpx.Response:
    """One request of a client to the gateway."""
    url = f"http://{scene.host_name('gateway')}:8080{path}"
    return scene.ask("client/client", url, headers=HOST | headers)


def assert_one_request(observed: ObservedTraffic, trace: list[str]) -> None:
    """That trace, and one request in every Envoy's log and the destination's, by the same id."""
    assert observed.trace == trace
    envoys = {hop.split(" ")[1] for hop in trace if hop.startswith("http ")}
    ids = {observed.of(each).envoy.request_id for each in envoys}
    pod, _, container = trace[-1].removeprefix("destination ").rpartition("/")
    assert ids == {observed.arrival(pod, container).request_id}


def test_an_envoys_own_file_says_only_where_the_control_plane_is(scene: Scene, mesh: MiniMesh) -> None:
    kinds = {"app-v1": "sidecar", "app-v2": "sidecar", "gateway": "gateway"}
    identities = {each.node: each.identity for each in mesh.envoys()}
    for place in scene.envoys:
        dumps = {each["@type"].rpartition(".")[2]: each for each in scene.admin_of(place).config_dump()["configs"]}
        bootstrap = dumps["BootstrapConfigDump"]["bootstrap"]
        assert [each["name"] for each in bootstrap["static_resources"]["clusters"]] == ["control-plane"]
        assert set(bootstrap["static_resources"]) == {"clusters"}
        assert all(each["active_state"] for each in dumps["ListenersConfigDump"]["dynamic_listeners"])
        # Who it is, its command line says: what kind, its Pod's IP, its Pod.
        name = scene.pod(place.pod).name
        app = next(each for each in kinds if name.startswith(each))
        node = f"{kinds[app]}~{scene.pod(place.pod).ip}~{name}.default"
        assert node in identities
        assert identities.pop(node) == IDENTITY.format(app)
    assert identities == {}


@pytest.mark.parametrize(("pod", "other"), [(V1, V2), (V2, V1)])
def test_between_the_sidecars_it_is_mutual_tls_and_the_answer_says_that_it_came_by_envoy(
    scene: Scene, mesh: MiniMesh, pod: str, other: str
) -> None:
    service = SERVICES[other]
    with scene.watched() as observed:
        response = ask(scene, pod, f"http://{scene.host_name(service)}/certificate")

    assert_one_request(observed, [*sent_to(scene, pod, other), *taken_by(other)])
    assert response is not None
    assert (response.status_code, server_of(response), response.headers.get("myage")) == (200, "envoy", "18")
    [envoy] = [each for each in mesh.envoys() if each.identity == IDENTITY.format(SERVICES[pod])]
    shown = hashlib.sha256(ssl.PEM_cert_to_DER_cert(envoy.certificate)).hexdigest()
    assert echo(response)["x-forwarded-client-cert"] == (
        f"By={IDENTITY.format(service)};Hash={shown};URI={IDENTITY.format(SERVICES[pod])}"
    )
    ours, theirs = observed.of(pod), observed.of(other)
    assert ours.counter(f"cluster.outbound|{service}|80.ssl.handshake") == 1
    assert theirs.counter("listener.0.0.0.0_15006.ssl.handshake") == 1
    assert theirs.envoy.downstream_remote == ours.envoy.upstream_local
    assert ours.envoy.upstream_host == f"{scene.pod(other).ip}:80"


OUT_AND_IN = [
    "-A OUTPUT ! -d 127.0.0.1/32 -o lo -p tcp -m owner --uid-owner 1337 -j REDIRECT --to-ports 15006",
    "-A OUTPUT -p tcp -j REDIRECT --to-ports 15001",
]


def test_who_calls_their_own_service_goes_out_and_comes_in_again(scene: Scene, mesh: MiniMesh) -> None:
    assert mesh.envoys()
    with scene.watched() as observed:
        response = ask(scene, V1, f"http://{scene.host_name('app-v1')}/")

    envoy = observed.of(V1)
    assert [each for each, _ in envoy.taken_by if "REDIRECT" in each] == OUT_AND_IN
    assert [each.upstream_cluster for each in envoy.entries] == ["inbound|80", "outbound|app-v1|80"]
    assert response is not None
    assert (response.status_code, echo(response)["asked-by"]) == (200, IDENTITY.format("app-v1"))
    assert {each.request_id for each in envoy.entries} == {observed.arrival(V1).request_id}


@pytest.mark.parametrize("pod", [V1, V2])
def test_who_is_nobody_of_the_mesh_is_stopped_at_the_listener(scene: Scene, pod: str) -> None:
    with scene.watched() as observed:
        response = ask(scene, "client/client", f"http://{scene.host_name(SERVICES[pod])}/")

    assert observed.trace == taken_by(pod)[:2]
    assert response is None
    assert observed.of(pod).counter("listener.0.0.0.0_15006.no_filter_chain_match") == 1
    assert observed.destination(pod) == []


def test_what_is_for_nobody_of_the_mesh_leaves_as_it_is(scene: Scene) -> None:
    with scene.watched() as observed:
        response = ask(scene, V1, f"http://{scene.host_name('internet/website')}/")

    through = leaves(V1, "listener 0.0.0.0_15001", "tcp AllowAll", "cluster AllowAll")
    assert observed.trace == [*through, "destination internet/website/nginx"]
    assert response is not None
    assert (response.status_code, server_of(response), response.headers.get("myage")) == (200, "nginx", None)


@pytest.mark.parametrize(("number", "pod"), [("4", V1), ("5", V2)])
def test_who_brings_the_number_leaves_nothing_to_chance(scene: Scene, mesh: MiniMesh, number: str, pod: str) -> None:
    assert mesh.envoys()
    url = f"http://{scene.host_name('gateway')}:8080/"
    with scene.new_http("client/client") as client:
        answers = [client.get(url, headers=HOST | {"x-chosen": number}) for _ in range(40)]
    assert {echo(each)["backend"] for each in answers} == {scene.pod(pod).name}


BY_THE_GATEWAY = {
    "version v2": ({"version": "v2"}, "1", V2),
    "version v2 before any number": ({"version": "v2", "x-chosen": "0"}, "1", V2),
    "version v1": ({"version": "v1", "x-chosen": "4"}, "2", V1),
    **{f"number {each}": ({"x-chosen": f"{each}"}, "2", V1 if each % 10 < 5 else V2) for each in (0, 4, 5, 9, 15)},
}
"""Case → the request's headers, the route that is to take it, the Pod that is to answer."""


@pytest.mark.parametrize("case", BY_THE_GATEWAY)
def test_the_gateway_chooses_by_header_and_by_weight(scene: Scene, mesh: MiniMesh, case: str) -> None:
    assert mesh.envoys()
    headers, route, pod = BY_THE_GATEWAY[case]
    with scene.watched() as observed:
        response = ask_gateway(scene, **headers)

    assert observed.of(GATEWAY).envoy.route == route
    assert_one_request(observed, through_gateway(pod))
    found = echo(response)
    assert (response.status_code, found["backend"]) == (200, scene.pod(pod).name)
    assert (found["asked-by"], found["host"]) == (IDENTITY.format("gateway"), "app.shadow.com")


def test_another_host_finds_no_route(scene: Scene) -> None:
    with scene.watched() as observed:
        response = ask_gateway(scene, host="other.shadow.com")

    assert observed.trace == at(GATEWAY, "listener 0.0.0.0_8080", "http gateway_http")
    assert (response.status_code, response.text, observed.of(GATEWAY).envoy.flags) == (404, "", "NR")


def limited(routes: list[dict[str, Any]], **also: int) -> list[dict[str, Any]]:
    """The routes, of which those that are limited let nobody through for an hour once their bucket is empty."""
    limits = [each["limit"] | {"every": 3600} | also if "limit" in each else None for each in routes]
    return [{**each, "limit": limit} if limit else each for each, limit in zip(routes, limits, strict=True)]


def test_the_gateway_limits_one_path_and_says_so(scene: Scene, mesh: MiniMesh) -> None:
    routes = mesh.wishes()["gateway"]["routes"]
    mesh.acknowledged(mesh.wish(gateway={"routes": limited(routes)}))
    with scene.watched() as observed:
        answers = [ask_gateway(scene, path) for path in ("/aa", "/aabc", "/aa?x", "/bb", "/aa")]

    assert [each.route for each in observed.of(GATEWAY).entries] == ["0", "0", "0", "2", "0"]
    # A counter that no limit has made counts nothing.
    assert observed.of(GATEWAY).moved.get("route_0_local_rate_limiter.http_local_rate_limit.rate_limited", 0) == 2
    told = [(each.status_code, each.headers.get("x-local-rate-limit")) for each in answers]
    assert told == [(200, None), (200, None), (429, "true"), (200, None), (429, "true")]
    flags = [each.flags for each in observed.of(GATEWAY).entries]
    assert flags == ["-", "-", "RL", "-", "RL"]
    # A route that is made anew has a full bucket.
    mesh.acknowledged(mesh.wish(gateway={"routes": limited(routes, requests=1)}))
    assert [ask_gateway(scene, "/aa").status_code for _ in range(2)] == [200, 429]


@contextlib.contextmanager
def all_the_while(scene: Scene) -> Iterator[tuple[AllTheWhile, AllTheWhile]]:
    """Requests from one application to the other, and by the gateway to whom the number 5 leads; none is lost."""
    gateway = f"http://{scene.host_name('gateway')}:8080/"
    with (
        AllTheWhile(scene, V1, "app", f"http://{scene.host_name('app-v2')}/certificate") as within,
        AllTheWhile(scene, "client/client", "", gateway, HOST | {"x-chosen": "5"}) as by_gateway,
    ):
        yield within, by_gateway
    assert (within.lost, by_gateway.lost) == ([], [])
    assert_nobody_has_ended(scene)


def assert_nobody_has_ended(scene: Scene) -> None:
    ended = {
        f"{name}/{each.name}": each.ended()
        for name, pod in scene.deployment.pods.items()
        for each in pod.containers.values()
    }
    assert set(ended.values()) == {None}, ended


def answered_by(scene: Scene, pod: str) -> Callable[[Answered], bool]:
    """Whether an answer is of that Pod."""
    name = scene.pod(pod).name
    return lambda each: each.echo["backend"] == name


def test_a_changed_weight_is_seen_within_a_second(scene: Scene, mesh: MiniMesh) -> None:
    routes = mesh.wishes()["gateway"]["routes"]
    with all_the_while(scene) as (_, by_gateway):
        for weights, backend in (({"app-v1": 6, "app-v2": 4}, V1), ({"app-v1": 5, "app-v2": 5}, V2)):
            mesh.wish(gateway={"routes": [*routes[:WEIGHTED], {**routes[WEIGHTED], "to": weights}]})
            assert by_gateway.seen_in(answered_by(scene, backend)) < by_gateway.soon


def shown(each: Answered) -> str:
    """The hash of the certificate that the application was told of."""
    found = re.search(r"Hash=(\w+)", each.echo["x-forwarded-client-cert"])
    return found[1] if found else ""


@pytest.mark.parametrize("account", ["app-v1", "app-v2", ""], ids=["of who asks", "of who is asked", "of all"])
def test_a_rotated_certificate_is_seen_within_a_second(scene: Scene, mesh: MiniMesh, account: str) -> None:
    before = {each.identity: each.certificate for each in mesh.envoys()}
    with all_the_while(scene) as (within, _):
        old = shown(within.answers[-1])
        version = mesh.rotate(account)
        after = {each.identity: each.certificate for each in mesh.envoys()}
        changed = {each for each, certificate in after.items() if certificate != before[each]}
        assert changed == {each for each in before if each == IDENTITY.format(account) or not account}
        new = hashlib.sha256(ssl.PEM_cert_to_DER_cert(after[IDENTITY.format("app-v1")])).hexdigest()
        assert within.seen_in(lambda each: shown(each) == new) < within.soon
        assert (new != old) is (account != "app-v2")
        mesh.acknowledged(version)
        within.seen_in(lambda _: True)


def test_the_switch_is_seen_within_a_second_and_the_mesh_goes_on(scene: Scene, mesh: MiniMesh) -> None:
    website = f"http://{scene.host_name('internet/website')}/"
    with all_the_while(scene):
        mesh.acknowledged(mesh.wish(outbound="block"))
        for pod in (V1, V2):
            assert ask(scene, pod, website) is None
        mesh.acknowledged(mesh.wish(outbound="allow"))
        for pod in (V1, V2):
            response = ask(scene, pod, website)
            assert response is not None
            assert (response.status_code, server_of(response)) == (200, "nginx")


def test_another_header_is_seen_within_a_second(scene: Scene, mesh: MiniMesh) -> None:
    with all_the_while(scene) as (within, _):
        mesh.wish(header={"value": "19"})
        assert within.seen_in(lambda each: each.headers.get("myage") == "19") < within.soon
        mesh.wish(header=None)
        assert within.seen_in(lambda each: "myage" not in each.headers) < within.soon


def test_a_wish_that_cannot_be_is_refused_and_changes_nothing(scene: Scene, mesh: MiniMesh) -> None:
    version = mesh.snapshot(mesh.envoys()[0].node).version
    with pytest.raises(BadInputError, match=r"mesh.yaml: no Service app-v3; there are app-v1, app-v2$"):
        mesh.wish(gateway={"routes": [{"to": {"app-v3": 1}}]})
    assert mesh.snapshot(mesh.envoys()[0].node).version == version
    assert echo(ask_gateway(scene, version="v2"))["backend"] == scene.pod(V2).name


def test_who_speaks_no_tls_is_taken_where_that_is_wished(scene: Scene, mesh: MiniMesh) -> None:
    mesh.acknowledged(mesh.wish(mutualTls="permissive"))
    with scene.watched() as observed:
        response = ask(scene, "client/client", f"http://{scene.host_name('app-v2')}/")
    assert response is not None
    assert (response.status_code, echo(response)["asked-by"]) == (200, "")
    assert observed.of(V2).envoy.filter_chain == "plain_80"


@pytest.mark.scenario(SCENARIO, apart="replicas")
def test_a_new_replica_gets_its_share_and_one_that_goes_is_asked_no_more(scene: Scene, mesh: MiniMesh) -> None:
    with all_the_while(scene) as (within, by_gateway):
        scene.scale("app-v2", 2)
        wait_until_all_can_be_asked(mesh, sidecars=3)
        new = scene.pod("app-v2-1").name
        for requests in (within, by_gateway):
            assert requests.seen_in(lambda each: each.echo["backend"] == new) < requests.soon
            assert requests.seen_in(lambda each: each.echo["backend"] != new) < requests.soon
        # Who is to go is not asked any more; then it goes.
        mesh.acknowledged(mesh.retire(new))
        for requests in (within, by_gateway):
            requests.seen_in(lambda _: True)
        known = [len(each.answers) for each in (within, by_gateway)]
        scene.scale("app-v2", 1)
        wait_until_all_can_be_asked(mesh)
        for requests, number in zip((within, by_gateway), known, strict=True):
            assert {each.echo["backend"] for each in requests.answers[number:]} == {scene.pod(V2).name}
