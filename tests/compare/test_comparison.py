"""Every way in which two observations, tests, configs or binaries can differ is told, once, under its kind."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from takeover.compare.comparison import Comparison, compare
from takeover.compare.kinds import BY_NAME, failing
from takeover.compare.listing import listing
from takeover.model.document import Document
from takeover.model.json import decoder, encode
from takeover.store import documents as store

Make = Callable[..., Document]


def compared(documents: Sequence[Document]) -> Comparison:
    return compare({each.envoy.name: lambda each=each: each for each in documents})  # type: ignore[misc]


def told(comparison: Comparison) -> list[tuple[str, str, str | None, str | None]]:
    return [(each.kind, each.what, each.was, each.now) for each in comparison.differences]


def test_the_same_under_two_names_has_no_difference(document: Make) -> None:
    assert told(compared([document("a"), document("b")])) == []


def test_how_envoys_were_configured_is_remarked_where_that_differs(document: Make) -> None:
    def delivered(name: str, delivery: Any) -> Document:
        made = document(name)
        made.delivery = delivery
        return made

    both = compared([document("a"), delivered("b", "ads"), delivered("c", UNSET)])
    assert both.remarks == ["configured by --delivery ads: b; by the file as it is written: a"]
    assert compared([delivered("a", "ads"), delivered("b", "ads")]).remarks == []


OTHER_HEADERS = [("server", "envoy"), ("content-length", "2")]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({"status": 403}, ("status", "status", "200", "403")),
        ({"interim": [{"status": 103}]},
         ("status", "answers before (1xx)", "[]", '[{"status":103,"reason":"","headers":[]}]')),
        ({"status": None, "end": "reset", "headers": [], "body": "", "protocol": "", "reason": ""},
         ("connection", "answer", "200 (open)", "none (reset)")),
        ({"end": "closed"}, ("connection", "end", "open", "closed")),
        ({"end": "endless"}, ("connection", "end", "open", "endless")),
        ({"protocol": "HTTP/1.0"}, ("connection", "protocol", "HTTP/1.1", "HTTP/1.0")),
        ({"headers": OTHER_HEADERS}, ("security-header", "header x-auth-user", "alice", None)),
        ({"headers": [("x-more", "1"), *[("server", "envoy"), ("x-auth-user", "alice"), ("content-length", "2")]]},
         ("header", "header x-more", None, "1")),
        ({"headers": [("Server", "envoy"), ("x-auth-user", "alice"), ("content-length", "2")]},
         ("header", "headers: names as written", "server, x-auth-user, content-length",
          "Server, x-auth-user, content-length")),
        ({"headers": [("x-auth-user", "alice"), ("server", "envoy"), ("content-length", "2")]},
         ("header", "headers: order", "server, x-auth-user, content-length", "x-auth-user, server, content-length")),
        ({"headers": [("server", "envoy"), ("x-auth-user", "alice"), ("x-auth-user", "root"), ("content-length", "2")]},
         ("security-header", "header x-auth-user", "alice", '["alice","root"]')),
        ({"trailers": [("set-cookie", "a")]}, ("security-header", "trailer set-cookie", None, "a")),
        ({"reason": "Fine"}, ("header", "reason phrase", "OK", "Fine")),
        # The length follows from the body.
        ({"body": "gone", "headers": [("server", "envoy"), ("x-auth-user", "alice"), ("content-length", "4")]},
         ("body", "body", "ok", "gone")),
        ({"log": [{"flags": "UH", "status": 200}]}, ("log-field", "flags", "-", "UH")),
        ({"log": [{"flags": "-", "status": 200, "route": "v2"}]}, ("route", "route", None, "v2")),
        ({"log": [{"flags": "-", "status": 200, "more": [1]}]}, ("log-field", "more", None, "[1]")),
        ({"log": []}, ("log-field", "entries", "1", "0")),
        ({"stats": {"http.one.downstream_rq_total": 2}}, ("statistic", "http.*.downstream_rq_total", "+1", "+2")),
        ({"stats": {}}, ("statistic", "http.*.downstream_rq_total", "+1", "+0")),
        ({"gauges": {"dns_cache.one.num_hosts": 2}}, ("gauge", "dns_cache.one.num_hosts", "1", "2")),
        ({"gauges": {}}, ("gauge", "dns_cache.one.num_hosts", "1", None)),
        ({"warnings": ["x is deprecated"]}, ("deprecation", "log", None, "x is deprecated")),
        ({"warnings": ["x"]}, ("warning", "log", None, "x")),
    ],
)  # fmt: skip
def test_a_change_of_what_was_seen(document: Make, seen: dict[str, Any], expected: tuple[str, ...]) -> None:
    comparison = compared([document("a"), document("b", seen)])
    assert told(comparison) == [expected]
    # The same change of the same probe in two scenarios is one difference.
    assert comparison.differences[0].scenarios == ["one", "two"]


def test_what_the_application_saw_is_compared_by_line(document: Make) -> None:
    was, now = "host: a\nx-auth-user: alice\nuser-agent: \n", "host: b\nuser-agent: \n"
    comparison = compared([document("a", {"body": was}), document("b", {"body": now})])
    assert told(comparison) == [
        ("security-header", "what the application saw: x-auth-user", "alice", None),
        ("body", "what the application saw: host", "a", "b"),
    ]


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        ("x-a: 1\nx-a: 2\n", "x-a: 2\n", [("what the application saw: x-a", '["1","2"]', "2")]),
        ("x-a: 1\nx-a: 2\n", "x-a: 2\nx-a: 1\n", [("what the application saw: x-a", '["1","2"]', '["2","1"]')]),
        ("a: 1\nb: 2\n", "b: 2\na: 1\n", [("what the application saw: order", "a, b", "b, a")]),
        ("a: 1\nb: 2\nc: 3\n", "b: 2\na: 1\n",
         [("what the application saw: c", "3", None), ("what the application saw: order", "a, b", "b, a")]),
        ("a: b c\n", "a:  b  c \n", [("what the application saw: a", "b c", " b  c ")]),
        ("a: 1\x85 x\n", "a: 1\r\n", [("what the application saw: a", "1\x85 x", "1\r")]),
        ("a:\n", "a: \n", [("body", "a:\n", "a: \n")]),
    ],
)  # fmt: skip
def test_repeated_lines_their_order_and_their_blanks_are_not_lost(
    document: Make, was: str, now: str, expected: list[tuple[str, str, str | None]]
) -> None:
    comparison = compared([document("a", {"body": was}), document("b", {"body": now})])
    assert told(comparison) == [("body", *each) for each in expected]


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        (b"1e+05", b"100000", [("1e+05", "100000")]),
        (b"1.50", b"1.5", [("1.50", "1.5")]),
        (b"[1e5]", b"[1E5]", [("[1e5]", "[1E5]")]),
        (b"1.50", b"1.50", []),
        (b"null", b"", [("null", None)]),
        (b"", b"null", [(None, "null")]),
    ],
)
def test_values_of_the_log_are_compared_as_they_were_written(
    tmp_path: Path, document: Make, was: bytes, now: bytes, expected: list[tuple[str, str]]
) -> None:
    found = []
    for name, value in (("a", was), ("b", now)):
        written = encode(document(name, {"log": [{"bytes": "VALUE"}]}))
        written = written.replace(b'"bytes":"VALUE"', b'"bytes":' + value if value else b"")
        (tmp_path / store.RESULTS).mkdir(exist_ok=True)
        path = store.write(tmp_path, name, written)
        found.append(store.read(path))
        assert store.read(path) == decoder(Document).decode(encode(found[-1]))

    assert told(compared(found)) == [("log-field", "bytes", *each) for each in expected]


def facts(**binary: list[str]) -> dict[str, Any]:
    return {"binary": binary}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (facts(extensions=["a", "b"]), facts(extensions=["a"]), [("extension-gone", "b", "there", None)]),
        (facts(extensions=["a"]), facts(extensions=["a", "b"]), [("extension-added", "b", None, "there")]),
        (facts(flags=["--a"]), facts(), [("flag-gone", "--a", "there", None)]),
        (facts(guards=["a"]), facts(guards=["b"]),
         [("guard-gone", "a", "there", None), ("guard-added", "b", None, "there")]),
        (facts(stats=["a"]), facts(stats=[]), [("statistic-gone", "a", "there", None)]),
        ({}, facts(extensions=["a"]), []),
    ],
)  # fmt: skip
def test_a_change_of_the_binary(document: Make, old: Any, new: Any, expected: list[tuple[str, ...]]) -> None:
    assert told(compared([document("a", **old), document("b", **new)])) == expected


def test_a_statistic_that_the_old_one_did_not_have_is_new(document: Make) -> None:
    stats = {"http.one.downstream_rq_total": 1, "http.one.new": 1, "http.one.idle": 1}
    binary = facts(stats=["http.one.downstream_rq_total", "http.one.idle"])
    comparison = compared([document("a", **binary), document("b", {"stats": stats}, **binary)])
    assert told(comparison) == [
        ("statistic", "http.*.idle", "+0", "+1"),
        ("statistic-added", "http.*.new", None, "moves"),
    ]


def test_large_counters_that_moved_alike_are_no_difference(document: Make) -> None:
    one, other = (document(name, {"stats": {"http.one.downstream_rq_total": int("100000")}}) for name in ("a", "b"))
    assert told(compared([one, other])) == []


def test_an_old_counter_that_moves_at_another_cluster_is_not_new(document: Make) -> None:
    old = document("a", {"stats": {"cluster.one.upstream_rq_2xx": 1}}, **facts(stats=["cluster.one.upstream_rq"]))
    moved = {"cluster.one.upstream_rq_2xx": 1, "cluster.two.upstream_rq": 1, "cluster.two.upstream_rq_2xx": 1}
    new = document("b", {"stats": {**moved, "cluster.two.upstream_new": 1}}, **facts(stats=["cluster.one.upstream_rq"]))
    assert told(compared([old, new])) == [
        ("statistic", "cluster.*.upstream_rq", "+0", "+1"),
        ("statistic", "cluster.*.upstream_rq_2xx", "+0", "+1"),  # the inventory has none of a status: it moved before
        ("statistic-added", "cluster.*.upstream_new", None, "moves"),
    ]


def outcome(state: str, reason: str = "", name: str = "test_it") -> dict[str, Any]:
    return {"tests": [{"id": name, "scenario": "one", "name": name, "state": state, "reason": reason}]}


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [
        ("pass", "fail", ["verdict"]),
        ("pass", "unsupported", ["verdict"]),
        ("pass", "known-failure", ["verdict"]),
        ("fail", "pass", ["verdict-better"]),
        ("pass", "not-run", []),
        ("fail", "fail", []),
    ],
)
def test_a_change_of_a_verdict(document: Make, old: str, new: str, kinds: list[str]) -> None:
    comparison = compared([document("a", **outcome(old)), document("b", **outcome(new, "1 is not 2"))])
    assert [each.kind for each in comparison.differences] == kinds


def config(loads: bool, error: str = "", *warnings: str) -> dict[str, Any]:
    return {"configs": [
        {"scenario": "one", "source": "as-written", "loads": loads, "error": error, "warnings": list(warnings)}
    ]}  # fmt: skip


def test_a_change_of_a_config(document: Make) -> None:
    loads, rejected = document("a", **config(True)), document("b", **config(False, "no such field: x"))
    comparison = compared([loads, rejected])
    assert told(comparison) == [("config-rejected", "config", "loads", "rejected")]
    assert any("no such field: x" in line for line in listing(comparison, failing(None)))
    assert told(compared([rejected, loads])) == [("config-accepted", "config", "rejected", "loads")]
    deprecated = compared([loads, document("c", **config(True, "", "Using deprecated option x"))])
    assert told(deprecated) == [("deprecation", "log", None, "Using deprecated option x")]


def test_ids_are_of_the_content_and_not_of_versions_or_scenarios(document: Make) -> None:
    first = compared([document("1.0"), document("2.0", {"status": 403})]).differences
    other = compared(
        [document("3.0"), document("4.0", {"status": 403}, probes=document("x", {"status": 403}).probes[:1])]
    )
    assert [each.id for each in first] == [each.id for each in other.differences]
    assert len(other.differences[0].places) == 1
    changed = compared([document("1.0"), document("2.0", {"status": 404})]).differences
    assert changed[0].id != first[0].id


@pytest.mark.parametrize(
    ("names", "with_it", "known", "expected"),
    [
        ("1.39.1 1.39.2 1.39.3", "1.39.2 1.39.3", "", "since 1.39.2"),
        ("1.36.2 1.36.2.post1 1.36.3", "1.36.3", "", "since 1.36.3"),
        # The next line begins after the last one of the line before, which is not known by itself.
        ("1.36.4 1.39.3 1.40.0", "1.40.0", "", "in 1.40.0, not in 1.39.3"),
        ("1.36.4 1.39.3 1.40.0", "1.40.0", "1.39.1 1.39.3", "since 1.40.0"),
        ("1.36.4 1.39.1 1.40.0", "1.40.0", "1.39.1 1.39.3", "in 1.40.0, not in 1.39.1"),
        # Nobody has looked at what lies between.
        ("1.36.4 1.37.0 1.40.0", "1.40.0", "", "in 1.40.0, not in 1.37.0"),
        ("1.36.4 1.37.0 1.40.0", "1.37.0 1.40.0", "1.36.4", "in 1.37.0, 1.40.0, not in 1.36.4"),
        ("1.39.0 1.39.1 1.39.3", "1.39.3", "", "in 1.39.3, not in 1.39.1"),
        ("1.39.1 1.39.2 1.39.3", "1.39.2 1.39.3", "1.39.1.post1", "in 1.39.2, 1.39.3, not in 1.39.1"),
        # It went again.
        ("1.39.1 1.39.2 1.39.3", "1.39.2", "", "in 1.39.2, not in 1.39.1, 1.39.3"),
        ("1.36.1 1.36.2 1.36.3 1.36.4 1.36.5 1.36.7", "1.36.2", "", "in 1.36.2, not in 1.36.1, 1.36.3 to 1.36.7"),
        # Backwards, or without a number.
        ("1.40.0 1.36.3 1.36.4", "1.36.3 1.36.4", "", "in 1.36.3, 1.36.4, not in 1.40.0"),
        ("1.39.2 1.39.3 mine", "mine", "", "in mine, not in 1.39.3"),
        ("1.39.3 1.40.0", "1.40.0", "1.39.3", "in 1.40.0"),
    ],
)  # fmt: skip
def test_which_envoys_have_it_says_no_more_than_was_looked_at(
    document: Make, names: str, with_it: str, known: str, expected: str
) -> None:
    documents = [document(each, {"status": 403} if each in with_it.split() else {}) for each in names.split()]
    comparison = compare({each.envoy.name: lambda each=each: each for each in documents}, known.split())  # type: ignore[misc]
    assert any(line.endswith(f"status: 200 → 403  ({expected})") for line in listing(comparison, failing(None)))


def test_an_envoy_whose_probe_was_not_observed_is_not_said_to_be_without(document: Make) -> None:
    whole = document("1.39.1")
    documents = [whole, document("1.39.2", probes=whole.probes[:1]), document("1.39.3", {"status": 403})]
    lines = list(listing(compared(documents), failing(None)))
    assert lines[0].endswith("(in 1.39.3, not in 1.39.1, not compared in 1.39.2)")
    assert lines[-1].startswith(
        "1 difference from 1.39.1 in 1.39.2, 1.39.3; of 2 tests and probes compared: 1 in 1.39.2, 2 in 1.39.3"
    )


def test_what_hurts_most_comes_first_and_new_things_are_counted(document: Make) -> None:
    seen = {"status": 403, "end": "closed", "body": "x", "headers": OTHER_HEADERS, "stats": {}, "warnings": ["x"]}
    comparison = compared(
        [
            document("a", **facts(extensions=["gone"]), **outcome("pass"), **config(True)),
            document("b", seen, **facts(extensions=["new"], stats=["s", "t"]), **outcome("fail"), **config(False)),
        ]
    )
    kinds = [each.kind for each in comparison.differences]
    order = list(BY_NAME)
    assert kinds == sorted(kinds, key=order.index)
    assert kinds[:5] == ["verdict", "config-rejected", "security-header", "status", "connection"]
    lines = list(listing(comparison, failing(None)))
    assert [line[0] for line in lines if line.startswith("! ")] == ["!"] * 5
    assert any("only counted: 1 extension-added, 2 statistic-added" in line for line in lines)
    assert not any(" t: nothing" in line for line in lines)
    assert any(" t: nothing → there" in line for line in listing(comparison, failing(None), everything=True))
    assert lines[-1].endswith("; 5 of a kind in --fail-on (marked !)")


def test_what_cannot_be_compared_is_told(document: Make) -> None:
    whole = document("a")
    comparison = compared([whole, document("b", probes=whole.probes[:1], complete=False, **outcome("not-run"))])
    assert comparison.remarks == [
        "b: the run was stopped: 0 of 1 tests ended",
        "not compared: 1 tests or probes that a has and b has not",
    ]
    assert list(listing(comparison, failing(None)))[-1] == (
        "no difference from a in b; 1 of 3 tests and probes compared"
    )


def test_no_difference_is_said_of_no_envoy_that_could_not_be_compared(document: Make) -> None:
    nothing = document("b", probes=[], complete=False)
    assert list(listing(compared([document("a"), nothing]), failing(None)))[-1] == (
        "nothing was compared: no test and no probe ended both in a and in another Envoy; "
        "0 of 2 tests and probes compared"
    )
    for seen, told in (({}, "no difference from a in c; "), ({"status": 403}, "1 difference from a in c; ")):
        lines = list(listing(compared([document("a"), nothing, document("c", seen)]), failing(None)))
        assert lines[-1].startswith(f"{told}of 2 tests and probes compared: 0 in b, 2 in c")


def test_a_probe_that_sent_something_else_is_not_compared(document: Make) -> None:
    other = document("b", {"status": 403})
    for each in other.probes:
        each.request = msgspec.structs.replace(each.request, path="/other")
    comparison = compared([document("a"), other])
    assert told(comparison) == []
    [remark] = comparison.remarks
    assert remark == (
        "not compared: 2 probes (one edges/plain, two edges/plain) for which a and b were sent other requests"
    )
    assert comparison.compared == {"b": 0}
    # A third one has it: nobody knows whether this one has.
    [listed] = [
        each for each in listing(compared([document("a"), document("c", {"status": 403}), other]), []) if "→" in each
    ]
    assert listed.endswith("(in c, not in a, not compared in b)")


def test_what_neither_does_or_both_fail_is_no_sign_that_they_are_alike(document: Make) -> None:
    states = [
        {"id": f"s.py::{each}", "scenario": "one", "name": f"s.py::{each}", "state": each}
        for each in ("unsupported", "fail", "pass")
    ]
    comparison = compared([document("a", tests=states), document("b", tests=states)])
    assert comparison.remarks == [
        "not compared: 1 test (s.py::unsupported) that neither a nor b supports",
        "alike, for whatever reason: 1 test (s.py::fail) that failed on a and b",
    ]
    assert (comparison.compared, comparison.total) == ({"b": 4}, 5)
    # One that does it no more is a change of its verdict.
    was = [{**states[0], "state": "pass"}]
    assert [each.kind for each in compared([document("a", tests=was), document("b", tests=states)]).differences] == [
        "verdict"
    ]


def test_engines_are_remarked_where_they_differ(document: Make) -> None:
    both = compared([document("a"), document("b", engine="kind")])
    assert both.remarks == ["run on the engine kind: b; on local: a"]


def test_statistics_that_other_configs_gave_are_not_compared(document: Make) -> None:
    one = [{"scenario": "one", "source": "manifest", "loads": True}]
    two = [*one, {"scenario": "two", "source": "manifest", "loads": True}]
    told_of = facts(stats=["a"]), facts(stats=["a", "b"])
    apart = compared([document("a", configs=one, **told_of[0]), document("b", configs=two, **told_of[1])])
    assert told(apart) == []
    assert apart.remarks == [
        "not compared: configs that b has and a has not: 1",
        "not compared: which statistics a and b have, as they were asked with other scenarios",
    ]
    unasked = compared([document("a", configs=one, **told_of[0]), document("b")])
    assert unasked.remarks == [
        "not compared: configs that a has and b has not: 1",
        "not compared: extensions, flags, guards and statistics: b was not asked for them",
    ]
    alike = compared([document("a", configs=two, **told_of[0]), document("b", configs=two, **told_of[1])])
    assert (told(alike), alike.remarks) == ([("statistic-added", "b", None, "there")], [])


FRAMED: dict[str, Any] = {
    "stream_end": "closed",
    "frames": ["SETTINGS A=1", "SETTINGS ACK", "HEADERS 1 :status 200 END_STREAM"],
    "streams": [{"stream": 3, "status": 200, "headers": [("server", "envoy")], "body": "ok", "end": "closed"}],
    "messages": ["hello"],
}


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({"stream_end": "reset CANCEL"}, ("connection", "the stream's end", "closed", "reset CANCEL")),
        ({"frames": ["SETTINGS A=1", "HEADERS 1 :status 200 END_STREAM", "SETTINGS ACK"]},
         ("frame", "frames", "SETTINGS ACK\nHEADERS 1 :status 200 END_STREAM",
          "HEADERS 1 :status 200 END_STREAM\nSETTINGS ACK")),
        ({"frames": ["SETTINGS ACK", "SETTINGS A=1", "HEADERS 1 :status 200 END_STREAM"]},
         ("frame", "order of frames", "SETTINGS A=1\nSETTINGS ACK\nHEADERS 1 :status 200 END_STREAM",
          "SETTINGS ACK\nSETTINGS A=1\nHEADERS 1 :status 200 END_STREAM")),
        ({"frames": ["SETTINGS A=2", "SETTINGS ACK", "HEADERS 1 :status 200 END_STREAM"]},
         ("frame", "SETTINGS", "SETTINGS A=1", "SETTINGS A=2")),
        ({"frames": ["SETTINGS A=1", "SETTINGS ACK", "HEADERS 1 :status 200 END_STREAM", "GOAWAY NO_ERROR last 1"]},
         ("connection", "how frames end it", None, "GOAWAY NO_ERROR last 1")),
        ({"messages": ["hello", "you"]}, ("body", "messages", '["hello"]', '["hello","you"]')),
        ({"streams": [FRAMED["streams"][0] | {"status": 503}]}, ("status", "stream 3: status", "200", "503")),
        ({"streams": [FRAMED["streams"][0] | {"body": "no"}]}, ("body", "stream 3: body", "ok", "no")),
        ({"streams": [FRAMED["streams"][0] | {"headers": [("server", "envoy"), ("set-cookie", "a")]}]},
         ("security-header", "stream 3: header set-cookie", None, "a")),
        ({"streams": [FRAMED["streams"][0] | {"end": "reset CANCEL"}]},
         ("connection", "stream 3: the stream's end", "closed", "reset CANCEL")),
        ({"streams": []}, ("connection", "stream 3: answer", "200 (open)", "none (open)")),
    ],
)  # fmt: skip
def test_a_change_of_frames_streams_and_messages(
    document: Make, seen: dict[str, Any], expected: tuple[str, ...]
) -> None:
    assert told(compared([document("a", FRAMED), document("b", FRAMED | seen)])) == [expected]


def test_what_a_result_of_before_does_not_tell_is_no_change(document: Make) -> None:
    assert told(compared([document("a"), document("b", FRAMED | {"streams": []})])) == []
    assert told(compared([document("a", FRAMED | {"streams": []}), document("b")])) == []
