"""Destinations that log late, end, or close their connection: what arrived is complete, or it is said."""

import itertools
import re
from collections.abc import Iterator

import pytest

from takeover.base.errors import BadInputError, TakeoverError
from takeover.evidence import destinations as module
from takeover.evidence.destinations import Destinations
from takeover.model.json import encode
from takeover.model.logs import Arrival
from takeover.scenario.places import DestinationPlace
from tests.evidence.witnesses import Answering, LoggingContainer, WitnessPod

PLACE = DestinationPlace("website", "nginx", 80, "json", (), "scenario.yaml:1")


def line_of(uri: str) -> str:
    return encode(Arrival(1.5, "10.0.0.1:1024", "10.0.0.2:80", "HEAD", uri, "fence", 204)).decode()


FIRST, SECOND, THIRD = (line_of(f"/{word}") for word in ("first", "second", "third"))
OTHERS = line_of("/fence/0123abcd/2/")


def fence(asked: list[bytes], number: int) -> str:
    """The line that the server writes of that question."""
    [path] = re.findall(rb"HEAD (\S+) HTTP/1.1\r\nHost: fence\r\n\r\n", asked[number - 1])
    return line_of(path.decode())


def website(*logs: list[str | int], streams: tuple[Answering | OSError, ...] = ()) -> WitnessPod:
    """A Pod whose log is first the first, then the second…; a number stands for the line of that question."""

    def written() -> Iterator[str]:
        for log in logs:
            yield "".join(f"{fence(pod.asked, each) if isinstance(each, int) else each}\n" for each in log)

    pod = WitnessPod(LoggingContainer(written()), streams=streams)
    return pod


def told(pod: WitnessPod) -> dict[str, list[str]]:
    return Destinations([PLACE], {"website": pod}).told()


def test_what_is_logged_late_has_arrived_all_the_same() -> None:
    """Without waiting for the fence's line, "nothing arrived" would only mean "nothing yet"."""
    pod = website([], [FIRST], [FIRST, SECOND, 1], [FIRST, SECOND, 1, THIRD])

    assert told(pod) == {"website/nginx": [FIRST, SECOND]}


def test_a_log_in_another_form_is_refused_with_the_place_of_its_destination() -> None:
    with pytest.raises(BadInputError, match=r"^scenario.yaml:1: website/nginx logs what is not json: .* field `time`"):
        told(website(['{"verb": "GET"}', 1]))


def test_that_nothing_arrived_is_known_by_the_fence_alone() -> None:
    assert told(website([], [], [], [1])) == {"website/nginx": []}


def test_the_fence_of_somebody_else_and_an_earlier_one_are_not_taken_for_the_last() -> None:
    pod = website([1], [1, OTHERS], [1, OTHERS, FIRST, 2])
    destinations = Destinations([PLACE], {"website": pod})

    assert destinations.told() == {"website/nginx": []}
    assert destinations.told() == {"website/nginx": [FIRST]}


def test_a_server_that_answers_and_never_logs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_DEADLINE", 0.05)

    with pytest.raises(TakeoverError, match=r"website/nginx answered /fence/\w+/1/ and had not logged it as json 0.05"):
        told(website([FIRST]))


def test_of_a_server_that_runs_no_more_the_log_is_whole_as_it_is() -> None:
    pod = website([FIRST], streams=(ConnectionRefusedError(), ConnectionRefusedError()))

    assert told(pod) == {"website/nginx": [FIRST]}


def test_a_connection_that_has_ended_is_opened_again() -> None:
    asked: list[bytes] = []
    ended = Answering(asked, ends=True)
    pod = website([1], streams=(ended,))

    assert told(pod) == {"website/nginx": []}
    assert ended.is_closed
    assert len(asked) == len(pod.asked) == 1


def test_a_connection_is_kept_until_all_are_closed() -> None:
    asked: list[bytes] = []
    kept, new = Answering(asked), Answering(asked)
    logs = (f"{fence(asked, 0)}\n" for _ in itertools.count())
    destinations = Destinations([PLACE], {"website": WitnessPod(LoggingContainer(logs), streams=[kept, new])})
    for _ in range(3):
        destinations.told()
    ended_before = kept.is_closed
    destinations.close()
    assert (ended_before, kept.is_closed) == (False, True)
    destinations.told()
    assert not new.is_closed
    assert len({fence([each], 1) for each in asked}) == 4
