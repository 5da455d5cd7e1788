"""Mesh, one Pod intercepted both ways by chains as Istio's: what goes out, what comes in, what never leaves the Pod.

Other than one might think: who calls their own Pod by its IP or by localhost meets nobody but the application, and by
the Service they meet Envoy twice. Who dials 15001 or 15006 has Envoy call itself until the circuit breaker says no.
"""

import contextlib

import pytest

from fixtures.interception import Target, dial, rules_of
from takeover.evidence.observed import ObservedTraffic
from takeover.model.trace import RuleHop
from takeover.net import raw
from takeover.scenario.edits import replace
from takeover.scene import Scene
from takeover.suite.echo import echo, server_of
from takeover.suite.verdicts import assert_past_envoy, assert_routed

pytestmark = [pytest.mark.mesh, pytest.mark.scenario("mesh-both-directions")]

IN, OUT = "rule ISTIO_IN_REDIRECT REDIRECT --to-ports 15006", "rule ISTIO_REDIRECT REDIRECT --to-ports 15001"
INBOUND = [IN, "listener 0.0.0.0_15006", "http inbound_0.0.0.0_80", "cluster inbound|80||"]
OUTBOUND = [OUT, "listener 0.0.0.0_15001", "tcp PassthroughCluster", "cluster PassthroughCluster"]
APPLICATION, WEBSITE = "destination app/nginx", "destination internet/website/nginx"

TO_15006 = "ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006"
TO_15001 = "ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001"
COMES_IN = "ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT"
EXCLUDED_IN = "ISTIO_INBOUND -p tcp -m tcp --dport 81 -j RETURN"
EXCLUDED_OUT = "ISTIO_OUTPUT -p tcp -m tcp --dport 25 -j RETURN"
EXCLUDED_RANGE = "ISTIO_OUTPUT -d 192.0.2.0/24 -j RETURN"
TO_THE_APPLICATION = "ISTIO_OUTPUT -s 127.0.0.6/32 -o lo -j RETURN"
ENVOY_TO_ITS_POD = "ISTIO_OUTPUT ! -d 127.0.0.1/32 -o lo -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT"
TO_THE_OWN_POD = "ISTIO_OUTPUT -o lo -m owner ! --uid-owner 1337 -j RETURN"
OF_ENVOY = "ISTIO_OUTPUT -m owner --uid-owner 1337 -j RETURN"
OF_ITS_GROUP = "ISTIO_OUTPUT -m owner --gid-owner 1337 -j RETURN"
GOES_OUT = "ISTIO_OUTPUT -j ISTIO_REDIRECT"
# Who looks whether all is well, and the witnesses, are let through.
OF_WITNESSES = [f"ISTIO_INBOUND -p tcp -m tcp --dport {port} -j RETURN" for port in (8081, 9901)]
RULES = [
    "PREROUTING -p tcp -j ISTIO_INBOUND",
    "OUTPUT -p tcp -j ISTIO_OUTPUT",
    EXCLUDED_IN,
    *OF_WITNESSES,
    COMES_IN,
    TO_15006,
    EXCLUDED_OUT,
    TO_THE_APPLICATION,
    ENVOY_TO_ITS_POD,
    TO_THE_OWN_POD,
    OF_ENVOY,
    "ISTIO_OUTPUT ! -d 127.0.0.1/32 -o lo -m owner --gid-owner 1337 -j ISTIO_IN_REDIRECT",
    "ISTIO_OUTPUT -o lo -m owner ! --gid-owner 1337 -j RETURN",
    OF_ITS_GROUP,
    "ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN",
    EXCLUDED_RANGE,
    GOES_OUT,
    TO_15001,
]


def decided(observed: ObservedTraffic) -> dict[str, int]:
    """What the rules decided: rule → connections, without what leads to the chains, and what Envoy kept or made."""
    rules = [hop for hop in observed.hops if isinstance(hop, RuleHop)]
    taken = {hop.text.removeprefix("-A "): hop.counters["packets"] for hop in rules}
    others = (*RULES[:2], *OF_WITNESSES)
    known = {text: after - before for text, (before, after) in taken.items() if text not in others}
    inbound = ("inbound|80||", "InboundPassthroughCluster")
    made = sum(observed.counter(f"cluster.{each}.upstream_cx_total") for each in inbound)
    assert known.pop(TO_THE_APPLICATION, 0) == made
    return known


def address(scene: Scene, by: str) -> str:
    known = {"Pod IP": scene.pod("app").ip, "ClusterIP": scene.service_ip("app"), "name": scene.host_name("app")}
    return known.get(by, by)


@pytest.mark.parametrize("by", ["Pod IP", "ClusterIP", "name"])
def test_what_comes_from_another_pod_goes_through_envoy(scene: Scene, by: str) -> None:
    with scene.watched() as observed:
        response = scene.ask("client/client", f"http://{address(scene, by)}/")

    assert_routed(observed, [*INBOUND, APPLICATION])
    assert (response.status_code, server_of(response)) == (200, "envoy")
    pod = scene.pod("app").ip
    assert observed.envoy.original_destination == observed.envoy.upstream_host == f"{pod}:80"
    assert observed.envoy.downstream_remote.startswith(scene.pod("client/client").ip + ":")
    # The application sees neither the client nor the Pod, but the address by which the rules know Envoy's connections.
    assert (observed.arrival("app").client_ip, observed.arrival("app").server) == ("127.0.0.6", f"{pod}:80")
    assert decided(observed) == {COMES_IN: 1, TO_15006: 1}


@pytest.mark.parametrize("to", ["the Service", "the Pod behind it"])
def test_what_goes_elsewhere_passes_through_envoy_as_it_is(scene: Scene, to: str) -> None:
    website = "internet/website"
    there = scene.service_ip(website) if to == "the Service" else scene.pod(website).ip
    with scene.watched() as observed:
        response = scene.ask("app", f"http://{there}/", "nginx")

    assert (response.status_code, server_of(response)) == (200, "nginx")
    assert observed.trace == [*OUTBOUND, WEBSITE]
    assert (observed.envoy.flags, observed.envoy.original_destination) == ("-", f"{there}:80")
    assert observed.arrival(website).client_ip == scene.pod("app").ip
    assert decided(observed) == {GOES_OUT: 1, TO_15001: 1, OF_ENVOY: 1}


@pytest.mark.parametrize("by", ["ClusterIP", "name"])
def test_who_calls_their_own_service_goes_out_and_comes_in_again(scene: Scene, by: str) -> None:
    with scene.watched() as observed:
        response = scene.ask("app", f"http://{address(scene, by)}/", "nginx")

    assert (response.status_code, server_of(response), echo(response)["backend"]) == (200, "envoy", "app")
    service, pod = scene.service_ip("app"), scene.pod("app").ip
    out = "outbound|80||app.default.svc.cluster.local"  # as the config calls it, in whichever namespace that is
    # Envoy may keep its connection with itself, which neither rule nor listener meets twice.
    again = [*INBOUND[:2]] if observed.counter(f"cluster.{out}.upstream_cx_total") else []
    assert observed.trace == [
        *(*again[:1], OUT, *again[1:], f"listener {service}_80"),
        *("http inbound_0.0.0.0_80", "http outbound_10.107.42.17_80", "cluster inbound|80||", f"cluster {out}"),
        APPLICATION,
    ]
    by_cluster = {each.upstream_cluster: each for each in observed.entries}
    assert by_cluster.keys() == {out, "inbound|80||"}
    assert (by_cluster[out].original_destination, by_cluster[out].upstream_host) == (f"{service}:80", f"{pod}:80")
    # Envoy called itself, from the Pod's own address; it was one request.
    assert by_cluster["inbound|80||"].downstream_remote.startswith(f"{pod}:")
    assert {each.request_id for each in observed.entries} == {observed.arrival("app").request_id}
    assert observed.arrival("app").client_ip == "127.0.0.6"
    came_in = {ENVOY_TO_ITS_POD: 1, TO_15006: 1} if again else {}
    assert decided(observed) == {GOES_OUT: 1, TO_15001: 1, **came_in}


@pytest.mark.parametrize("by", ["Pod IP", "127.0.0.1", "127.0.0.2", "localhost"])
def test_who_calls_their_own_pod_by_its_address_meets_the_application_alone(scene: Scene, by: str) -> None:
    with scene.watched() as observed:
        response = scene.ask("app", f"http://{address(scene, by)}/", "nginx")

    assert (response.status_code, server_of(response)) == (200, "nginx")
    assert_past_envoy(observed, "app/nginx")
    assert decided(observed) == {TO_THE_OWN_POD: 1}


def test_who_calls_their_own_service_on_an_excluded_port_only_goes_out(scene: Scene) -> None:
    with scene.watched() as observed:
        response = scene.ask("app", f"http://{address(scene, 'name')}:81/", "nginx")

    assert (response.status_code, server_of(response)) == (200, "nginx")
    assert observed.trace == [*OUTBOUND, APPLICATION]
    assert decided(observed) == {GOES_OUT: 1, TO_15001: 1, OF_ENVOY: 1, EXCLUDED_IN: 1}


@pytest.mark.parametrize(("container", "rule"), [("envoyproxy", OF_ENVOY), ("helper", OF_ITS_GROUP)])
def test_what_is_envoys_own_by_user_or_group_goes_past_it(scene: Scene, container: str, rule: str) -> None:
    with scene.watched() as observed:
        response = scene.ask("app", f"http://{scene.host_name('internet/website')}/", container)

    assert response.status_code == 200
    assert_past_envoy(observed, "internet/website/nginx")
    assert decided(observed) == {rule: 1}


@pytest.mark.parametrize(("container", "rule"), [("envoyproxy", OF_ENVOY), ("helper", OF_ITS_GROUP)])
def test_what_is_envoys_own_comes_in_again_by_the_service(scene: Scene, container: str, rule: str) -> None:
    with scene.watched() as observed:
        response = scene.ask("app", f"http://{address(scene, 'name')}/", container)

    assert (response.status_code, server_of(response)) == (200, "envoy")
    assert_routed(observed, [*INBOUND, APPLICATION])
    assert decided(observed) == {rule: 1, COMES_IN: 1, TO_15006: 1}


def test_envoys_user_calls_its_own_pod_through_envoy_but_its_group_does_not(scene: Scene) -> None:
    with scene.watched() as observed:
        assert server_of(scene.ask("app", f"http://{address(scene, 'Pod IP')}/", "envoyproxy")) == "envoy"
    assert_routed(observed, [*INBOUND, APPLICATION])
    assert decided(observed) == {ENVOY_TO_ITS_POD: 1, TO_15006: 1}

    with scene.watched() as observed:
        assert server_of(scene.ask("app", f"http://{address(scene, 'Pod IP')}/", "helper")) == "nginx"
    assert_past_envoy(observed, "app/nginx")
    assert decided(observed) == {TO_THE_OWN_POD: 1}


@pytest.mark.parametrize("by", ["Pod IP", "name"])
def test_an_excluded_port_is_not_intercepted_from_outside(scene: Scene, by: str) -> None:
    with scene.watched() as observed:
        response = scene.ask("client/client", f"http://{address(scene, by)}:81/")

    assert (response.status_code, server_of(response)) == (200, "nginx")
    assert_past_envoy(observed, "app/nginx")
    assert observed.arrival("app").client_ip == scene.pod("client/client").ip
    assert decided(observed) == {EXCLUDED_IN: 1}


def knock(scene: Scene, *addresses: str) -> int:
    """How many of the applications that call these at once, where nobody is, get an answer; none waits for long."""
    calls = " ".join(f"curl -s -m 0.3 http://{each}/ && echo &" for each in addresses)
    return len(scene.pod("app").container("nginx").exec(["sh", "-c", f"{calls} wait"]).stdout)


@pytest.mark.parametrize("to", ["192.0.2.0", "192.0.2.255"])
def test_an_excluded_range_is_not_intercepted(scene: Scene, to: str) -> None:
    with scene.watched() as observed:
        assert knock(scene, to) == 0
    assert_past_envoy(observed)
    assert decided(observed) == {EXCLUDED_RANGE: 1}


def test_beside_an_excluded_range_all_is_intercepted(scene: Scene) -> None:
    beside = ["192.0.1.255", "192.0.3.0"]
    with scene.watched() as observed:
        assert knock(scene, *beside) == 0
    assert observed.trace == OUTBOUND
    assert sorted(each.original_destination for each in observed.entries) == [f"{to}:80" for to in beside]
    assert decided(observed) == {GOES_OUT: 2, TO_15001: 2, OF_ENVOY: 2}


def greeting(scene: Scene, port: int) -> raw.Conversation:
    """What the server there says, and how it ends, while the client says nothing."""
    with contextlib.closing(scene.connect("app", scene.service_ip("hostile/greeters"), port, "nginx")) as stream:
        return raw.converse(stream, b"")


GREETED = raw.Conversation(b"hello, who are you?\r\n", "closed")


def test_a_server_that_speaks_first_is_heard_on_an_excluded_port(scene: Scene) -> None:
    with scene.watched() as observed:
        assert greeting(scene, 25) == GREETED
    assert_past_envoy(observed)
    assert decided(observed) == {EXCLUDED_OUT: 1}


def test_a_server_that_speaks_first_is_heard_where_envoy_does_not_wait_for_the_client(scene: Scene) -> None:
    with scene.watched() as observed:
        assert greeting(scene, 3306) == GREETED
    assert observed.trace == OUTBOUND
    assert (observed.envoy.flags, observed.envoy.bytes_received, observed.envoy.bytes_sent) == ("-", 0, 21)
    assert decided(observed) == {GOES_OUT: 1, TO_15001: 1, OF_ENVOY: 1}


@pytest.mark.scenario(
    "mesh-both-directions", replace("envoy.yaml", "$.static_resources.listeners[0].listener_filters_timeout", "0.3s")
)
def test_a_server_that_speaks_first_is_not_heard_elsewhere(scene: Scene) -> None:
    with scene.watched() as observed:
        conversation = greeting(scene, 143)
    assert (conversation.received, conversation.end) == (b"", "closed")
    # The server was not even asked: both wait for the other's first word, until Envoy's patience ends.
    assert observed.trace == [OUT, "listener 0.0.0.0_15001"]
    assert observed.counter("listener.0.0.0.0_15001.downstream_pre_cx_timeout") == 1
    assert observed.entries == []
    assert decided(observed) == {GOES_OUT: 1, TO_15001: 1}


MOST = 100  # connections that the circuit breaker lets either cluster have
LOOPS = {
    # From the Pod itself the rules leave 15001 alone: Envoy is told that its own port was meant.
    ("app", "nginx", "127.0.0.1", 15001): {"PassthroughCluster": MOST},
    ("app", "nginx", "127.0.0.1", 15006): {"InboundPassthroughCluster": MOST},
    ("client/client", "client", "Pod IP", 15006): {"InboundPassthroughCluster": MOST},
    # In by 15006, on to 15001, and in again.
    ("client/client", "client", "Pod IP", 15001): {"InboundPassthroughCluster": MOST, "PassthroughCluster": MOST},
}


@pytest.mark.parametrize("loop", LOOPS, ids=lambda each: f"{each[0].partition('/')[0]}-{each[3]}")
def test_a_loop_is_ended_by_the_circuit_breaker(scene: Scene, loop: tuple[str, str, str, int]) -> None:
    pod, container, to, port = loop
    with scene.watched() as observed:
        conversations = dial(scene, pod, [Target(address(scene, to), port, container)])

    [conversation] = conversations.values()
    assert (conversation.received, conversation.end in ("closed", "reset")) == (b"", True)
    for name, number in LOOPS[loop].items():
        assert observed.counter(f"cluster.{name}.upstream_cx_total") == number
    # One more was wanted, and refused: the log says so, and of how many it was the last one.
    assert sum(observed.counter(f"cluster.{name}.upstream_cx_overflow") for name in LOOPS[loop]) == 1
    assert [each.upstream_host for each in observed.entries if each.flags == "UO"] == [None]
    assert len(observed.entries) == 1 + sum(LOOPS[loop].values())

    with scene.watched() as observed:  # all of them are over
        assert scene.ask("client/client", f"http://{address(scene, 'name')}/").status_code == 200
    assert_routed(observed, [*INBOUND, APPLICATION])


def test_the_rules_are_istios(scene: Scene) -> None:
    assert rules_of(scene.pod("app")) == [f"-A {each}" for each in RULES]
