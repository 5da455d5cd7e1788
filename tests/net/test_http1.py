"""Answers of HTTP/1 as bytes: whole, cut off at every place, and none at all."""

import pytest

from takeover.net.http1 import read

INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;extension=1\r\nhello\r\nA\r\n\r\n 0\r\n\r\n x\r\n0\r\nX-After: yes\r\n\r\n"
)
LENGTH = b"HTTP/1.1 200 OK\r\nX-Two: 1\r\nx-two:  2\r\nContent-Length: 2\r\n\r\nab"


def test_interim_responses_come_before() -> None:
    answer = read(INTERIM + LENGTH, "GET")

    assert [(each.status, each.headers) for each in answer.interim] == [(100, []), (103, [("Link", "</a>")])]
    assert (answer.protocol, answer.status, answer.reason, answer.body) == ("HTTP/1.1", 200, "OK", b"ab")
    assert answer.headers == [("X-Two", "1"), ("x-two", " 2"), ("Content-Length", "2")]
    assert answer.is_whole
    assert answer.length == len(INTERIM + LENGTH)


def test_chunks_and_trailers() -> None:
    answer = read(CHUNKED + b"HTTP/1.1 400", "GET")

    assert answer.body == b"hello\r\n 0\r\n\r\n x"
    assert answer.trailers == [("X-After", "yes")]
    assert answer.is_whole
    assert answer.length == len(CHUNKED)


@pytest.mark.parametrize("data", [INTERIM + LENGTH, CHUNKED], ids=["length", "chunked"])
def test_no_cut_off_answer_is_whole(data: bytes) -> None:
    for end in range(len(data)):
        answer = read(data[:end], "GET")
        assert not answer.is_whole, data[:end]
        assert read(data, "GET").body.startswith(answer.body)
        assert not read(data[:end], "GET", ended=True).is_whole


def test_without_a_length_the_connections_end_ends_it() -> None:
    data = b"HTTP/1.0 200 OK\r\n\r\nhel"

    assert read(data, "GET").lasts_until_the_end
    assert read(data, "GET").announces_the_end
    assert not read(data, "GET").is_whole
    assert read(data, "GET", ended=True).is_whole
    assert read(data, "GET", ended=True).body == b"hel"


@pytest.mark.parametrize(
    ("method", "data"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
    ],
)
def test_what_has_no_body(method: str, data: bytes) -> None:
    answer = read(data + b"rest", method)

    assert (answer.is_whole, answer.body, answer.length) == (True, b"", len(data))


def test_a_tunnel_lasts_whatever_its_head_says() -> None:
    answer = read(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nabc", "CONNECT")

    assert answer.has_no_end
    assert answer.body == b"abc"


@pytest.mark.parametrize("data", [b"nonsense", b"SSH-2.0-x\r\n", b"HTTP", b""])
def test_garbage_is_shown_as_it_is(data: bytes) -> None:
    answer = read(data, "GET", ended=True)

    assert (answer.status, answer.protocol, answer.body, answer.is_whole) == (None, "", data, False)


def test_a_status_that_is_no_number_is_none() -> None:
    assert read(b"HTTP/1.1 abc Why\r\nContent-Length: 0\r\n\r\n", "GET").status is None


def test_a_chunk_without_a_size_ends_nothing() -> None:
    answer = read(CHUNKED.replace(b"A\r\n", b"-A\r\n"), "GET")

    assert (answer.is_whole, answer.body) == (False, b"hello")


@pytest.mark.parametrize(
    ("head", "ends"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Close", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive", False),
        (b"HTTP/1.1 200 OK", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: close", True),
    ],
)
def test_whether_the_connection_is_to_end_after_it(head: bytes, ends: bool) -> None:
    assert read(head + b"\r\n\r\n", "GET").announces_the_end is ends


@pytest.mark.parametrize(
    ("head", "method", "has_no_end"),
    [
        (b"HTTP/1.1 101 Switching Protocols", "GET", True),
        (b"HTTP/1.1 102 Processing", "GET", False),
        (b"HTTP/1.1 200 OK", "CONNECT", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2", "CONNECT", True),
        (b"HTTP/1.1 299 OK\r\nTransfer-Encoding: chunked", "CONNECT", True),
        (b"HTTP/1.1 300 No\r\nContent-Length: 2", "CONNECT", False),
        (b"HTTP/1.1 204 None", "GET", False),
        (b"HTTP/1.1 304 None", "GET", False),
        (b"HTTP/1.1 200 OK", "HEAD", False),
    ],
)
def test_whether_it_lasts_as_long_as_the_connection(head: bytes, method: str, has_no_end: bool) -> None:
    assert read(head + b"\r\n\r\n", method).has_no_end is has_no_end


def test_what_follows_an_answer_is_not_its_body() -> None:
    answer = read(LENGTH + b"HTTP/1.1 200 OK", "GET")
    assert (answer.body, answer.is_whole, answer.length) == (b"ab", True, len(LENGTH))
