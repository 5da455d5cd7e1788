"""How the lines of logs become Arrivals, whatever form they have; and that a form can be added from outside."""

from collections.abc import Iterator

import pytest

from takeover.base.errors import BadInputError
from takeover.evidence import log_formats
from takeover.evidence.destinations import _entries
from takeover.evidence.log_formats import format_of, register
from takeover.model.logs import Arrival, arrivals
from takeover.scenario.places import DestinationPlace

COMBINED = r'10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET /a?b=c HTTP/1.1" 404 153 "-" "a \"b\" \x22c"'


TOLD = ("10.0.0.1", 971211336.0, "GET", "/a?b=c", "HTTP/1.1", 404, 153)
REQUEST = "GET /a?b=c HTTP/1.1"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (COMBINED, TOLD),
        (COMBINED.replace("- -", "- a user of mine"), TOLD),
        (COMBINED.replace("10.0.0.1", "2001:db8::1"), ("2001:db8::1", *TOLD[1:])),
        (COMBINED.partition(' "-"')[0].replace("153", "-"), (*TOLD[:-1], 0)),
        (COMBINED.replace(REQUEST, r"\x16\x03"), (*TOLD[:2], r"\x16\x03", "", "", *TOLD[5:])),
        (COMBINED.replace(REQUEST, r"GET /\"x HTTP/1.0"), (*TOLD[:3], r"/\"x", "HTTP/1.0", *TOLD[5:])),
    ],
)
def test_the_combined_form(line: str, told: tuple[object, ...]) -> None:
    arrival = format_of("combined")(line, {})
    assert arrival is not None
    assert told == (
        arrival.client_ip,
        arrival.time,
        arrival.method,
        arrival.uri,
        arrival.protocol,
        arrival.status,
        arrival.bytes,
    )


@pytest.mark.parametrize("line", ["", "2026/11/26 01:00:00 [notice] 1#1: start", COMBINED[:60], '{"a": 1}'])
def test_what_is_no_entry_is_left_out(line: str) -> None:
    assert format_of("combined")(line, {}) is None


def test_json_with_names_of_its_own() -> None:
    fields = {"client": "remote", "uri": "path", "time": "t", "server": "here"}
    line = (
        '{"t": "1.5", "remote": "10.0.0.1:80", "here": "a", "method": "GET", "path": "/", "host": "h",'
        ' "status": "200", "uri": null, "of_its_own": [1, {"a": 2}]}'
    )
    told = format_of("json")(line, fields)
    assert told == Arrival(1.5, "10.0.0.1:80", "a", "GET", "/", "h", 200)
    assert format_of("json")("no JSON", fields) is None


def test_json_with_our_own_names_has_our_own_types() -> None:
    line = '{"time": 1.5, "client": "c:80", "server": "a", "method": "GET", "uri": "/", "host": "h", "status": 2}'
    assert format_of("json")(line, {}) == Arrival(1.5, "c:80", "a", "GET", "/", "h", 2)
    assert format_of("json")("{ no JSON", {}) is format_of("json")("no JSON }", {}) is None
    with pytest.raises(ValueError, match="Expected `int`, got `str`"):
        format_of("json")(line.replace("2}", '"2"}'), {})


def place(log: str, **fields: str) -> DestinationPlace:
    return DestinationPlace("shop", "web", 80, log, tuple(fields.items()), "scenario.yaml:5")


def test_only_whole_lines_count_and_all_become_our_form() -> None:
    log = f"a notice\n{COMBINED}\n{COMBINED}\n{COMBINED}"
    [first, second] = arrivals(_entries(place("combined"), log))
    assert first == second == format_of("combined")(COMBINED, {})


def test_nothing_but_a_line_feed_ends_an_entry() -> None:
    log = COMBINED.replace("b=c", "b=\u2028\x85") + "\n"
    assert [each.uri for each in arrivals(_entries(place("combined"), log))] == ["/a?b=\u2028\x85"]


def test_a_line_of_another_form_is_told_with_its_place() -> None:
    with pytest.raises(BadInputError, match=r"^scenario\.yaml:5: shop/web logs what is not json: .*: \{\"a\": 1\}$"):
        _entries(place("json", uri="path"), '{"a": 1}\n')


@pytest.fixture
def upper() -> Iterator[str]:
    def form(line: str, fields: log_formats.Fields) -> Arrival | None:
        return Arrival(0.0, "", "", line, fields["uri"], "", 200) if line.isupper() else None

    register("upper", form)
    yield "upper"
    del log_formats._FORMATS["upper"]


def test_a_form_can_be_added(upper: str) -> None:
    assert [each.method for each in arrivals(_entries(place(upper, uri="u"), "NOW\nnot\nTHEN\n"))] == ["NOW", "THEN"]
    with pytest.raises(BadInputError, match="there is a form of logs 'upper' already"):
        register(upper, format_of("json"))
    with pytest.raises(BadInputError, match=r"^no form of logs 'xml'; there are json, combined, upper$"):
        format_of("xml")
