"""Differences on the page, over the published results of three Envoys."""

import functools

from takeover.compare.comparison import compare
from takeover.compare.kinds import failing
from takeover.model.document import StreamAnswer
from takeover.report.compared import Compared, by_kind, counts, views
from takeover.report.index import index
from takeover.scenario.library import Library
from takeover.store import documents as store
from tests.report.conftest import ROOT

PATHS = {version: ROOT / "reports" / store.PUBLISHED / f"{version}.json" for version in ("1.36.4", "1.37.0", "1.40.0")}


def test_without_what_is_not_shown_the_same_is_shown() -> None:
    compared = Compared(
        compare({name: functools.partial(store.read, path) for name, path in PATHS.items()}), failing(None)
    )
    whole = [store.read(path) for path in PATHS.values()]
    kept = [compared.without_what_is_not_shown(store.read(path)) for path in PATHS.values()]

    assert views(compared, kept) == views(compared, whole)
    assert 0 < sum(len(each.probes) for each in kept) < sum(len(each.probes) for each in whole) / 4


def test_what_changed_alike_is_one_row_and_what_cannot_hurt_is_folded_where_it_is_much() -> None:
    documents = [store.read(PATHS[version]) for version in ("1.37.0", "1.40.0")]
    comparison = compare({each.envoy.name: lambda each=each: each for each in documents})  # type: ignore[misc]
    compared = Compared(comparison, failing(None))
    found = views(compared, documents)
    kinds = {each.kind: each for each in by_kind(found)}

    header = kinds["security-header"]
    assert not header.is_folded
    assert sum(len(row.alike) for row in header.rows) == header.number > len(header.rows)
    for row in header.rows:
        assert len({(each.difference.what, each.was, each.now, each.where.split()[0]) for each in row.alike}) == 1
        assert row.where == (
            row.alike[0].where if len(row.alike) == 1 else f"gateway-auth-ext-authz, {len(row.alike)} places"
        )
    assert kinds["statistic"].is_folded
    assert not kinds["route"].is_folded
    assert sorted(view.difference.id for kind in kinds.values() for row in kind.rows for view in row.alike) == sorted(
        each.difference.id for each in found
    )
    page = index(Library.bundled(), documents, [], compared)
    assert all(f'id="difference-{each.difference.id}"' in page for each in found)


def test_one_probe_adds_a_bounded_number_of_bytes_to_the_page() -> None:
    documents = {name: store.read(PATHS["1.40.0"]) for name in ("1.39.3", "1.40.0")}
    for document in documents.values():
        document.probes = document.probes[:1]
    probe = documents["1.40.0"].probes[0]
    # As large as a document takes it: 100 log fields and 2,000 counters that differ.
    probe.observation.log = [{f"field{number}": "x" * 500 for number in range(100)}]
    probe.observation.stats = {f"a{number}.b": 1 for number in range(2_000)}
    probe.observation.body = "y" * 60_000
    documents["1.39.3"].envoy.name = "1.39.3"
    comparison = compare({name: lambda name=name: documents[name] for name in documents})  # type: ignore[misc]
    assert len(comparison.differences) > 2_000

    found = views(Compared(comparison, ()), list(documents.values()))
    shown = [each for each in found if each.example]
    assert len(shown) == 10
    assert {each.see for each in found if not each.example} == {shown[0].difference.id}
    page = index(Library.bundled(), list(documents.values()), [], Compared(comparison, ()))
    assert f'<a href="#difference-{shown[0].difference.id}">' in page
    assert "takeover compare --show has them" in page
    assert len(page) < 3_000_000


def test_the_page_says_how_much_was_compared_and_which_envoys_have_it() -> None:
    partly = store.read(PATHS["1.40.0"])
    partly.probes = partly.probes[:10]
    documents = {"1.36.4": store.read(PATHS["1.36.4"]), "1.37.0": store.read(PATHS["1.37.0"]), "1.40.0": partly}
    comparison = compare({name: lambda name=name: documents[name] for name in documents})  # type: ignore[misc]
    page = index(Library.bundled(), list(documents.values()), [], Compared(comparison, failing(None)))
    assert "of 1616 tests and probes compared: 1616 in 1.37.0, 518 in 1.40.0." in page
    assert "in 1.37.0, not in 1.36.4, not compared in 1.40.0<" in page


def test_the_page_does_not_say_that_nothing_differs_where_nothing_was_compared() -> None:
    documents = [store.read(PATHS["1.40.0"]) for _ in range(2)]
    documents[1].envoy.name, documents[1].complete = "stopped", False
    documents[1].tests, documents[1].probes = [], []
    comparison = compare({each.envoy.name: lambda each=each: each for each in documents})  # type: ignore[misc]
    page = index(Library.bundled(), documents, [], Compared(comparison, failing(None)))
    assert "<p>Nothing was compared: no test and no probe ended both in 1.40.0 and in another Envoy; 0 of 1616 " in page
    assert "of all that was observed" not in page


def test_the_page_shows_each_difference_that_fails_the_run_whatever_its_kind() -> None:
    documents = [store.read(PATHS[version]) for version in ("1.36.4", "1.40.0")]
    comparison = compare({each.envoy.name: lambda each=each: each for each in documents})  # type: ignore[misc]
    for kinds in ("none", "guard-added", "all"):
        compared = Compared(comparison, failing(kinds))
        shown = views(compared, documents)
        assert {each.difference.id for each in shown if each.fails} == {each.id for each in compared.failing}
        assert len(shown) + sum(map(len, counts(compared).values())) == len(comparison.differences)


def test_the_page_shows_frames_streams_and_messages() -> None:
    documents = {name: store.read(PATHS["1.40.0"]) for name in ("1.39.3", "1.40.0")}
    documents["1.39.3"].envoy.name = "1.39.3"
    for name, document in documents.items():
        document.probes = document.probes[:1]
        observed = document.probes[0].observation
        observed.stream_end, observed.frames = "closed", ["SETTINGS ACK", f"GOAWAY NO_ERROR last {len(name)}"]
        observed.streams = [StreamAnswer(3, 200, [("x-of", name)], "<b>", [("x-after", "1")], "reset CANCEL")]
        observed.messages = ["said", name]
    documents["1.40.0"].probes[0].observation.stream_end = "open"
    comparison = compare({name: lambda name=name: documents[name] for name in documents})  # type: ignore[misc]
    [shown] = [each.example for each in views(Compared(comparison, ()), list(documents.values())) if each.example][:1]

    facts = {name: (was, now) for name, was, now in shown.facts}
    assert facts["stream"] == ("closed", "open")
    assert facts["frames"] == ("SETTINGS ACK\nGOAWAY NO_ERROR last 6",) * 2
    assert facts["message 2"] == ("1.39.3", "1.40.0")
    assert facts["stream 3"] == ("200, reset CANCEL",) * 2
    assert facts["stream 3, headers"] == ("x-of: 1.39.3", "x-of: 1.40.0")
    assert facts["stream 3, trailers"] == ("x-after: 1",) * 2
    page = index(Library.bundled(), list(documents.values()), [], Compared(comparison, ()))
    assert "GOAWAY NO_ERROR last 6" in page
    assert "&lt;b&gt;" in page
