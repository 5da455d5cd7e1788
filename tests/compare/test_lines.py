"""What people read of differences, line by line: in a list, and one of them in full."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from takeover.compare.comparison import Comparison, Difference, compare
from takeover.compare.detail import breakdown_told, detail, example, in_short
from takeover.compare.kinds import failing
from takeover.compare.listing import listing, values
from takeover.model.document import Breakdown, Document, ProbeResult

Make = Callable[..., Document]


def compared(*documents: Document) -> Comparison:
    return compare({each.envoy.name: lambda each=each: each for each in documents})  # type: ignore[misc]


def shown(documents: Sequence[Document], width: int = 80, kind: str = "") -> list[str]:
    """The lines of the first difference, or of that kind, between the first and the last."""
    comparison = compared(*documents)
    found = next(each for each in comparison.differences if kind in ("", each.kind))
    return list(detail(comparison, found, documents[0], documents[-1], width))


def test_a_probe_in_full(document: Make) -> None:
    new = document("1.40.0", {"status": 403, "body": "no"})
    old = document("1.36.4")
    lines = shown([old, new], 80, "status")
    identity = compared(old, new).differences[0].id

    assert lines[:5] == [
        "status: another status, or another answer before it (1xx)",
        "2 scenarios, edges/plain: status: 200 → 403  (in 1.40.0)",
        "seen in 1.40.0",
        "at 2 places:",
        "  one edges/plain",
    ]
    assert [line.split() for line in lines[5:21]] == [
        ["two", "edges/plain"],
        [],
        ["one", "edges/plain"],
        ["1.36.4", "|", "1.40.0"],
        ["*", "answer", "HTTP/1.1", "200", "OK", "|", "HTTP/1.1", "403", "OK"],
        ["headers", "server:", "envoy", "|", "server:", "envoy"],
        ["x-auth-user:", "alice", "|", "x-auth-user:", "alice"],
        ["content-length:", "2", "|", "content-length:", "2"],
        ["*", "body", "ok", "|", "no"],
        ["connection", "open", "|", "open"],
        ["log", "flags", "-", "|", "-"],
        ["log", "status", "200", "|", "200"],
        ["http.one.downstream_rq_tot", "+1", "|", "+1"],
        ["al", "|"],
        ["dns_cache.one.num_hosts,", "1", "|", "1"],
        ["at", "rest", "|"],
    ]
    assert {line.index("|") for line in lines[8:21]} == {54}
    assert {line.index(word) for line, word in zip(lines[9:12], ("HTTP", "server", "x-auth"), strict=True)} == {30}
    assert lines[21:] == [
        "",
        "to see it again:",
        "  pytest --envoy 1.36.4 --keep --probes -m probes -k 'one and edges'",
        "  pytest --envoy 1.40.0 --keep --probes -m probes -k 'one and edges'",
        "  # then, in client/client, which that says how to enter:",
        "  curl -sv --max-time 5 --http1.1 -X GET --request-target / -H 'Host: probe.example' -H User-Agent: "
        "-H Accept: -H Content-Type: http://app.v1.svc.cluster.local:80",
        "which runtime guard brings the old behaviour back, if one does:",
        f"  takeover explain {identity} 1.36.4 1.40.0",
    ]  # fmt: skip


def test_of_a_check_the_check_explains(document: Make) -> None:
    checked = {"file": "my gateway.yaml", "kind": "bootstrap", "scenario": "gateway"}
    old, new = document("1.36.4", checked=checked), document("1.40.0", {"status": 403}, checked=checked)
    [found] = compared(old, new).differences
    assert shown([old, new])[-1] == (f"  takeover check 'my gateway.yaml' --envoy 1.36.4,1.40.0 --explain {found.id}")


def test_what_one_side_lacks_and_entries_of_a_log_have_their_numbers(document: Make) -> None:
    old = document("a", {"status": None, "protocol": "", "reason": "", "headers": [], "body": ""})
    new = document("b", {"log": [{"flags": "-"}, {"bytes": 1.5}], "interim": [{"status": 103, "reason": "Early"}]})
    lines = shown([old, new], 100)

    assert "* answer before, 1" in [line[:18] for line in lines]
    assert any("103 Early" in line for line in lines)
    assert any(line.startswith("* answer ") and "none" in line and "HTTP/1.1 200 OK" in line for line in lines)
    names = [line[2:].split("  ")[0] for line in lines]
    assert {"log 1, flags", "log 2, bytes", "log flags", "log status"} <= set(names)
    assert any(line.startswith("* log 2, bytes") and line.endswith("| 1.5") for line in lines)


def test_many_places_are_counted(document: Make) -> None:
    probes = document("a").probes * 11
    named = [type(each)(f"{each.scenario}{number}", each.probe, each.request, each.observation)
             for number, each in enumerate(probes)]  # fmt: skip
    changed = [type(each)(each.scenario, each.probe, each.request, document("b", {"status": 403}).probes[0].observation)
               for each in named]  # fmt: skip
    lines = shown([document("a", probes=named), document("b", probes=changed)])

    assert lines[3] == "at 22 places:"
    assert lines[23:25] == ["  two5 edges/plain", "  and 2 more"]


def test_one_place_is_not_listed_and_a_header_says_why_it_matters(document: Make) -> None:
    old = document("a")
    only = [document("b", {"headers": [("server", "envoy"), ("content-length", "2")]}).probes[0]]
    lines = shown([old, document("b", probes=only)])

    assert lines[1] == "one edges/plain: header x-auth-user: alice → nothing  (in b)"
    assert lines[2].startswith("x-auth-user: ")
    assert lines[3:6] == ["seen in b", "", "one edges/plain"]


def outcome(state: str, reason: str = "") -> dict[str, Any]:
    test = {"id": "suites/a.py::test_it[envoy-b]", "scenario": "one", "name": "suites/a.py::test_it", "state": state}
    return {"tests": [test | {"reason": reason}], "probes": []}


def test_a_test_in_full_has_no_guard_to_look_for(document: Make) -> None:
    lines = shown([document("a", **outcome("pass")), document("b", **outcome("fail", "1 is not 2"))])

    assert lines[-3:] == [
        "to see it again:",
        "  pytest --envoy a=PATH --keep 'suites/a.py::test_it[envoy-b]'",
        "  pytest --envoy b=PATH --keep 'suites/a.py::test_it[envoy-b]'",
    ]
    assert any(line.startswith("* state") and line.endswith("| fail") for line in lines)
    assert any(line.startswith("* reason") and line.endswith("| 1 is not 2") for line in lines)


def test_what_is_of_the_binary_has_no_place(document: Make) -> None:
    lines = shown([document("a", binary={"guards": ["x"]}), document("b", binary={"guards": []})])

    assert lines == [
        "guard-gone: a runtime guard is no longer there: its old behaviour cannot be had back",
        "x: there → nothing  (in b)",
        "seen in b",
    ]


def test_a_config_in_full(document: Make) -> None:
    def config(loads: bool, **words: Any) -> dict[str, Any]:
        return {"configs": [{"scenario": "one", "source": "as-written", "loads": loads} | words], "probes": []}

    lines = shown([document("a", **config(True)), document("b", **config(False, error="no x", warnings=["w", "v"]))])

    told = [line for line in lines if line.startswith("*")]
    assert [each.split()[1] for each in told] == ["config", "error", "warnings", "|"]
    assert told[0].endswith("| rejected")
    assert "  pytest --envoy a=PATH --probes -m probes -k facts" in lines


def test_in_short_it_has_each_detail_once_and_where_to_look(document: Make) -> None:
    comparison = compared(document("a", **outcome("pass")), document("b", **outcome("fail", "1 is\nnot 2")))
    [found] = comparison.differences

    assert in_short(comparison, found).splitlines() == [
        "verdict: a test that passed does not any more",
        "one suites/a.py::test_it: test: pass → fail  (in b)",
        r"1 is\nnot 2",
        f"both sides: takeover compare a b --show {found.id}",
    ]
    comparison.where = ["--reports", "other reports"]
    again = in_short(comparison, found).splitlines()[-1]
    assert again == f"both sides: takeover compare a b --reports 'other reports' --show {found.id}"


def test_the_example_is_where_the_first_envoy_that_has_it_has_it(document: Make) -> None:
    changed = document("x", {"status": 403})
    plain = document("x")
    second = document("b", probes=[plain.probes[0], changed.probes[1]])
    third = document("c", probes=[changed.probes[0], plain.probes[1]])
    [found] = compared(document("a"), second, third).differences

    assert [place.scenario for place in found.places] == ["one", "two"]
    assert found.envoys == ["b", "c"]
    assert example(found).scenario == "two"


def test_an_entry_that_is_not_there_is_a_fault(document: Make) -> None:
    old, new = document("a"), document("b", {"status": 403})
    comparison = compared(old, new)
    with pytest.raises(AssertionError, match="one edges/plain is not in the results of b"):
        list(detail(comparison, comparison.differences[0], old, document("b", probes=[]), 80))


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        (None, "", ("nothing", '""')),
        ("a\nb", "c\x00", (r"a\nb", r"c\x00")),
        ("x" * 60, "y" * 60, ("x" * 60, "y" * 60)),
        ("x" * 61, "y", ("x" * 59 + "…", "y")),
        ("s" * 40 + "a" * 30, "s" * 40 + "b" * 30, ("s" * 40 + "a" * 19 + "…", "s" * 40 + "b" * 19 + "…")),
        ("s" * 41 + "a" * 30, "s" * 41 + "b", ("…" + "s" * 20 + "a" * 30, "…" + "s" * 20 + "b")),
        ("s" * 100 + "a", "s" * 100 + "b" * 50, ("…" + "s" * 20 + "a", "…" + "s" * 20 + "b" * 38 + "…")),
        ("s" * 41 + "a", "s" * 41 + "b", ("s" * 41 + "a", "s" * 41 + "b")),
    ],
)
def test_values_are_short_and_show_where_they_begin_to_differ(
    was: str | None, now: str | None, expected: tuple[str, str]
) -> None:
    assert values(was, now) == expected


def test_a_list_is_as_wide_as_its_kinds_and_ends_with_a_summary(document: Make) -> None:
    comparison = compared(
        document("a", binary={"stats": [], "guards": []}),
        document("b", {"status": 403, "warnings": ["w"]}, binary={"stats": ["s"], "guards": ["g", "h"]}),
    )
    by_kind: dict[str, Difference] = {each.kind: each for each in comparison.differences}
    lines = list(listing(comparison, failing(None)))

    assert lines == [
        f"! status   {by_kind['status'].id}  2 scenarios, edges/plain: status: 200 → 403  (in b)",
        f"  warning  {by_kind['warning'].id}  2 scenarios, edges/plain: log: nothing → w  (in b)",
        "  only counted: 2 guard-added, 1 statistic-added (takeover compare a b --all lists them)",
        "5 differences from a in b; 2 of 2 tests and probes compared; 1 of a kind in --fail-on (marked !)",
    ]
    everything = list(listing(comparison, [], everything=True))
    assert len(everything) == 6
    assert not any("only counted" in line or line.startswith("!") for line in everything)
    assert everything[-1] == "5 differences from a in b; 2 of 2 tests and probes compared"
    # What fails has a line, whatever its kind, and the last line counts what is marked.
    fails = list(listing(comparison, failing("guard-added")))
    assert [line.split()[-3:] for line in fails if line.startswith("!")] == [
        ["there", "(in", "b)"],
        ["there", "(in", "b)"],
    ]
    assert "  only counted: 1 statistic-added (takeover compare a b --all lists them)" in fails
    assert fails[-1].endswith("; 2 of a kind in --fail-on (marked !)")


@pytest.mark.parametrize(("status", "answer"), [(None, "no answer"), (200, "HTTP/1.1 200 OK")])
def test_a_breakdown_is_told_with_what_was_seen_until_then(document: Make, status: int | None, answer: str) -> None:
    probe = document("a", {"status": status, "body": "abc"}).probes[0]
    broken = Breakdown("pod/envoy", "ended", exit_code=139, why="its end", log=["one", "[critical] two", "three\x1b"])
    lines = breakdown_told(probe, broken).splitlines()

    assert lines[0] == f"Envoy pod/envoy {broken} under the probe edges/plain of one"
    assert lines[1:4] == [
        "  noticed by: its end",
        f"  observed until then: {answer}; connection: open; 3 bytes of a body; 1 entries in the access log",
        "  it wrote:",
    ]
    assert lines[4:] == ["    [critical] two"]
    quiet = Breakdown("pod/envoy", "ended", exit_code=1, log=[*map(str, range(20)), "x\x1b" + "y" * 300])
    lines = breakdown_told(probe, quiet).splitlines()
    assert [line.strip() for line in lines[4:-1]] == [str(number) for number in range(11, 20)]
    assert lines[-1] == "    " + (r"x\x1b" + "y" * 300)[:200]


@pytest.mark.parametrize(
    ("places", "told"),
    [
        ([("one", "a/x")], "one a/x: body"),
        ([("one", "a/x"), ("two", "a/x")], "2 scenarios, a/x: body"),
        ([("one", "a/x"), ("one", "a/y")], "one, 2 probes: body"),
        ([("one", "a/x"), ("one", "a/y"), ("two", "a/x")], "2 scenarios, 3 probes: body"),
    ],
)
def test_where_it_is_in_few_words(document: Make, places: list[tuple[str, str]], told: str) -> None:
    def probes(body: str) -> list[ProbeResult]:
        [probe] = document("x", {"body": body}).probes[:1]
        return [ProbeResult(scenario, name, probe.request, probe.observation) for scenario, name in places]

    comparison = compared(document("a", probes=probes("ok")), document("b", probes=probes("no")))
    assert f"  {told}: ok → no  (in b)" in next(listing(comparison, failing(None)))
