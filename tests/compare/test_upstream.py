"""What the upstream saw otherwise from one Envoy to another."""

from takeover.compare.observations import ObservedChange, observation_changes
from takeover.compare.stability import Aspect
from takeover.model.document import Observation
from takeover.probes.upstream_told import connections

TOLD = [
    {"number": 4, "server": "127.0.0.1:80", "dialled": "127.0.0.1:80", "requests": 1, "end": "fin"},
    {
        "number": 3,
        "server": "127.0.0.1:443",
        "dialled": "10.0.0.1:443",
        "tls": {"sni": None, "offered": {"supported_groups": ["x25519", "secp256r1"], "session": 32}},
        "http2": {"settings": {}, "resets": [[1, 8]]},
        "requests": 0,
        "end": "reset",
    },
]
SEEN = [
    {
        "server": "127.0.0.1:443",
        "dialled": "10.0.0.1:443",
        "tls.offered.supported_groups": "x25519 secp256r1",
        "tls.offered.session": "32",
        "http2.resets": "[[1,8]]",
        "requests": "0",
        "end": "reset",
    },
    {"server": "127.0.0.1:80", "requests": "1", "end": "fin"},
]


def seen(*connections: dict[str, str]) -> Observation:
    return Observation(200, upstream=list(connections))


def test_facts_are_texts_in_an_order_that_no_race_changes() -> None:
    assert connections(TOLD) == connections(TOLD[::-1]) == SEEN


def test_ports_of_clients_decide_no_order() -> None:
    one, other = {"server": "a", "sni": "one"}, {"server": "a", "sni": "other"}
    told = [{"client": "127.0.0.1:40000", **one}, {"client": "127.0.0.1:50000", **other}]
    later = [{"client": "127.0.0.1:60000", **one}, {"client": "127.0.0.1:50000", **other}]
    assert [each["sni"] for each in connections(told)] == [each["sni"] for each in connections(later)]


def test_each_fact_that_changes_is_a_change() -> None:
    was, now = {"server": "a", "end": "fin"}, {"server": "a", "end": "reset", "tls.sni": "b"}
    assert list(observation_changes(seen(was), seen(now))) == [
        ObservedChange("upstream", "end", "fin", "reset"),
        ObservedChange("upstream", "tls.sni", None, "b"),
    ]
    assert list(observation_changes(seen(was, was), seen(was))) == [ObservedChange("upstream", "connections", "2", "1")]
    assert list(observation_changes(seen(*SEEN), seen(*SEEN))) == []


def test_what_was_not_asked_is_no_change() -> None:
    assert list(observation_changes(Observation(200), seen(*SEEN))) == []


def test_where_there_are_more_or_fewer_nothing_is_said_of_each() -> None:
    assert Aspect("upstream", "connections").hides(Aspect("upstream", "end"))
    assert not Aspect("upstream", "end").hides(Aspect("upstream", "connections"))
