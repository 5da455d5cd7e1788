import msgspec
import pytest

from takeover.model.json import encode
from takeover.model.logs import arrivals, as_written, entries, json_lines, written_lines

BLOCKED = (
    '{"bytes_received":0,"bytes_sent":0,"downstream_remote":"10.244.0.2:51002","filter_chain":"virtualOutbound-tcp",'
    '"flags":"UH","listener":"virtualOutbound","original_destination":"10.96.1.1:80","termination":null,'
    '"upstream_cluster":"BlockAllCluster","upstream_host":null}'
)
ARRIVED = (
    '{"time": 1764062057.123, "client": "10.244.0.2:51014", "server": "10.244.0.3:80", "method": "GET", "uri": "/",'
    ' "host": "website", "status": 200, "protocol": "HTTP/1.1", "version": "", "x_auth_user": "", "request_id": "",'
    ' "connection": 3, "connection_requests": 1, "bytes": 212}'
)


@pytest.mark.parametrize(
    ("log", "lines"),
    [
        ("", []),
        (f"[2026-11-25][info] starting\n{BLOCKED}\n", [BLOCKED]),
        (f"{BLOCKED}\n{BLOCKED}\nnot json\n", [BLOCKED, BLOCKED]),
        (f"{BLOCKED}\n{BLOCKED}", [BLOCKED]),  # its end is still to be written
        (f"{BLOCKED}\n{BLOCKED[:40]}\n", [BLOCKED]),
        (f"{BLOCKED}\r\n", [BLOCKED]),
    ],
)
def test_whole_lines_of_json(log: str, lines: list[str]) -> None:
    assert json_lines(log) == lines


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\r"])
def test_nothing_but_a_line_feed_ends_a_line(character: str) -> None:
    """A header may have such a character as its value, and Envoy writes it as it came."""
    line, text = f'{{"path": "a{character}b"}}', f"log: a{character}b"

    assert json_lines(f"{line}\n") == [line]
    assert written_lines(f"{line}\n{text}\n") == [line, text]


def test_lines_of_text_count_where_all_that_is_written_does() -> None:
    log = f"[2026-11-25][info] starting\nlog: GET /\n{BLOCKED}\nno log: line\nlog: \nlog: cut"

    assert written_lines(log) == ["log: GET /", BLOCKED, "log: "]
    assert [as_written(each) for each in written_lines(log)[::2]] == [{"text": "GET /"}, {"text": ""}]


def test_an_entry_of_a_connection() -> None:
    (entry,) = entries([BLOCKED])
    assert (entry.flags, entry.original_destination, entry.upstream_cluster) == (
        "UH",
        "10.96.1.1:80",
        "BlockAllCluster",
    )
    assert (entry.upstream_host, entry.status, entry.request_id) == (None, None, None)


def test_an_arrival() -> None:
    (arrival,) = arrivals([ARRIVED])
    assert (arrival.client_ip, arrival.server, arrival.bytes, arrival.verdict) == (
        "10.244.0.2",
        "10.244.0.3:80",
        212,
        None,
    )


@pytest.mark.parametrize("line", ['{"listener": "x"}', '{"flags": 5}'])
def test_a_line_of_another_kind_is_an_error(line: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        entries([line])


def test_a_line_as_it_was_written_keeps_how_its_numbers_are_written() -> None:
    line = '{"small": 200, "large": 1e+05, "nested": [{"share": 0.10}], "more": [null, true, "1e+05"]}'
    assert encode(as_written(line)).decode() == line.replace(": ", ":").replace(", ", ",")
    assert as_written(line) != as_written(line.replace("1e+05", "100000"))


def test_a_line_that_is_no_json_is_told_as_it_is() -> None:
    line = '{"number": inf}'
    assert as_written(line) == {"not_json": line}
