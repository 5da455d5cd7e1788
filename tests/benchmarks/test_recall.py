"""A documented change counts as found by version, area and kind of observation, and by nothing else."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from packaging.version import Version

from benchmarks.recall import areas
from benchmarks.recall.areas import Area, Areas, Place, Telling
from benchmarks.recall.configured import Configured, settings
from benchmarks.recall.findings import Results
from benchmarks.recall.matching import Matching, Recall, Row, read_rows
from takeover.base.errors import BadInputError
from takeover.model.document import BinaryResult, Document, Envoy, Observation, ProbeResult
from takeover.model.request import ProbeRequest, ProbeTarget
from takeover.scenario.library import Library

ROOT = Path(__file__).parents[2]
HEAD = "version\tarea\tchange\tguard\thow a client or operator could see it\tneeds\n"
FILTER = frozenset({"type=Filter"})
KNOWN = Areas(
    kinds=["status", "header"],
    observations=[Telling(words="counter", kinds=["statistic", "statistic-added"])],
    needs={"xds": [Place(scenarios=["^xds-"])]},
    beyond={"h3": "HTTP/3"},
    areas=[
        Area(area="^filter$", places=[Place(configured=["^type=Filter$"])], statistics=["^filter\\."]),
        Area(area="frames", places=[Place(protocols=["http2"])], kinds=["frame"]),
        Area(area="udp", beyond="UDP"),
    ],
)


def seen(status: int, **more: object) -> Observation:
    return msgspec.convert({"status": status, **more}, Observation)


def write(folder: Path, version: str, observed: Mapping[str, Observation], stats: list[str] | None = None) -> None:
    """Results in which each probe is named SCENARIO/GROUP/PROBE, asked over HTTP/1 at the port 10001."""
    request = ProbeRequest(source="a/b", to=ProbeTarget(pod="a", port=10001), protocol="http1", path="/")
    probes = [
        ProbeResult(name.partition("/")[0], name.partition("/")[2], request, each) for name, each in observed.items()
    ]
    envoy = Envoy(version, version, "", "", "")
    document = Document(1, "", True, "local", envoy, probes=probes, binary=BinaryResult(stats=stats or []))
    folder.mkdir(exist_ok=True)
    (folder / f"{version}.json").write_bytes(msgspec.json.encode(document))


def met(scenario: str, _: str) -> frozenset[str]:
    return FILTER if scenario == "filtered" else frozenset()


def recall(folder: Path, *rows: Row) -> Recall:
    results = Results([folder])
    matching = Matching(KNOWN, {pair: results.findings(pair) for pair in results.pairs}, met)
    return Recall(matching, KNOWN, rows)


def row(version: str, area: str = "filter", how: str = "the answer", needs: str = "static") -> Row:
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


def test_an_earlier_version_that_the_list_tells_of_counts(folder: Path) -> None:
    assert recall(folder, Row((Version("1.3.0"), Version("1.2.1")), "filter", "", "", "static")).found


def test_what_needs_xds_must_show_where_xds_is(tmp_path: Path) -> None:
    for version, status in (("1.1.0", 200), ("1.2.0", 403)):
        write(tmp_path, version, {"filtered/g/one": seen(status)})
    assert not recall(tmp_path, row("1.2.0", needs="xds")).found
    for version, status in (("1.1.0", 200), ("1.2.0", 403)):
        write(tmp_path, version, {"xds-filtered/g/one": seen(status)})
    results = Results([tmp_path])
    findings = {pair: results.findings(pair) for pair in results.pairs}
    assert Matching(KNOWN, findings, lambda *_: FILTER).found([row("1.2.0", needs="xds")])


def test_what_is_found_in_few_places_is_not_taken_by_a_change_of_a_wider_area(folder: Path) -> None:
    wide = Areas(KNOWN.kinds, [], {}, {}, [*KNOWN.areas, Area(area="wide", places=[Place(protocols=["http1"])])])
    results = Results([folder])
    matching = Matching(wide, {pair: results.findings(pair) for pair in results.pairs}, met)
    for order in ((0, 1), (1, 0)):
        rows = [(row("1.2.0", "wide"), row("1.2.0"))[each] for each in order]
        assert [rows[each].area for each in matching.found(rows)] == ["filter"]


def test_what_shows_everywhere_is_no_change_of_an_area(tmp_path: Path) -> None:
    where = ["filtered/g/one", "plain/g/two", "plain/g/three"]
    for version, status in (("1.1.0", 200), ("1.2.0", 200)):
        write(tmp_path, version, {each: seen(status, headers=[["x", version]]) for each in where})
    assert not recall(tmp_path, row("1.2.0")).found
    write(tmp_path, "1.2.0", {where[0]: seen(200, headers=[["x", "1.2.0"]]), where[1]: seen(200)})
    assert recall(tmp_path, row("1.2.0")).found


def test_what_a_binary_merely_has_is_nothing_that_was_seen_to_change(folder: Path) -> None:
    assert not recall(folder, row("1.3.0", how="a new counter")).found
    write(folder, "1.2.1", {"filtered/g/one": seen(403)}, ["filter.was"])
    write(folder, "1.3.0", {"filtered/g/one": seen(403, stats={"filter.added": 1})}, ["filter.was", "filter.added"])
    assert recall(folder, row("1.3.0", how="a new counter")).found
    assert not recall(folder, row("1.3.0", how="the answer")).found


def test_what_changed_in_one_way_at_one_place_shows_one_change(folder: Path) -> None:
    assert len(recall(folder, row("1.2.0"), row("1.2.0")).found) == 1
    write(folder, "1.1.0", {"filtered/g/one": seen(200), "filtered/g/two": seen(200, headers=[["a", "b"]])})
    write(folder, "1.2.1", {"filtered/g/one": seen(403), "filtered/g/two": seen(200)})
    assert len(recall(folder, row("1.2.0"), row("1.2.0")).found) == 1  # a filter that refuses changes headers, too


def test_a_change_that_can_have_another_difference_leaves_its_own_to_one_that_cannot(folder: Path) -> None:
    write(folder, "1.1.0", {"filtered/g/one": seen(200, stats={"filter.moves": 1})})
    write(folder, "1.2.1", {"filtered/g/one": seen(403)})
    either = row("1.2.0", how="a counter")
    both = Areas(KNOWN.kinds, [Telling(words="counter", kinds=["status", "statistic"])], {}, {}, KNOWN.areas)
    results = Results([folder])
    matching = Matching(both, {pair: results.findings(pair) for pair in results.pairs}, met)
    assert len(matching.found([either, row("1.2.0")])) == 2


def test_what_is_found_by_accident_stands_beside(tmp_path: Path) -> None:
    """Where everything differs everywhere, any version would do: the share is no better than chance."""
    for number in range(1, 4):
        write(tmp_path, f"1.{number}.0", {"filtered/g/one": seen(200 + number)})
    of_all = recall(tmp_path, row("1.2.0"), row("1.3.0")).shares[-1]
    assert (of_all.found, of_all.other_version) == (2, 1.0)
    told = recall(tmp_path, row("1.2.0"), row("1.3.0")).above_chance()
    assert told == "above what chance finds: +0 points of any of these"

    write(tmp_path, "1.3.0", {"filtered/g/one": seen(202)})
    once = recall(tmp_path, row("1.2.0"), row("1.3.0", "frames")).shares[-1]
    assert (once.found, once.other_version, once.other_area) == (1, 0.0, 0.0)
    told = recall(tmp_path, row("1.2.0"), row("1.3.0", "frames")).above_chance()
    assert told == "above what chance finds: +50 points of any of these"


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


def test_what_a_probe_meets_is_its_listener_and_the_clusters_named_there() -> None:
    configured = Configured(Library.bundled())
    normalised, as_it_came = (
        configured.of("path-normalisation", f"normalised/{each}") for each in ("dots", "dots-as-it-came")
    )
    assert "normalize_path=True" in normalised - as_it_came
    assert {"type=Router", "lb_policy=ROUND_ROBIN", "type=STATIC"} & normalised & as_it_came
    assert "port_value=9901" not in normalised
    assert configured.of("none", "") == frozenset()
    assert settings({"a": [{"@type": "type.googleapis.com/x.v3.Y", "b": 1}]}) == {"=", "a=", "type=Y", "b=1"}


def test_the_areas_that_come_with_it_are_read() -> None:
    known = areas.read()
    assert known.called("HTTP/2 codec") is not known.called("HTTP/1 codec")
    assert known.called("no such thing") is None


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
    changes.write_text(f"{HEAD}1.2.0\tLua\tone thing\t\tthe answer\tstatic\n1.2.0\tnobody's\tanother\t\t\th3\n")
    for version, status in (("1.1.0", 200), ("1.2.0", 403)):
        write(tmp_path / "versions", version, {"gateway-auth-lua/hostile/none": seen(status)})

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "benchmarks.recall", *words]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    ended = run(str(changes), str(tmp_path / "versions"), "--found")
    assert ended.returncode == 0, ended.stderr
    assert "1.1.0 → 1.2.0: 1 differences" in ended.stdout
    assert "found      1.2.0  Lua: one thing\n           1.1.0 → 1.2.0, status " in ended.stdout
    assert "not found  1.2.0  nobody's: another [h3] (HTTP/3)\n" in ended.stdout

    bad = run(str(tmp_path / "none.tsv"))
    assert (bad.returncode, bad.stdout, bad.stderr.count("\n")) == (2, "", 1)
