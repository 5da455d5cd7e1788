"""xDS, message by message: what an Envoy asks, takes, refuses and waits for, by state of the world and by delta.

There are two Envoys, `sotw` and `delta`; each is told by the one control plane what is for it alone.
"""

import base64
import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from fixtures.exchange import Client, Sent, connect
from fixtures.magnitude import EARLY
from fixtures.xds import CLIENT, Managed, Resource
from takeover.evidence.control_plane_record import XdsEntry
from takeover.scene import Scene
from takeover.suite.control_plane import ControlPlane, Rule

pytestmark = [pytest.mark.xds, pytest.mark.scenario("xds-protocol")]

V1, V2 = "app-v1", "app-v2"


@pytest.fixture
def plane(scene: Scene) -> Iterator[ControlPlane]:
    """The control plane, which does what is right again when the test is over."""
    with ControlPlane(scene) as plane:
        yield plane
        plane.behave()


@pytest.fixture(params=["sotw", "delta"])
def envoy(scene: Scene, plane: ControlPlane, request: pytest.FixtureRequest) -> Managed:
    """One of the Envoys, which has what the files have, and nothing else."""
    envoy = Managed(scene, plane, request.param)
    envoy.take()
    return envoy


STATE_OF_THE_WORLD = pytest.mark.parametrize("envoy", ["sotw"], indirect=True)
DELTA = pytest.mark.parametrize("envoy", ["delta"], indirect=True)


# --- Who speaks, and what of


def first_stream(envoy: Managed) -> list[XdsEntry]:
    """All that was said on the Envoy's first stream until its routes were there."""
    said = envoy.said(since=0)
    said = [each for each in said if each.stream == said[0].stream]
    ends = [number for number, each in enumerate(said) if (each.event, each.kind) == ("ack", "rds")]
    assert ends, f"{envoy} took no routes on its first stream, only {sorted({each.kind for each in said} - {''})}"
    return said[: ends[0] + 1]


def test_the_first_message_says_who_asks_for_what_and_answers_nothing(envoy: Managed) -> None:
    first = next(each for each in first_stream(envoy) if each.event == "request")
    assert first.method == ("delta-ads" if envoy.is_delta else "ads")
    assert (first.event, first.has_node, first.kind != "") == ("request", True, True)
    assert (first.nonce, first.version, first.initial_versions) == ("", "", {})


def test_the_messages_that_follow_do_not_say_it_again(envoy: Managed) -> None:
    """As they are told to (set_node_on_first_message_only)."""
    _, *others = [each for each in first_stream(envoy) if each.event in ("request", "ack")]
    assert [each.kind for each in others if each.has_node] == []


def test_what_others_need_is_asked_for_first(envoy: Managed) -> None:
    """The runtime before all; the listeners only when every cluster has its endpoints."""
    requests = [each for each in first_stream(envoy) if each.event == "request"]
    assert [each.kind for each in requests if each.kind != "ecds"] == ["rtds", "cds", "eds", "lds", "rds"]
    said = [(each.event, each.kind) for each in first_stream(envoy)]
    assert said.index(("response", "eds")) < said.index(("request", "lds"))


def test_clusters_and_listeners_are_asked_for_as_a_whole_and_all_else_by_name(envoy: Managed) -> None:
    requests = {each.kind: each.names for each in first_stream(envoy) if each.event == "request"}
    assert requests == {
        "cds": [], "lds": [], "eds": ["app"], "rds": ["web"], "rtds": ["switches"], "ecds": ["mark"]
    }  # fmt: skip


def test_every_response_is_answered_once_by_its_nonce(envoy: Managed) -> None:
    envoy.mark()
    begun = envoy.said_last
    for update in (envoy.endpoints("app", 2), envoy.routes("web", says="other"), envoy.listener("other", 8081)):
        envoy.take(update)
    entries = envoy.said(since=begun)
    sent = [each.nonce for each in entries if each.event == "response"]
    assert len(set(sent)) == len(sent) > 3
    assert sorted(each.nonce for each in entries if each.event in ("ack", "nack")) == sorted(sent)


def test_an_update_is_taken_and_its_ack_says_so(envoy: Managed) -> None:
    version = envoy.take(envoy.endpoints("app", 2))
    [sent], [ack] = envoy.said("response"), envoy.said("ack")
    assert (sent.kind, ack.kind) == ("eds", "eds")
    # By delta there is no version but that which goes with the nonce.
    assert (ack.nonce, ack.version, ack.error) == (sent.nonce, version, "")
    envoy.await_answer(V2)


def test_versions_are_of_each_type_alone(envoy: Managed) -> None:
    before = {each.kind: each.version for each in envoy.said("ack", since=0)}
    version = envoy.take(envoy.routes("web", says="other"))
    after = {each.kind: each.version for each in envoy.said("ack", since=0)}
    assert after == {**before, "rds": version}
    assert envoy.answer() == "other"


def test_what_was_served_is_what_traffic_goes_through(envoy: Managed) -> None:
    with envoy.scene.watched() as observed:
        assert envoy.answer() == V1
    names = ("listener", "0.0.0.0_8080"), ("http", "web"), ("cluster", "app")
    through = [f"{kind} {envoy}/envoyproxy {name}" for kind, name in names]
    assert observed.trace == [*through, "destination v1/app-v1/nginx"]
    assert (observed.of(envoy.name).envoy.route, observed.arrival("v1/app-v1").uri) == ("to-app", "/")


# --- What is refused


@dataclass(frozen=True)
class Bad:
    """An update that no Envoy takes.

    Args:
        of: its type.
        counter: what counts it.
        why: what the NACK says.
        made: makes the resource.
        dumped: where the config dump has it, and its name there.
    """

    of: str
    counter: str
    why: str
    made: Callable[[Managed], Resource]
    dumped: tuple[str, str] = ("", "")


def without_match(envoy: Managed) -> Resource:
    """Routes of which one does not say for whom it is."""
    made = envoy.routes("web", to="app")
    del made["virtual_hosts"][0]["routes"][0]["match"]
    return made


def of_too_low_priority(envoy: Managed) -> Resource:
    """Endpoints of a priority that there is not."""
    made = envoy.endpoints("app", 2)
    made["endpoints"][0]["priority"] = 129
    return made


def of_another_filter(envoy: Managed) -> Resource:
    """A filter of a type that the listener does not take."""
    buffer = "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer"
    return envoy.resource("ecds", "mark") | {"typed_config": {"@type": buffer, "max_request_bytes": 1}}


BAD = [
    Bad(
        "lds",
        "listener_manager.lds.update_rejected",
        "duplicate address",
        lambda envoy: envoy.listener("other", 8080),
        ("dynamic_listeners", "other"),
    ),
    Bad(
        "cds",
        "cluster_manager.cds.update_rejected",
        "ConnectTimeout",
        lambda envoy: envoy.cluster("app", connect_timeout="0s"),
    ),
    Bad(
        "rds",
        "http.web.rds.web.update_rejected",
        "Match",
        without_match,
    ),
    Bad("eds", "cluster.app.update_rejected", "Priority", of_too_low_priority),
    Bad("ecds", "extension_config_discovery.http_filter.mark.update_rejected", "type", of_another_filter),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.of)
def test_what_is_wrong_is_refused_and_what_was_there_stays_until_something_good_comes(envoy: Managed, bad: Bad) -> None:
    [accepted] = {each.version for each in envoy.said("ack", bad.of, since=0)[-1:]}
    rejected = envoy.counter(bad.counter)
    nack = envoy.refuse(bad.of, bad.made(envoy))

    assert bad.why in nack.error
    [sent] = [each for each in envoy.said("response", bad.of) if each.nonce == nack.nonce]
    if not envoy.is_delta:
        assert nack.version == accepted != sent.version
    envoy.await_counter(bad.counter, rejected + 1)
    if bad.dumped[0]:
        assert bad.why in envoy.dump(*bad.dumped).get("error_state", {}).get("details", "")
    assert envoy.answer() == V1

    envoy.take(envoy.endpoints("app", 2))
    envoy.await_answer(V2)
    assert envoy.counter(bad.counter) == rejected + 1


@pytest.mark.parametrize(
    ("does", "why"), [("wrong-type", "does not match"), ("duplicate-names", "duplicate")], ids=["type", "names"]
)
def test_a_response_that_contradicts_itself_is_refused(
    envoy: Managed, plane: ControlPlane, does: str, why: str
) -> None:
    plane.behave(Rule(does, "cds", times=1, node=envoy.name))
    rejected = envoy.counter("cluster_manager.cds.update_rejected")
    nack = envoy.refuse("cds", envoy.cluster("other"), envoy.endpoints("other"))

    assert why in nack.error
    envoy.await_counter("cluster_manager.cds.update_rejected", rejected + 1)
    assert envoy.answer() == V1


def test_what_nobody_asked_for_is_taken_and_ignored(envoy: Managed, plane: ControlPlane) -> None:
    plane.behave(Rule("unasked", "rds", times=1, node=envoy.name))
    envoy.take(envoy.routes("web", says="asked"), envoy.routes("nobody", says="not asked"))

    [sent] = envoy.said("response", "rds")
    assert sorted(sent.names) == ["nobody", "web"]
    assert envoy.answer() == "asked"
    assert envoy.dump("dynamic_route_configs", "nobody") == {}


@pytest.mark.parametrize("does", ["stale-nonce", "no-nonce"])
def test_a_nonce_says_nothing_of_what_it_comes_with(envoy: Managed, plane: ControlPlane, does: str) -> None:
    """Whatever it is, the response is taken, and answered by it."""
    plane.behave(Rule(does, "rds", times=1, node=envoy.name))
    envoy.publish(envoy.routes("web", says="other"))
    envoy.await_answer("other")
    sent, *_ = envoy.said("response", "rds")
    answered = next(each for each in envoy.said(of="rds") if each.event in ("ack", "nack", "request"))
    assert (answered.nonce, answered.error) == (sent.nonce, "")


def test_bytes_that_are_no_message_end_the_stream_and_nothing_else(envoy: Managed, plane: ControlPlane) -> None:
    plane.behave(Rule("garbage", "rds", times=1, node=envoy.name))
    envoy.publish(envoy.routes("web", says="other"))
    [closed] = envoy.await_said("closed")
    assert closed.stream == envoy.said("told")[0].stream
    envoy.await_answer("other")
    assert {each.stream for each in envoy.said("response", "rds")} == {envoy.said("request")[0].stream}


# --- What is away


def test_what_is_no_longer_served_is_deleted(envoy: Managed) -> None:
    more = [
        envoy.cluster("other"),
        envoy.endpoints("other"),
        envoy.listener("other", 8081),
        envoy.routes("other", "other"),
    ]
    envoy.take(*more)
    envoy.await_answer(V1, 8081)
    assert envoy.counter("cluster_manager.active_clusters") == 3
    envoy.take()

    for of in ("cds", "lds"):
        sent = envoy.said("response", of)[-1]
        assert (sent.names, sent.removed) == (([], ["other"]) if envoy.is_delta else ([ORIGINAL[of]], []))
    envoy.await_answer("refused", 8081)
    envoy.await_counter("cluster_manager.active_clusters", 2)
    assert envoy.answer() == V1


ORIGINAL = {"cds": "app", "lds": "web"}


def test_where_nothing_is_served_nothing_is_left(envoy: Managed) -> None:
    envoy.take(resources=[])
    envoy.await_answer("refused")
    envoy.await_counter("cluster_manager.active_clusters", 1)
    assert envoy.counter("listener_manager.total_listeners_active") == 0
    for of in ("cds", "lds"):
        sent = envoy.said("response", of)[-1]
        assert (sent.names, sent.removed) == ([], [ORIGINAL[of]] if envoy.is_delta else [])


@pytest.mark.parametrize("of", ["eds", "rds"])
def test_of_what_has_a_name_an_empty_response_deletes_nothing(envoy: Managed, plane: ControlPlane, of: str) -> None:
    plane.behave(Rule("empty", of, times=1, node=envoy.name))
    other = {"eds": envoy.endpoints("app", 2), "rds": envoy.routes("web", says="other")}[of]
    envoy.publish(other)
    [ack] = envoy.await_said("ack", of)
    assert ack.error == ""
    assert envoy.answer() == V1


@DELTA
def test_by_delta_only_what_changed_is_sent_and_the_rest_stays(envoy: Managed) -> None:
    more = [envoy.listener("other", 8081, routes="other"), envoy.routes("other", says="other")]
    envoy.take(*more)
    assert [(each.kind, each.names, each.removed) for each in envoy.said("response")] == [
        ("lds", ["other"], []),
        ("rds", ["other"], []),
    ]
    envoy.await_answer("other", 8081)
    assert envoy.answer() == V1


@STATE_OF_THE_WORLD
def test_by_state_of_the_world_all_clusters_and_listeners_are_sent_each_time(envoy: Managed) -> None:
    envoy.take(envoy.listener("other", 8081), envoy.routes("other", says="other"))
    assert [sorted(each.names) for each in envoy.said("response", "lds")] == [["other", "web"]]
    assert envoy.said("response", "cds") == []


# --- A stream that ends


def test_on_a_new_stream_it_says_who_it_is_and_what_it_has(envoy: Managed, plane: ControlPlane) -> None:
    version = envoy.take(envoy.routes("web", says="other"))
    had = {each.kind: each.version for each in envoy.said("ack", since=0)}
    envoy.mark()
    plane.end_streams()
    envoy.await_said("request", number=6)

    requests = envoy.said("request")
    assert requests[0].has_node
    assert {each.nonce for each in requests} == {""}
    if envoy.is_delta:
        of_routes = next(each for each in requests if each.kind == "rds")
        assert of_routes.initial_versions == {"web": version}
        assert {name for each in requests for name in each.initial_versions} >= {"app", "web"}
    else:
        assert [each.kind for each in requests if each.version != had[each.kind]] == []
    # What it has need not be sent again, and nothing of it was lost meanwhile.
    assert envoy.answer() == "other"
    assert not any("web" in each.names for each in envoy.said("response", "rds"))


def test_where_nobody_is_all_stays_as_it_is(scene: Scene, plane: ControlPlane) -> None:
    both = [Managed(scene, plane, name) for name in ("sotw", "delta")]
    for envoy in both:
        envoy.take(envoy.routes("web", says="before"))
    plane.away()
    try:
        for envoy in both:
            envoy.await_counter("control_plane.connected_state", 0)
            assert envoy.answer() == "before"
            envoy.publish(envoy.routes("web", says="after"))
    finally:
        plane.back()
    for envoy in both:
        envoy.await_answer("after")
        assert envoy.counter("control_plane.connected_state") == 1
        assert ["web"] in [each.names for each in envoy.said("response", "rds")]


# --- Who waits for what


def silent(*kinds: str, envoy: Managed) -> list[Rule]:
    """Of these types the Envoy is told nothing."""
    return [Rule("silent", each, node=envoy.name) for each in kinds]


def test_a_cluster_is_warm_when_its_endpoints_come_and_not_before(envoy: Managed, plane: ControlPlane) -> None:
    plane.behave(*silent("eds", envoy=envoy))
    served = [envoy.endpoints("slow", 2), envoy.routes("web", to="slow")]
    envoy.publish(envoy.cluster("slow", patience="0s"), *served)
    envoy.await_counter("cluster_manager.warming_clusters", 1)
    assert envoy.dump("dynamic_warming_clusters", "slow") != {}
    assert envoy.said("ack", "cds") == []
    # An update of one that is not warm yet takes its place.
    envoy.publish(envoy.cluster("slow", patience="0s", connect_timeout="2s"), *served)
    envoy.await_said("response", "cds")
    envoy.until(lambda: "" if timeout_of(envoy, "dynamic_warming_clusters", "slow") == "2s" else "not updated")
    assert envoy.counter("cluster_manager.warming_clusters") == 1

    plane.behave()
    plane.resend("eds", node=envoy.name)
    envoy.await_counter("cluster_manager.warming_clusters", 0)
    envoy.await_answer(V2)
    assert timeout_of(envoy, "dynamic_active_clusters", "slow") == "2s"
    assert envoy.await_said("ack", "cds")[-1].nonce == envoy.said("response", "cds")[-1].nonce


def timeout_of(envoy: Managed, section: str, cluster: str) -> str:
    """The time in which connections of a cluster must be there; empty if the config dump has none there."""
    return str(envoy.dump(section, cluster).get("cluster", {}).get("connect_timeout", ""))


def test_a_cluster_without_endpoints_is_empty_after_a_while_if_it_has_one(envoy: Managed, plane: ControlPlane) -> None:
    plane.behave(*silent("eds", envoy=envoy), wait=False)
    envoy.publish(
        envoy.cluster("brief", patience="0.1s"),
        envoy.cluster("endless", patience="0s"),
        envoy.endpoints("endless"),
        envoy.routes("web", to="brief"),
    )
    envoy.await_counter("cluster_manager.warming_clusters", 2)
    envoy.await_counter("cluster.brief.init_fetch_timeout", 1)
    envoy.await_counter("cluster_manager.warming_clusters", 1)
    assert envoy.dump("dynamic_warming_clusters", "endless") != {}
    assert envoy.dump("dynamic_active_clusters", "brief") != {}
    envoy.await_answer("no healthy upstream")
    plane.behave()
    plane.resend("eds", node=envoy.name)
    envoy.await_counter("cluster_manager.warming_clusters", 0)


def test_clusters_wait_for_a_secret_that_they_share(envoy: Managed, plane: ControlPlane) -> None:
    plane.behave(*silent("sds", envoy=envoy))
    tls = {
        "name": "tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "common_tls_context": {
                "validation_context_sds_secret_config": {
                    "name": "trusted",
                    "sds_config": {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"},
                }
            },
        },
    }
    secure = [envoy.cluster(each, transport_socket=tls) for each in ("first", "second")]
    envoy.publish(*secure, *(envoy.endpoints(each) for each in ("first", "second")))
    envoy.await_counter("cluster_manager.warming_clusters", 2)
    assert [each.names for each in envoy.await_said("request", "sds")] == [["trusted"]]
    plane.behave()
    plane.resend("sds", node=envoy.name)
    envoy.await_counter("cluster_manager.warming_clusters", 0)


def test_a_listener_opens_when_its_routes_come_and_not_before(envoy: Managed, plane: ControlPlane) -> None:
    plane.behave(*silent("rds", envoy=envoy))
    envoy.publish(envoy.listener("slow", 8081, patience="0s"), envoy.routes("slow", says="slow"))
    envoy.await_counter("listener_manager.total_listeners_warming", 1)
    assert envoy.answer(8081) == "refused"
    plane.behave()
    plane.resend("rds", node=envoy.name)
    envoy.await_answer("slow", 8081)
    assert envoy.counter("listener_manager.total_listeners_warming") == 0


def test_a_listener_without_routes_opens_after_a_while_and_knows_none(envoy: Managed, plane: ControlPlane) -> None:
    plane.behave(*silent("rds", envoy=envoy))
    envoy.publish(envoy.listener("brief", 8081, patience="0.1s"), envoy.listener("endless", 8082, patience="0s"))
    envoy.await_counter("http.brief.rds.brief.init_fetch_timeout", 1)
    envoy.await_answer("404", 8081)
    assert envoy.answer(8082) == "refused"
    assert envoy.counter("listener_manager.total_listeners_warming") == 1


def test_routes_that_are_known_are_not_asked_for_again(envoy: Managed, plane: ControlPlane) -> None:
    plane.behave(*silent("rds", envoy=envoy))
    envoy.publish(envoy.listener("other", 8081, patience="0s", routes="web"))
    envoy.await_answer(V1, 8081)
    assert envoy.said("request", "rds") == []


def test_a_changed_cluster_keeps_its_endpoints_until_it_is_told_anew(envoy: Managed, plane: ControlPlane) -> None:
    """Those that it had serve on while the changed one waits for its own."""
    plane.behave(*silent("eds", envoy=envoy))
    envoy.publish(envoy.cluster("app", patience="0s", connect_timeout="2s"))
    envoy.await_counter("cluster_manager.warming_clusters", 1)
    assert envoy.answer() == V1
    plane.behave()
    plane.resend("eds", node=envoy.name)
    envoy.await_counter("cluster_manager.warming_clusters", 0)
    assert envoy.answer() == V1


# --- Order


def test_what_is_made_comes_before_what_breaks(envoy: Managed) -> None:
    other = [envoy.cluster("other"), envoy.endpoints("other", 2), envoy.routes("web", to="other")]
    envoy.take(*other, envoy.listener("other", 8081, routes="web"), without=["cds app", "eds app"])
    sent = [each for each in envoy.said("response") if each.names]
    assert [each.kind for each in sent[:4]] == ["cds", "eds", "lds", "rds"]
    # The cluster that nobody needs any more is the last to go.
    assert envoy.said("response")[-1].kind == "cds"
    envoy.await_answer(V2, 8081)


def test_routes_wait_for_no_cluster(envoy: Managed, plane: ControlPlane) -> None:
    """The other order costs requests: until the cluster comes, there is none."""
    plane.behave(hold=["cds"])
    with client(envoy) as held:
        assert held.ask(GET).status == 200
        envoy.publish(envoy.cluster("other"), envoy.endpoints("other", 2), envoy.routes("web", to="other"))
        envoy.await_said("ack", "rds")
        envoy.await_answer("503")
        plane.behave()
        envoy.await_answer(V2)
        # A connection that is open is in no way bound to what was.
        assert V2.encode() in held.ask(GET).body


GET = Sent("GET", "/", (("host", "web"),))


@contextlib.contextmanager
def client(envoy: Managed, port: int = 8080) -> Iterator[Client]:
    """A client that keeps its connection."""
    with contextlib.closing(connect(envoy.scene, CLIENT, "", envoy.ip, port)) as stream:
        yield Client(stream)


# --- What it does to traffic


def test_a_listener_that_moves_serves_who_is_there_and_nobody_new(envoy: Managed) -> None:
    envoy.take(envoy.listener("other", 8081), envoy.routes("other", says="other"))
    envoy.await_answer("other", 8081)
    with client(envoy, 8081) as held:
        assert held.ask(GET).body == b"other"
        envoy.take(envoy.listener("other", 8082), envoy.routes("other", says="other"))
        envoy.await_answer("other", 8082)
        envoy.await_answer("refused", 8081)
        assert held.ask(GET).body == b"other"


def test_the_same_again_is_taken_and_changes_nothing(envoy: Managed, plane: ControlPlane) -> None:
    counters = (
        "listener_manager.listener_modified",
        "listener_manager.listener_added",
        "cluster_manager.cluster_modified",
        "http.web.rds.web.config_reload",
    )
    with client(envoy) as held:
        assert held.ask(GET).status == 200
        before = envoy.counters(*counters)
        envoy.mark()
        plane.resend(node=envoy.name)
        envoy.await_said("ack", number=6)
        assert envoy.counters(*counters) == before
        answer = held.ask(GET)
        assert (answer.status, answer.announces_the_end) == (200, False)


def test_a_layer_of_the_runtime_overrides_what_is_below_until_it_is_gone(envoy: Managed) -> None:
    switch, layer = "xds-protocol.switch", envoy.resource("rtds", "switches")
    assert envoy.runtime(switch) == (["1", "2"], "2")
    envoy.take(layer | {"layer": {switch: 3}})
    assert envoy.runtime(switch) == (["1", "3"], "3")
    envoy.take(layer | {"layer": {}})
    assert envoy.runtime(switch) == (["1", ""], "1")


def test_a_filter_that_is_served_takes_the_place_of_itself(envoy: Managed) -> None:
    mark = envoy.resource("ecds", "mark")
    header = mark["typed_config"]["mutations"]["response_mutations"][0]["append"]["header"]
    assert header["value"] == "served"
    response = envoy.ask()
    assert response is not None
    assert response.headers["x-mark"] == "served"
    with client(envoy) as held:
        assert held.ask(GET).value("x-mark") == "served"
        header["value"] = "changed"
        envoy.take(mark)
        envoy.until(lambda: "" if held.ask(GET).value("x-mark") == "changed" else "still the old one")


@pytest.mark.parametrize("has_default", [False, True], ids=["none", "default"])
def test_a_filter_that_never_comes_is_its_default_if_there_is_one(
    envoy: Managed, plane: ControlPlane, has_default: bool
) -> None:
    """Without one, the listener opens, and answers nobody."""
    plane.behave(*silent("ecds", envoy=envoy))
    other = envoy.listener("other", 8081)
    manager = other["filter_chains"][0]["filters"][0]["typed_config"]
    discovered = manager["http_filters"][0]
    discovered["name"] = "nobody-has-it"
    discovered["config_discovery"]["config_source"]["initial_fetch_timeout"] = "0.1s"
    if has_default:
        default = envoy.resource("ecds", "mark")["typed_config"]
        discovered["config_discovery"] |= {"default_config": default, "apply_default_config_without_warming": True}
    envoy.publish(other, envoy.routes("other", says="other"))
    envoy.await_answer("other" if has_default else "500", 8081)


def test_what_has_a_time_to_live_is_gone_after_it_unless_it_is_sent_again(scene: Scene, plane: ControlPlane) -> None:
    both = [Managed(scene, plane, name) for name in ("sotw", "delta")]
    ttl = 0.2
    for envoy in both:
        other = envoy.listener("mortal", 8081, routes="web")
        mortal = {"@type": OUTER, "name": "mortal", "ttl": f"{ttl}s", "resource": other}
        envoy.take(resources=[*envoy.served(), mortal])
    began = time.monotonic()
    while time.monotonic() - began < 1.5 * ttl:
        for envoy in both:
            plane.resend("lds", node=envoy.name)
            envoy.await_answer(V1, 8081)
    sent = time.monotonic()
    plane.resend("lds")
    for envoy in both:
        envoy.await_answer("refused", 8081)
        assert time.monotonic() - sent >= ttl - EARLY
        assert envoy.answer() == V1


OUTER = "type.googleapis.com/envoy.service.discovery.v3.Resource"
"""What has a name and a time to live, and a resource in it."""


def test_a_field_that_it_does_not_know_is_counted_and_nothing_else(envoy: Managed) -> None:
    unknown = envoy.counter("server.dynamic_unknown_fields")
    # Field 900 of a cluster, which no version has; the rest is {name: "newer", type: STATIC}.
    raw = b"\x0a\x05newer" + b"\xa2\x38\x03new"
    newer = {"@type": envoy.cluster("newer")["@type"], "name": "newer", "@bytes": base64.b64encode(raw).decode()}
    envoy.take(newer)
    assert envoy.counter("server.dynamic_unknown_fields") == unknown + 1
    assert envoy.dump("dynamic_active_clusters", "newer") != {}
