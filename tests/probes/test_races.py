"""What of an observation is decided by who was first is told alike whoever was, and nothing else."""

from typing import Any, Literal

import pytest

from takeover.model.document import Observation
from takeover.probes.normal_form import Normaliser
from takeover.probes.races import RACES
from takeover.scene import Scene

# By the race's name: the log entry's flags and details, and what is left of the counters, the log and the end.
LEFT = {
    "client-left": ("DC", "downstream_remote_disconnect", {"http.x": 1}, "<race>", "reset"),
    "blocked": ("UH", None, {"cluster.x": 1, "http.x": 1}, "1.1.1.1:80", "closed"),
    "upstream-refused": ("UF,URX", None, {"cluster.x": 1, "http.x": 1}, "1.1.1.1:80", "closed"),
    "head-too-large": ("DPE", "http1.headers_too_large", {"cluster.x": 1, "http.x": 1}, "1.1.1.1:80", "closed"),
}


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.name)
def test_races(race: Any, inbound: Scene) -> None:
    flags, details, stats, upstream, end = LEFT[race.name]
    normaliser = Normaliser(inbound.deployment)

    def observed(flags: str | None, details: str | None, end: Literal["reset", "open"] = "reset") -> Observation:
        entry = {"flags": flags, "details": details, "upstream_host": "1.1.1.1:80"}
        return Observation(None, log=[entry], stats={"cluster.x": 1, "http.x": 1}, end=end)

    found = normaliser.observation(observed(flags, details))

    assert (found.stats, found.log[0]["upstream_host"], found.end) == (stats, upstream, end)
    assert normaliser.observation(observed("UF", "via_upstream")) == observed("UF", "via_upstream")
    assert normaliser.observation(observed(flags, details, "open")).end == "open"


@pytest.mark.parametrize("flags", ["UH", "NC", "URX"])
def test_whoever_is_not_connected_onwards_sees_either_end(flags: str, inbound: Scene) -> None:
    """No host, no cluster, no attempt more."""
    entry = {"flags": flags, "details": None, "upstream_host": None}
    ends = [
        Normaliser(inbound.deployment).observation(Observation(None, log=[entry], end=end)).end
        for end in ("closed", "reset")
    ]
    assert ends == ["closed", "closed"]


def test_how_often_envoy_begins_anew_until_its_client_leaves_is_chance(inbound: Scene) -> None:
    normaliser = Normaliser(inbound.deployment)

    def observed(rounds: int) -> Observation:
        return normaliser.observation(
            Observation(None, log=[{"details": "again"}] * rounds, stats={"http.a.rounds": rounds, "http.a.left": 1})
        )

    assert observed(40) == observed(254)
    assert (len(observed(254).log), observed(254).stats) == (32, {"http.a.rounds": 32, "http.a.left": 1})
    for rounds in (1, 31, 32):
        assert (len(observed(rounds).log), observed(rounds).stats["http.a.rounds"]) == (rounds, rounds)
    assert normaliser.observation(Observation(200, stats={"cluster.a.bytes": 500})).stats == {"cluster.a.bytes": 500}


@pytest.mark.parametrize(
    ("frame", "end"),
    [("GOAWAY PROTOCOL_ERROR last 0", "closed"), ("GOAWAY NO_ERROR last 0", "reset"), ("RST_STREAM 1 CANCEL", "reset")],
)
def test_a_connection_that_is_given_up_ends_in_either_way(frame: str, end: str, inbound: Scene) -> None:
    observed = Observation(None, end="reset", frames=[frame])
    assert Normaliser(inbound.deployment).observation(observed).end == end
