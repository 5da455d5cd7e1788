"""Without what all Envoys do alike, observations of a probe differ in just what they differed in."""

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from takeover.compare.alike import without_alike
from takeover.compare.observations import observation_changes
from takeover.model.document import Observation

HEADERS = st.lists(st.tuples(st.sampled_from(["server", "Server", "x-a"]), st.sampled_from(["1", "2"])), max_size=3)
COUNTED = st.dictionaries(st.sampled_from(["cluster.a.rq", "http.b.rq", "c"]), st.integers(0, 2), max_size=3)
FACTS = st.lists(
    st.dictionaries(st.sampled_from(["server", "end"]), st.sampled_from(["x", "y"]), max_size=2), max_size=2
)
FRAMES = st.lists(st.sampled_from(["HEADERS 1", "SETTINGS 1=2", "GOAWAY 0", "DATA 1"]), max_size=3)
STREAM = st.fixed_dictionaries(
    {"stream": st.integers(1, 3), "status": st.sampled_from([None, 200, 503])},
    optional={"body": st.sampled_from(["", "ok"]), "headers": HEADERS, "end": st.sampled_from(["", "reset 2"])},
)
LOG = st.lists(st.dictionaries(st.sampled_from(["flags", "route"]), st.sampled_from(["-", None, 1])), max_size=2)
SEEN = st.fixed_dictionaries(
    {"status": st.sampled_from([None, 200, 503])},
    optional={
        "reason": st.sampled_from(["", "OK"]),
        "protocol": st.sampled_from(["HTTP/1.1", "HTTP/1.0"]),
        "headers": HEADERS,
        "trailers": HEADERS,
        "body": st.sampled_from(["", "ok", "a: 1\nb: 2\n", "b: 2\na: 3\n"]),
        "end": st.sampled_from(["open", "closed"]),
        "interim": st.sampled_from([[], [{"status": 100}]]),
        "log": LOG,
        "stats": COUNTED,
        "gauges": COUNTED,
        "warnings": st.lists(st.sampled_from(["one", "two"]), max_size=3),
        "breakdown": st.sampled_from([{"envoy": "a/b", "how": "ended", "exit_code": 139, "why": "x", "log": ["x"]}]),
        "stream_end": st.sampled_from(["closed", "open"]),
        "frames": FRAMES,
        "streams": st.lists(STREAM, max_size=2),
        "messages": st.lists(st.sampled_from(["a", "b"]), max_size=2),
        "others": st.sampled_from([[{"status": 200, "answered": True, "end": "open"}]]),
        "upstream": FACTS,
    },
)  # fmt: skip


def observed(*data: dict[str, Any]) -> list[Observation]:
    return [msgspec.convert(each, Observation) for each in data]


@given(st.lists(SEEN, min_size=2, max_size=4))
def test_any_two_differ_as_before(data: list[dict[str, Any]]) -> None:
    whole = observed(*data)
    short = without_alike(whole)
    for one, other in itertools.permutations(range(len(whole)), 2):
        before = [*observation_changes(whole[one], whole[other])]
        assert [*observation_changes(short[one], short[other])] == before


ALIKE: dict[str, Any] = {
    "status": 200,
    "end": "open",
    "reason": "OK",
    "headers": [("server", "envoy")],
    "body": "a long one",
    "log": [{"flags": "-", "route": "all"}],
    "stats": {"a": 1, "b": 2},
    "gauges": {"c": 1},
    "warnings": ["w", "w"],
    "frames": ["HEADERS 1"],
    "upstream": [{"server": "x", "end": "FIN"}],
}


@pytest.mark.parametrize(
    ("one", "left"),
    [
        ({"status": 503}, {"status": 503}),
        ({"log": [{"flags": "UF", "route": "all"}]}, {"log": [{"flags": "UF"}]}),
        ({"stats": {"a": 1, "b": 3}}, {"stats": {"b": 3}}),
        ({"gauges": {"c": 1, "d": 1}}, {"gauges": {"d": 1}}),
        ({"warnings": ["w", "v", "w"]}, {"warnings": ["v"]}),
        ({"upstream": [{"server": "x", "end": "RST"}]}, {"upstream": [{"end": "RST"}]}),
        ({"headers": [("server", "other")]}, {"headers": [("server", "other")]}),
        ({"frames": ["HEADERS 1", "DATA 1"]}, {"frames": ["HEADERS 1", "DATA 1"]}),
        ({"body": ""}, {}),
    ],
)
def test_nothing_stays_but_what_differs(one: dict[str, Any], left: dict[str, Any]) -> None:
    short, other = without_alike(observed(ALIKE | one, ALIKE))
    told = {name: value for name, value in msgspec.to_builtins(short).items() if value}
    assert told == {"status": 200, "end": "open"} | left
    assert [*observation_changes(short, other)]  # of the other one stays what the first does otherwise


def test_of_a_breakdown_the_log_is_left_out() -> None:
    broken = {"envoy": "a/b", "how": "ended", "exit_code": 139, "why": "gone", "log": ["Caught SIGSEGV"]}
    short = without_alike(observed({"status": None, "breakdown": broken}, {"status": 200}))
    assert msgspec.to_builtins(short[0])["breakdown"] == {**broken, "log": []}
