"""What an Envoy asked for, by the record of its control plane."""

import pytest

from takeover.evidence.control_plane_record import XdsEntry, asked_for


def record(method: str, *entries: tuple[str, str]) -> list[XdsEntry]:
    """Entries of one stream: the event, and the names in it."""
    return [
        XdsEntry(number, float(number), event, stream=1, method=method, names=names.split())
        for number, (event, names) in enumerate(entries, 1)
    ]


@pytest.mark.parametrize(
    ("now", "asked"),
    [
        ("slow web", []),
        ("brief", []),
        ("brief other slow web", ["other"]),
        ("other web", ["other"]),
        ("brief slow web", ["brief", "slow", "web"]),
    ],
    ids=["lets one go", "lets two go", "one more", "one for another", "all again"],
)
def test_by_state_of_the_world_a_request_that_only_names_less_asks_for_nothing(now: str, asked: list[str]) -> None:
    entries = record("ads", ("request", "web"), ("response", "web"), ("ack", "brief slow web"), ("request", now))
    assert asked_for(entries, after=3) == asked


def test_by_delta_it_asks_for_what_it_names() -> None:
    entries = record("delta-ads", ("request", "web"), ("ack", ""), ("request", ""), ("request", "web"))
    assert asked_for(entries, after=2) == ["web"]


def test_what_was_asked_for_before_does_not_count() -> None:
    assert asked_for(record("ads", ("request", "web"), ("request", "other web")), after=2) == []


def test_on_a_new_stream_all_is_asked_for() -> None:
    first, second = record("ads", ("request", "other web"), ("request", "web"))
    second.stream = 2
    assert asked_for([first, second], after=1) == ["web"]
