"""What one probe, test or message adds to a document is bounded, and what is left out still makes a difference."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from takeover.compare.observations import observation_changes
from takeover.model.document import ConfigResult, Document, Observation, Outcome, ProbeResult
from takeover.model.logs import Arrival
from takeover.model.trace import DestinationHop
from takeover.store import bounds
from takeover.store import documents as store

PUBLISHED = Path(__file__).parents[2] / "reports" / store.PUBLISHED
encode = msgspec.json.Encoder().encode


def test_what_the_projects_own_probes_see_is_whole() -> None:
    document = store.read(PUBLISHED / "1.40.0.json")
    assert all(bounds.probe(each) is each for each in document.probes)
    assert max(len(encode(each)) for each in document.probes) < bounds.MOST_OF_A_PROBE / 3


LARGE: dict[str, Callable[[str], Any]] = {
    "body": lambda last: "x" * 5_000_000 + last,
    "reason": lambda last: "x" * 5_000_000 + last,
    "headers": lambda last: [*[("x-a", "b" * 50)] * 50_000, ("x-z", last)],
    "trailers": lambda last: [("x-a", "b" * 5_000_000 + last)],
    "interim": lambda last: [*[{"status": 103}] * 50_000, {"status": 103, "reason": last}],
    "log": lambda last: [*[{"flags": "-", "path": "/" * 300}] * 20_000, {"flags": last}],
    "stats": lambda last: {**{f"a.{number}": 1 for number in range(50_000)}, last: 1},
    "warnings": lambda last: [*["x" * 300] * 20_000, last],
    "frames": lambda last: [*["RST_STREAM 1 CANCEL"] * 50_000, last],
    "streams": lambda last: [
        *[{"stream": 1, "status": 200, "body": "x" * 300}] * 20_000,
        {"stream": 3, "status": 1, "body": last},
    ],
    "messages": lambda last: ["x" * 5_000_000 + last],
    "tls": lambda last: {
        "version": "TLSv1.3",
        "certificate": {"subject": "a", "issuer": "b", "names": [*["DNS:a.example"] * 50_000, last]},
    },
}


def seen(field: str, last: str, document: Callable[..., Document]) -> ProbeResult:
    if field == "nested":
        entry: Any = {"deep": [{"wide": {f"k{number}": ["v" * 100] for number in range(20_000)}}, last]}
        return document("a", {"log": [entry]}).probes[0]
    return document("a", {field: LARGE[field](last)}).probes[0]


@pytest.mark.parametrize("field", [*LARGE, "nested"])
def test_a_probe_that_sees_much_is_bounded_and_still_differs(field: str, document: Callable[..., Document]) -> None:
    one, same, other = (seen(field, last, document) for last in ("1", "1", "2"))
    assert len(encode(one)) > 500_000
    shorter = bounds.probe(one)
    assert len(encode(shorter)) <= bounds.MOST_OF_A_PROBE
    assert list(observation_changes(shorter.observation, bounds.probe(same).observation)) == []
    assert list(observation_changes(shorter.observation, bounds.probe(other).observation))
    assert "sha256 " in encode(shorter).decode()


def test_all_of_it_at_once_is_bounded_too(document: Callable[..., Document]) -> None:
    whole = {name: make("1") for name, make in LARGE.items()}
    result = document("a", whole).probes[0]
    request = msgspec.structs.replace(result.request, body="ab" * 1_000_000, headers=["x: y"] * 100_000)
    shorter = bounds.probe(msgspec.structs.replace(result, request=request))
    assert len(encode(shorter)) <= bounds.MOST_OF_A_PROBE
    assert (shorter.scenario, shorter.probe, shorter.observation.status) == ("one", "edges/plain", 200)
    assert isinstance(shorter.observation, Observation)


def test_an_envoy_that_broke_down_is_still_said_to(document: Callable[..., Document]) -> None:
    broken = {"envoy": "a/envoyproxy", "how": "ended", "exit_code": 139, "log": ["x" * 1_000_000]}
    shorter = bounds.probe(document("a", {"breakdown": broken}).probes[0])
    assert str(shorter.observation.breakdown) == "ends with signal 11 (SIGSEGV)"
    assert len(encode(shorter)) <= bounds.MOST_OF_A_PROBE


def test_a_test_keeps_its_verdict_and_as_much_evidence_as_there_is_room_for() -> None:
    arrival = Arrival(1.0, "a", "b", "GET", "/", "h", 200)
    few = Outcome("t", "s", "t", "pass", evidence=[[DestinationHop("d", {"log": (0, 9)}, [arrival] * 300)]])
    assert bounds.outcome(few) == few

    long = msgspec.structs.replace(arrival, uri="/" * 3_000_000)
    shorter = bounds.outcome(msgspec.structs.replace(few, evidence=[[DestinationHop("d", {}, [long] * 3)]]))
    assert len(encode(shorter)) < 20_000
    assert isinstance(shorter.evidence[0][0], DestinationHop)
    assert shorter.evidence[0][0].entries[0].uri.startswith("///")

    many = DestinationHop("d", {}, [arrival] * 10_000, 7)
    shorter = bounds.outcome(msgspec.structs.replace(few, evidence=[[many]]))
    [[hop]] = shorter.evidence
    assert isinstance(hop, DestinationHop)
    assert (len(hop.entries), hop.entries_left_out) == (5, 10_002)

    blocks = [[msgspec.structs.replace(many, entries=[arrival] * 5)]] * 5_000
    shorter = bounds.outcome(msgspec.structs.replace(few, evidence=blocks, state="fail", reason="r" * 1_000_000))
    assert (shorter.state, shorter.evidence) == ("fail", [])
    assert len(encode(shorter)) < 10_000


def test_messages_keep_their_beginning_and_their_end() -> None:
    text = f"begin{'x' * 1_000_000}end"
    shorter = bounds.message(text)
    assert len(shorter) < bounds.MOST_OF_A_MESSAGE + 100
    assert (shorter[:5], shorter[-3:]) == ("begin", "end")
    assert bounds.message("short") == "short"
    config = bounds.config(ConfigResult("s", "manifest", False, text, [text[:9_000]] * 1_000))
    assert len(encode(config)) < 300_000
