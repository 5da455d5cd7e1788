"""A documented change counts as found by version, area, kind of observation, and by the terms of both."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from packaging.version import Version

from benchmarks.recall import areas
from benchmarks.recall.areas import Area, Areas, Place, Telling
from benchmarks.recall.configured import Configured, settings
from benchmarks.recall.evidence import Evidence
from benchmarks.recall.findings import Finding, Results
from benchmarks.recall.matching import Matching
from benchmarks.recall.rows import Row, read_rows
from benchmarks.recall.shares import Recall
from takeover.base.errors import BadInputError
from takeover.model.document import BinaryResult, Document, Envoy, Observation, ProbeResult
from takeover.model.request import ProbeRequest, ProbeTarget
from takeover.scenario.library import Library
from takeover.store import documents as store
from takeover.store.together import keep

ROOT = Path(__file__).parents[2]
HEAD = "version\tarea\tchange\tguard\thow a client or operator could see it\tneeds\n"
FILTER = frozenset({"type=Filter", "max_size=7"})
ENOUGH = 0.5  # some of a few listeners
KNOWN = Areas(
    kinds=["status", "header"],
    observations=[Telling(words="counter", kinds=["statistic", "statistic-added"])],
    needs={"xds": [Place(scenarios=["^xds-"])]},
    beyond={"h3": "HTTP/3"},
    areas=[
        Area(area="^filter$", places=[Place(configured=["^type=Filter$"])], statistics=["^filter\\."]),
        Area(area="frames", places=[Place(protocols=["http2"])], kinds=["frame"]),
        Area(area="udp", beyond="UDP"),
        Area(area="anything", places=[Place(protocols=["http1"])]),
    ],
)


def seen(status: int, **more: object) -> Observation:
    return msgspec.convert({"status": status, **more}, Observation)


def write(folder: Path, version: str, observed: Mapping[str, Observation], stats: list[str] | None = None) -> None:
    """Results in which each probe is named SCENARIO/GROUP/PROBE, asked over HTTP/1 at the port 10001, its path /PROBE.

    Five listeners more always answer alike.
    """
    quiet = {f"quiet-{number}/g/nothing": seen(200) for number in range(5)}
    probes = []
    for name, each in {**quiet, **observed}.items():
        scenario, _, probe = name.partition("/")
        request = ProbeRequest(
            source="a/b", to=ProbeTarget(pod="a", port=10001), protocol="http1", path=f"/{name.rpartition('/')[2]}"
        )
        probes.append(ProbeResult(scenario, probe, request, each))
    envoy = Envoy(version, version, "", "", "")
    document = Document(1, "", True, "local", envoy, probes=probes, binary=BinaryResult(stats=stats or []))
    folder.mkdir(exist_ok=True)
    (folder / f"{version}.json").write_bytes(msgspec.json.encode(document))


def met(scenario: str, _: str) -> frozenset[str]:
    return FILTER if scenario.startswith("filtered") else frozenset()


def matching(folder: Path, known: Areas = KNOWN) -> Matching:
    results = Results([folder])
    findings = results.findings()
    return Matching(known, Evidence(findings, results.asked, met), met, ENOUGH)


def recall(folder: Path, *rows: Row, known: Areas = KNOWN) -> Recall:
    return Recall(matching(folder, known), rows)


def row(version: str, area: str = "filter", how: str = "max_size of 7: 403", needs: str = "static") -> Row:
    return Row((Version(version),), area, "something", how, needs)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three versions: with the second the filter answers otherwise, with the third what no filter meets does."""
    reports = tmp_path / "versions"
    write(reports, "1.1.0", {"filtered/g/one": seen(200), "plain/g/two": seen(200)})
    write(reports, "1.2.1", {"filtered/g/one": seen(403), "plain/g/two": seen(200)})
    write(reports, "1.3.0", {"filtered/g/one": seen(403), "plain/g/two": seen(404)}, ["filter.added"])
    return reports


def test_a_change_is_found_between_the_versions_where_it_came_and_in_its_area_only(folder: Path) -> None:
    for version, is_found in (("1.2.0", True), ("1.2.1", True), ("1.1.0", False), ("1.2.2", False), ("1.3.0", False)):
        assert (list(recall(folder, row(version)).found) == [0]) is is_found, version
    assert not recall(folder, row("1.2.0", "frames")).found
    assert not recall(folder, row("1.2.0", "of another kind")).found


def test_what_is_kept_together_is_read_as_the_runs_are(folder: Path, tmp_path: Path) -> None:
    files = sorted(folder.glob("*.json"))
    assert list(keep(map(store.read, files), tmp_path / "kept"))
    whole, kept = Results([folder]), Results([tmp_path / "kept"])
    assert kept.versions == whole.versions

    def told(results: Results) -> list[tuple[str, Finding]]:
        return [(str(pair), each) for pair, found in results.findings().items() for each in found]

    # Which statistics a binary has is not kept.
    assert told(kept) == [each for each in told(whole) if not each[1].kind.startswith("statistic-")]
    assert kept.asked == whole.asked


def test_a_change_is_found_by_what_the_list_and_the_difference_both_name(folder: Path) -> None:
    """In the right area, between the right versions: without a term in common it is another change there."""
    assert recall(folder, row("1.2.0", "anything", "max_size: 403")).found
    for how in ("the answer", "retry_on: connect-failure and 504", "one of the answers"):
        assert not recall(folder, row("1.2.0", "anything", how)).found, how
    # What it says of the change itself, too; it does not say how to see it.
    assert recall(folder, replace(row("1.2.0", "anything", "the answer"), change="max_size of 403")).found
    assert not recall(folder, replace(row("1.2.0"), change="a counter of max_size: 7", how="by a counter")).found
    told = recall(folder, row("1.2.0", "anything", "max_size: 403")).found[0].score
    assert {term for term, _ in told.terms} >= {"403", "siz"}


def test_what_fits_better_between_other_versions_came_there(folder: Path) -> None:
    write(folder, "1.3.0", {"filtered/g/one": seen(429), "plain/g/two": seen(200)})
    assert recall(folder, row("1.2.0")).found
    assert not recall(folder, row("1.2.0", how="max_size of 7: 429")).found
    assert recall(folder, row("1.3.0", how="max_size of 7: 429")).found


def test_a_difference_counts_where_it_first_shows(tmp_path: Path) -> None:
    for version, status in {"1.1.0": 200, "1.2.0": 403, "1.3.0": 200, "1.4.0": 403}.items():
        write(tmp_path, version, {"filtered/g/one": seen(status)})
    rows = [row(version) for version in ("1.2.0", "1.3.0", "1.4.0")]
    assert list(recall(tmp_path, *rows).found) == [0, 1]  # what is mended is another change, what comes again is none


def test_an_earlier_version_that_the_list_tells_of_counts(folder: Path) -> None:
    assert recall(folder, replace(row("1.3.0"), versions=(Version("1.3.0"), Version("1.2.1")))).found


def test_what_needs_xds_must_show_where_xds_is(tmp_path: Path) -> None:
    for version, status in (("1.1.0", 200), ("1.2.0", 403)):
        write(tmp_path, version, {"filtered/g/one": seen(status)})
    assert not recall(tmp_path, row("1.2.0", needs="xds")).found
    for version, status in (("1.1.0", 200), ("1.2.0", 403)):
        write(tmp_path, version, {"xds-filtered/g/one": seen(status)})
    results = Results([tmp_path])

    def filtered(scenario: str, _: str) -> frozenset[str]:
        return met(scenario.removeprefix("xds-"), "")

    of_both = Matching(KNOWN, Evidence(results.findings(), results.asked, filtered), filtered, ENOUGH)
    assert of_both.found([row("1.2.0", needs="xds")])


def test_a_difference_is_given_to_the_change_for_which_it_speaks_most(folder: Path) -> None:
    rows = [row("1.2.0", "anything", "403"), row("1.2.0")]
    for order in ((0, 1), (1, 0)):
        found = recall(folder, *(rows[each] for each in order)).found
        assert [rows[order[each]].area for each in found] == ["filter"]


def test_what_shows_behind_many_listeners_says_nothing_of_what_is_behind_one(tmp_path: Path) -> None:
    where = ["filtered/g/one", *(f"plain-{number}/g/two" for number in range(20))]
    for version in ("1.1.0", "1.2.0"):
        write(tmp_path, version, {each: seen(200, headers=[["x", version]]) for each in where})
    assert not recall(tmp_path, row("1.2.0")).found
    write(tmp_path, "1.2.0", {each: seen(200, headers=[["x", "1.1.0"]]) for each in where[1:]} | {where[0]: seen(200)})
    assert recall(tmp_path, row("1.2.0")).found


def test_what_a_binary_merely_has_is_nothing_that_was_seen_to_change(folder: Path) -> None:
    new = row("1.3.0", how="a new counter, max_size of 7")
    assert not recall(folder, new).found
    write(folder, "1.2.1", {"filtered/g/one": seen(403)}, ["filter.was"])
    write(folder, "1.3.0", {"filtered/g/one": seen(403, stats={"filter.added": 1})}, ["filter.was", "filter.added"])
    assert recall(folder, new).found
    assert not recall(folder, row("1.3.0")).found
    assert not recall(folder, replace(new, area="anything", how="counter added")).found  # names help nothing


def test_what_changed_in_one_way_at_one_probe_shows_one_change(folder: Path) -> None:
    assert len(recall(folder, row("1.2.0"), row("1.2.0")).found) == 1
    write(folder, "1.1.0", {"filtered/g/one": seen(200, headers=[["a", "b"]])})
    write(folder, "1.2.1", {"filtered/g/one": seen(403)})
    assert len(recall(folder, row("1.2.0"), row("1.2.0")).found) == 1  # a filter that refuses changes headers, too
    write(folder, "1.1.0", {"filtered/g/one": seen(200), "filtered/g/two": seen(403)})
    write(folder, "1.2.1", {"filtered/g/one": seen(403), "filtered/g/two": seen(200)})
    assert len(recall(folder, row("1.2.0"), row("1.2.0")).found) == 2


def made_up(number: int) -> tuple[str, frozenset[str]]:
    """A listener with a feature of its own, and what it sets."""
    return f"feature-{number}", frozenset(
        {f"type=Feature{chr(65 + number)}", f"option_{chr(97 + number) * 3}={number}"}
    )


@pytest.fixture
def busy(tmp_path: Path) -> tuple[Matching, list[Row]]:
    """Twenty features, of which at each of three steps another five answer otherwise, and a row for each of those."""
    features = dict(made_up(number) for number in range(20))
    names = list(features)
    for step in range(4):
        now = {name: 400 + at % 5 if at < 5 * step else 200 for at, name in enumerate(names)}
        write(tmp_path, f"1.{step}.0", {f"{name}/g/one": seen(status) for name, status in now.items()})
    known = Areas(["status"], [], {}, {}, [Area(area="any", places=[Place(protocols=["http1"])])])
    results = Results([tmp_path])

    def set_there(scenario: str, _: str) -> frozenset[str]:
        return features.get(scenario, frozenset())

    evidence = Evidence(results.findings(), results.asked, set_there)
    rows = [row(f"1.{at // 5 + 1}.0", "any", f"with option_{chr(97 + at) * 3}: {400 + at % 5}") for at in range(15)]
    return Matching(known, evidence, set_there, 1.0), rows


def test_where_every_step_has_differences_in_every_area_chance_finds_few(busy: tuple[Matching, list[Row]]) -> None:
    """An area and a version alone would find all of these rows at any step."""
    found = Recall(*busy)
    last = found.shares[-1]
    assert last.found == last.rows == 15
    assert last.other_version < 0.1
    least = Matching(busy[0]._areas, busy[0]._evidence, busy[0]._met, 0.0)
    assert all(least.own(each) and least.best(each) for each in busy[1])


def test_what_is_found_by_accident_stands_beside(tmp_path: Path) -> None:
    """Where everything differs everywhere in the same way, any version would do: the share is no better than chance."""
    for number in range(1, 4):
        write(tmp_path, f"1.{number}.0", {"filtered/g/one": seen(200 + number)})
    rows = [row("1.2.0", how="max_size of 7"), row("1.3.0", how="max_size of 7")]
    of_all = recall(tmp_path, *rows).shares[-1]
    assert (of_all.found, of_all.other_version) == (2, 1.0)
    told = recall(tmp_path, *rows).above_chance()
    assert told == "above what chance finds: +0 points of any of these"

    write(tmp_path, "1.3.0", {"filtered/g/one": seen(202)})
    rows[1] = replace(rows[1], area="frames")
    once = recall(tmp_path, *rows).shares[-1]
    assert (once.found, once.other_version, once.other_area) == (1, 0.0, 0.0)
    told = recall(tmp_path, *rows).above_chance()
    assert told == "above what chance finds: +50 points of any of these"


def test_areas_are_exchanged_between_rows_of_one_step(tmp_path: Path) -> None:
    for version, status in (("1.1.0", 200), ("1.2.0", 403)):
        write(tmp_path, version, {"filtered/g/one": seen(status)})
    rows = [row("1.2.0", how="max_size of 7"), row("1.2.0", "frames", "max_size of 7"), row("1.1.0", "anything")]
    of_all = recall(tmp_path, *rows).shares[-1]
    assert (of_all.found, of_all.other_area) == (1, 0.5)  # the one of frames is found in the filter, and not the other


def test_what_words_find_in_the_area_of_others_too_is_no_accident(tmp_path: Path) -> None:
    for version, status in (("1.1.0", 200), ("1.2.0", 403)):
        write(tmp_path, version, {"filtered/g/one": seen(status)})
    rows = [row("1.2.0", how="max_size of 7"), row("1.2.0", "anything", "the answer")]
    of_all = recall(tmp_path, *rows).shares[-1]
    assert (of_all.found, of_all.other_area) == (1, 0.0)


def test_shares_are_told_by_class_and_without_what_the_goal_leaves_out(folder: Path) -> None:
    rows = [row("1.2.0"), row("1.2.0", "udp"), row("1.3.0", needs="h3"), row("1.3.0", needs="xds")]
    shares = recall(folder, *rows).shares
    assert [(each.name, each.rows, each.found) for each in shares] == [
        ("h3", 1, 0),
        ("static", 2, 1),
        ("xds", 1, 0),
        ("all", 4, 1),
        ("none of HTTP/3, UDP", 2, 1),
    ]
    assert " 50%    9%–91% " in shares[-1].line  # Wilson's interval


def test_runs_of_one_version_each_are_compared_with_each_other(folder: Path, tmp_path: Path) -> None:
    alone = []
    for file in folder.iterdir():
        results = tmp_path / "runs" / file.stem / "latest" / "results"
        results.mkdir(parents=True)
        file.rename(results / file.name)
        alone.append(results.parents[1])
    results_of_all = Results(alone)
    together = {str(pair): [each.what for each in found] for pair, found in results_of_all.findings().items()}
    assert together == {"1.1.0 → 1.2.1": ["status"], "1.2.1 → 1.3.0": ["status", "filter.added"]}
    assert [each[0] for each in results_of_all.remarks.values()] == ["7 of 7 probes and tests compared"] * 2
    with pytest.raises(BadInputError, match=r"results of \S+ alone: name those of another version, too$"):
        Results(alone[:1])
    with pytest.raises(BadInputError, match="holds no results of an Envoy: name a run's folder"):
        Results([tmp_path])


def test_several_runs_of_one_version_are_taken_together_the_later_ones_first(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("old", "new", "other-old", "other-new", "again")]
    write(folders[0], "1.1.0", {"plain/g/one": seen(200)})
    write(folders[1], "1.2.1", {"plain/g/one": seen(404)})
    write(folders[2], "1.1.0", {"other/g/two": seen(200)})
    write(folders[3], "1.2.1", {"other/g/two": seen(403)})
    write(folders[4], "1.2.1", {"plain/g/one": seen(500)})
    [found] = Results(folders).findings().values()
    assert sorted((each.was, each.now) for each in found) == [("200", "403"), ("200", "500")]
    document = msgspec.json.decode((folders[4] / "1.2.1.json").read_bytes(), type=Document)
    another = msgspec.structs.replace(document, envoy=msgspec.structs.replace(document.envoy, sha256="another"))
    (folders[4] / "1.2.1.json").write_bytes(msgspec.json.encode(another))
    with pytest.raises(BadInputError, match=r"runs of two binaries that say that they are Envoy 1\.2\.1"):
        Results(folders).findings()


def test_what_a_probe_meets_is_its_listener_and_the_clusters_named_there() -> None:
    configured = Configured(Library.bundled())
    normalised, as_it_came = (
        configured.of("path-normalisation", f"normalised/{each}") for each in ("dots", "dots-as-it-came")
    )
    assert "normalize_path=True" in normalised - as_it_came
    assert {"type=Router", "lb_policy=ROUND_ROBIN", "type=STATIC"} & normalised & as_it_came
    assert "port_value=9901" not in normalised
    at_the_admin_api = configured.of("admin-interface", "pages/home")
    assert "admin=" in at_the_admin_api
    assert "listeners=" not in at_the_admin_api
    assert configured.of("none", "") == frozenset()
    of_corpus = [configured.of(f"routes/{each}", "corpus") for each in ("as-it-is", "host-without-domains")]
    assert [("type=Router" in each, "domains=*" in each) for each in of_corpus] == [(True, True), (True, False)]
    assert configured.of("routes/none", "corpus") == frozenset()
    assert settings({"a": [{"@type": "type.googleapis.com/x.v3.Y", "b": 1}]}) == {"=", "a=", "type=Y", "b=1"}


def test_the_areas_that_come_with_it_are_read() -> None:
    known = areas.read()
    assert known.called("HTTP/2 codec") is not known.called("HTTP/1 codec")
    assert known.called("no such thing") is None
    tls = known.called("TLS")
    assert tls
    for how in ("supported_groups of the upstream ClientHello", "upstream sees RST instead of FIN", "otherwise"):
        assert "upstream" in known.kinds_of(tls, how), how


def test_a_bad_list_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "changes.tsv"
    for text, message in (
        ("a\tb\n", "the first line must name the columns version, area, "),
        (f"{HEAD}1.2.0\tfilter\n", ":2: 2 fields, where 6 belong"),
        (f"{HEAD}new\tfilter\t\t\t\tstatic\n", ":2: 'new' is no version"),
    ):
        file.write_text(text)
        with pytest.raises(BadInputError, match=message) as error:
            read_rows(file)
        assert "\n" not in str(error.value)
    with pytest.raises(BadInputError, match=r"cannot be read.*: give a TSV of changes"):
        read_rows(tmp_path / "none.tsv")


def test_the_guard_of_a_row_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "changes.tsv"
    file.write_text(f"{HEAD}1.2.0\tfilter\tx\tenvoy.guard\tAlready in 1.1.9\tstatic\n")
    assert read_rows(file) == [Row((Version("1.2.0"), Version("1.1.9")), "filter", "x", "Already in 1.1.9", "static")]


def test_the_command_lists_what_is_not_found(tmp_path: Path) -> None:
    changes = tmp_path / "changes.tsv"
    changes.write_text(
        f"{HEAD}1.2.0\tLua\tone thing\t\theader x-odd: 7\tstatic\n"
        "1.2.0\tnobody's\tanother\t\t\th3\n1.2.0\tLua\ta third\t\t\tstatic\n1.3.0\tLua\tlater\t\t\tstatic\n"
    )
    for version, status in (("1.1.0", 200), ("1.2.0", 403)):
        odd = seen(status, headers=[["x-odd", "7"]] if status == 403 else [])
        write(tmp_path / "versions", version, {"gateway-auth-lua/hostile/none": odd})

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "benchmarks.recall", *words]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    ended = run(str(changes), str(tmp_path / "versions"), "--found")
    assert ended.returncode == 0, ended.stderr
    assert "1.1.0 → 1.2.0: 2 differences; 6 of 6 probes and tests compared\n" in ended.stdout
    assert "missing: results of versions before and from 1.3.0 on: 1 rows are not looked at\n" in ended.stdout
    assert "found      1.2.0  Lua: one thing\n           1.1.0 → 1.2.0, header " in ended.stdout
    assert "           score " in ended.stdout
    assert "not found  1.2.0  nobody's: another [h3] (HTTP/3)\n" in ended.stdout
    assert "not found  1.2.0  Lua: a third [static]\n           1.1.0 → 1.2.0, " in ended.stdout

    bad = run(str(tmp_path / "none.tsv"))
    assert (bad.returncode, bad.stdout, bad.stderr.count("\n")) == (2, "", 1)
