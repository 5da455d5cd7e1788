"""What goes wrong when a verdict asks for what is not there."""

import pytest

from takeover.base.errors import BadInputError
from takeover.evidence.observed import ObservedTraffic
from tests.evidence.test_trace import BEFORE, after


@pytest.fixture
def observed() -> ObservedTraffic:
    observed = ObservedTraffic()
    observed.tell(BEFORE, after({}, log=3))
    return observed


@pytest.mark.parametrize("read", ["moved", "entries", "envoy", "trace", "hops", "taken_by"])
def test_within_the_block_there_is_nothing_to_read(read: str) -> None:
    observed = ObservedTraffic()
    with pytest.raises(AttributeError, match=r"^what a block did is known at its end: read it after `with scene\.wat"):
        getattr(observed, read)
    assert not observed.is_told


def test_what_is_not_there_is_told_by_its_name(observed: ObservedTraffic) -> None:
    with pytest.raises(AttributeError, match=r"^'ObservedTraffic' object has no attribute 'entry'$"):
        getattr(observed, "entry")  # noqa: B009 - mypy knows that there is none


def test_two_entries_are_not_one(observed: ObservedTraffic) -> None:
    with pytest.raises(AssertionError, match=r"not one entry in Envoy's access log: \[Entry.*, Entry"):
        _ = observed.envoy


def test_no_arrival_is_not_one(observed: ObservedTraffic) -> None:
    with pytest.raises(AssertionError, match=r"not one request arrived at website: \[\]"):
        observed.arrival("website")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cluster.AllowAll.upstream_cx_totals", r"Envoy has no counter cluster\.AllowAll\.upstream_cx_totals"),
        ("server.uptime", r"server\.uptime is left out of account: the process counts"),
    ],
)
def test_a_counter_that_does_not_count_is_bad_input(observed: ObservedTraffic, name: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        observed.counter(name)


@pytest.mark.parametrize(("words", "number"), [(("DROP",), 0), (("-A",), 2)])
def test_a_rule_must_be_one(observed: ObservedTraffic, words: tuple[str, ...], number: int) -> None:
    with pytest.raises(BadInputError, match=f"{number} rules hold {' '.join(words)}: .*--uid-owner 1337"):
        observed.rule(*words)


def test_a_place_without_a_log_is_no_destination(observed: ObservedTraffic) -> None:
    with pytest.raises(BadInputError, match="client/client is no destination; there are website/nginx, app/nginx"):
        observed.destination("client", "client")
