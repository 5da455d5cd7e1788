"""What is published compares as the run's own documents do, and is of the same form."""

import functools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from takeover.cli.main import main
from takeover.compare.comparison import compare
from takeover.model.document import Document, Outcome
from takeover.model.json import WrittenNumber
from takeover.model.measurement import ChoiceMeasurement
from takeover.model.trace import ListenerHop
from takeover.store import documents as store
from takeover.store.publishing import published

REPORTS = Path(__file__).parents[2] / "reports"
VERSIONS = sorted((REPORTS / store.PUBLISHED).glob("*.json"))
HOP, CHOICE = ListenerHop("0.0.0.0_80", {"x": (0, 1)}), ChoiceMeasurement(2, 0.5, 1, ("a", "b"), (0, 2), 1.0)
TEST = Outcome("f.py::t[envoy-1.0]", "one", "f.py::t", "pass", "", 0.5, [[HOP]], [CHOICE])


@pytest.fixture
def reports(tmp_path: Path, document: Callable[..., Document]) -> Path:
    """Where the latest run's results of 1.0 and 2.0 are, which differ in their statuses."""
    made = [
        document("1.0", tests=[TEST], binary={"guards": ["a", "b"]}),
        document("2.0", {"status": 403}, tests=[TEST]),
    ]
    for each in made:
        path = tmp_path / store.LATEST / store.RESULTS / f"{each.envoy.name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.encode(each))
    return tmp_path


def takeover(reports: Path, *arguments: str) -> int:
    return main([*arguments, "--reports", str(reports)])


def test_the_latest_run_is_published_and_compares_alike(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert takeover(reports, "publish") == 0
    assert takeover(reports, "compare", "1.0", "2.0") == 1
    listed = capsys.readouterr().out.splitlines()[2:]
    (reports / store.LATEST / store.RESULTS / "1.0.json").unlink()

    assert takeover(reports, "compare", "1.0", "2.0") == 1
    said, *again = capsys.readouterr().out.splitlines()
    assert said == f"1.0: published results, {reports}/versions/1.0.json"
    assert again == listed
    assert "status: 200 → 403" in again[0]


def test_numbers_are_published_as_they_were_written(document: Callable[..., Document]) -> None:
    seen = {"log": [{"bytes": WrittenNumber("1e+05"), "nested": [WrittenNumber("0.10")]}]}
    assert b'{"bytes":1e+05,"nested":[0.10]}' in published(document("1.0", seen))


def test_every_entry_has_a_line_and_what_is_not_compared_has_none(document: Callable[..., Document]) -> None:
    text = published(document("1.0", tests=[TEST], binary={"guards": ["a", "b"]})).decode()
    read = json.loads(text)

    assert [json.loads(line.rstrip(",")) for line in text.splitlines() if "edges/plain" in line] == read["probes"]
    assert '\n"a",\n"b"\n' in text
    [test] = read["tests"]
    assert (test["evidence"], test["measurements"], test["seconds"], test["state"]) == ([], [], 0, "pass")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"complete": False}, r".*1\.0\.json: its run was stopped before its end: run it again to publish it"),
        ({"probes": []}, r".*1\.0\.json: no probe was observed: run it with --probes to publish it"),
    ],
)
def test_what_tells_too_little_is_not_published(
    reports: Path, document: Callable[..., Document], changed: Any, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    less = msgspec.json.encode(document("1.0", **changed))
    (reports / store.LATEST / store.RESULTS / "1.0.json").write_bytes(less)
    assert takeover(reports, "publish", "1.0") == 2
    assert re.fullmatch(f"takeover publish: {message}\n", capsys.readouterr().err)
    assert not (reports / store.PUBLISHED).exists()


def test_what_tells_less_than_what_is_published_does_not_take_its_place_unasked(
    reports: Path, document: Callable[..., Document], capsys: pytest.CaptureFixture[str]
) -> None:
    assert takeover(reports, "publish") == 0
    less = document("1.0", tests=[TEST])
    less.probes = less.probes[:1]
    (reports / store.LATEST / store.RESULTS / "1.0.json").write_bytes(msgspec.json.encode(less))
    (reports / store.LATEST / store.RESULTS / "0.9.json").write_bytes(msgspec.json.encode(document("0.9")))
    capsys.readouterr()
    assert takeover(reports, "publish") == 2
    told = capsys.readouterr().err
    assert "1.0.json: 1 tests or probes are missing that" in told
    assert "--replace leaves them out" in told
    assert not (reports / store.PUBLISHED / "0.9.json").exists()
    assert takeover(reports, "publish", "--replace") == 0
    assert len(store.read(reports / store.PUBLISHED / "1.0.json").probes) == 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"delivery": "ads"}, "configured by --delivery ads: {new}; by the file as it is written: {old}"),
        ({"engine": "kind"}, "run on the engine kind: {new}; on local: {old}"),
    ],
)
def test_what_was_made_otherwise_does_not_take_the_place_of_published_results_unasked(
    reports: Path,
    document: Callable[..., Document],
    changed: dict[str, str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert takeover(reports, "publish") == 0
    new, old = (reports / f"{folder}/1.0.json" for folder in ("latest/results", "versions"))
    otherwise = document("1.0", tests=[TEST], **changed)
    new.write_bytes(msgspec.json.encode(otherwise))
    before = old.read_bytes()
    capsys.readouterr()
    assert takeover(reports, "publish") == 2
    told = message.format(new=new, old=old)
    assert capsys.readouterr().err == f"takeover publish: {told}: --replace puts it in its place\n"
    assert old.read_bytes() == before
    assert takeover(reports, "publish", "--replace") == 0
    assert old.read_bytes() == published(otherwise)


def test_what_is_published_in_another_form_is_replaced(reports: Path) -> None:
    assert takeover(reports, "publish") == 0
    (reports / store.PUBLISHED / "1.0.json").write_text('{"schema": 0}')
    assert takeover(reports, "publish") == 0
    assert len(store.read(reports / store.PUBLISHED / "1.0.json").probes) == 2


def test_two_of_one_name_are_not_published_over_each_other(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    latest = reports / store.LATEST / store.RESULTS / "1.0.json"
    (reports / "other").mkdir()
    (reports / "other/1.0.json").write_bytes(latest.read_bytes())
    assert takeover(reports, "publish", str(latest), str(reports / "other/1.0.json")) == 2
    assert "other results of 1.0 are named, too" in capsys.readouterr().err
    assert not (reports / store.PUBLISHED).exists()


def test_a_picture_is_where_it_was_asked_for_whatever_a_scenario_is_called(
    reports: Path, document: Callable[..., Document], tmp_path: Path
) -> None:
    bad = msgspec.structs.replace(TEST, scenario="../../escaped")
    (reports / "bad.json").write_bytes(msgspec.json.encode(document("1.0", tests=[bad])))
    assert takeover(reports, "paths", str(tmp_path / "pictures"), "--of", str(reports / "bad.json")) == 0
    assert [each.name for each in tmp_path.rglob("*.svg")] == ["escaped.svg"]
    assert [each.name for each in (tmp_path / "pictures").iterdir()] == ["escaped.svg"]


def test_a_published_document_has_no_pictures(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert takeover(reports, "publish") == 0
    assert takeover(reports, "paths", str(reports / "pictures"), "--of", str(reports / "versions/1.0.json")) == 2
    assert "tells of no trace" in capsys.readouterr().err


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_the_published_results_are_of_the_schema(path: Path) -> None:
    jsonschema.validate(json.loads(path.read_bytes()), json.loads((REPORTS / "schema.json").read_bytes()))
    assert published(store.read(path)) == path.read_bytes()


def test_the_readme_names_differences_of_the_published_results() -> None:
    text = (REPORTS / "README.md").read_text()
    told = re.findall(r"takeover compare (\S+) (\S+) --show ([0-9a-f]{8})", text)
    told += [(old, new, name) for name, old, new in re.findall(r"takeover explain ([0-9a-f]{8}) (\S+) (\S+)", text)]
    assert told
    for *names, difference in told:
        paths = [REPORTS / store.PUBLISHED / f"{name}.json" for name in names]
        comparison = compare({path.stem: functools.partial(store.read, path) for path in paths})
        assert difference in {each.id for each in comparison.differences}
