"""What a reader says shows a documented change counts where the results say so, and nowhere else."""

import subprocess
import sys
from pathlib import Path

import pytest
from packaging.version import Version

from benchmarks.recall import reading
from benchmarks.recall.findings import Results
from benchmarks.recall.reading import Reading, Readings
from benchmarks.recall.rows import Row
from takeover.base.errors import BadInputError
from tests.benchmarks.test_recall import HEAD, ROOT, seen, write


def row(version: str = "1.2.0", change: str = "a filter answers 403") -> Row:
    return Row((Version(version),), "filter", change, "by its answer", "static")


def said(**other: str) -> Reading:
    known = {
        "version": "1.2.0",
        "area": "filter",
        "change": "answers 403",
        "scenario": "filtered",
        "probe": "g/o.*",
        "kind": "status",
        "shows": "^status: 200 → 403$",
    }
    return Reading(**{**known, **other})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three versions: with the second two probes of the filter are answered otherwise, with the third another is."""
    reports = tmp_path / "versions"
    then = {"filtered/g/one": 200, "filtered/g/other": 200, "filtered/g/late": 200}
    for version, now in (
        ("1.1.0", {}),
        ("1.2.1", {"filtered/g/one": 403, "filtered/g/other": 403}),
        ("1.3.0", {"filtered/g/one": 403, "filtered/g/other": 403, "filtered/g/late": 403}),
    ):
        stats = {"filter.denied": len(now)}
        write(reports, version, {name: seen(status, stats=stats) for name, status in (then | now).items()})
    return reports


def found(folder: Path, *readings: Reading, rows: tuple[Row, ...] = (row(),)) -> list[int]:
    return list(Readings(readings, Results([folder]).findings()).found(rows))


def test_a_reading_counts_where_the_results_show_what_it_says(folder: Path) -> None:
    assert found(folder, said()) == [0]
    for other in (
        {"scenario": "plain"},
        {"probe": "g/o"},
        {"kind": "verdict"},
        {"shows": "200 → 404"},
        {"version": "1.2.1"},
        {"area": "filters"},
        {"change": "answers 404"},
    ):
        assert found(folder, said(**other)) == [], other


def test_what_came_between_other_versions_shows_nothing(folder: Path) -> None:
    assert found(folder, said(version="1.3.0"), rows=(row("1.3.0"),)) == []
    assert found(folder, said(version="1.3.0", probe="g/late"), rows=(row("1.3.0"),)) == [0]
    assert found(folder, said(probe=".*")) == []  # one like it came later


def test_what_shows_one_row_shows_no_other(folder: Path) -> None:
    rows = row(), row(change="another"), row(change="a third")
    readings = [said(), said(change="another"), said(change="third")]
    assert found(folder, *readings, rows=rows) == [0, 1]  # by two probes


def test_names_of_statistics_help_nothing(folder: Path) -> None:
    assert found(folder, said(kind="statistic", shows="denied"), rows=(row(),)) == []
    assert found(folder, said(kind="statistic", shows=r"^\+0 → \+2$"), rows=(row(),)) == [0]


def test_a_row_has_one_reading_and_a_reading_one_row(folder: Path) -> None:
    for readings, rows in (
        ([said(), said(probe="g/one")], (row(),)),
        ([said()], (row(), row(change="another filter answers 403"))),
    ):
        with pytest.raises(BadInputError, match=r"1\.2\.0 filter: 'answers 403': a row has one reading"):
            found(folder, *readings, rows=rows)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- {version: 1", "cannot be read"),
        ("- {row: 1}", "cannot be read: Object .*: give a list of readings"),
        (
            "- {version: '1', area: a, change: c, scenario: s, probe: '(', kind: status, shows: ''}",
            r"cannot be read: missing \)",
        ),
        ("- {version: '1', area: a, change: c, scenario: s, probe: p, kind: odd, shows: ''}", "no kind odd"),
    ],
)
def test_a_wrong_file_is_told_in_a_line(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "read.yaml"
    file.write_text(text)
    with pytest.raises(BadInputError, match=rf"read\.yaml: {told}"):
        reading.read(file)
    with pytest.raises(BadInputError, match="cannot be read"):
        reading.read(tmp_path / "none")


def test_those_that_come_along_are_of_the_atlas_and_name_no_guard() -> None:
    scenarios = {each.name for each in (ROOT / "manifests").glob("**/") if (each / "probes.yaml").is_file()}
    known = reading.read()
    assert {each.scenario for each in known if each.probe != "corpus"} <= scenarios
    assert not [each for each in known if "reloadable_features" in f"{each.change} {each.shows} {each.probe}"]
    assert len({(each.version, each.area, each.change) for each in known}) == len(known)


def test_the_command_counts_what_a_reader_finds_apart(folder: Path, tmp_path: Path) -> None:
    changes, readings = tmp_path / "changes.tsv", tmp_path / "read.yaml"
    changes.write_text(f"{HEAD}1.2.0\tfilter\ta filter answers 403\t\tby its answer\tstatic\n")
    readings.write_text(
        "- {version: 1.2.0, area: filter, change: answers 403, scenario: filtered, probe: g/one, kind: status,"
        " shows: 200 → 403}\n"
    )
    command = [sys.executable, "-m", "benchmarks.recall", str(changes), str(folder), "--read", str(readings), "--found"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = ran.stdout.splitlines()
    [of_all] = [each for each in lines if each.startswith("all ")]
    assert of_all.split()[1:3] == ["1", "0"]
    assert of_all.split()[-3:-1] == ["1", "100%"]
    assert "read       1.2.0  filter: a filter answers 403" in lines
    assert any("filtered g/one" in each and "200 → 403" in each for each in lines)
    readings.write_text("- odd")
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("python -m benchmarks.recall: ")
    assert ran.stderr.count("\n") == 1
