"""`takeover matrix`: the picture of scenarios and Envoys, from stored results."""

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from takeover.cli.main import main
from takeover.model.document import Document, Outcome
from takeover.report.matrix import matrix
from takeover.scenario.library import Library
from tests.report.suite_that_fails import EVIL

SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314 - we wrote it


def texts(svg: ElementTree.Element) -> list[str]:
    return [each.text or "" for each in svg.iter(f"{SVG}text")]


def test_it_shows_each_scenario_on_each_envoy_in_signs_and_words(
    run_folder: Path, documents: Sequence[Document], tmp_path: Path
) -> None:
    picture = tmp_path / "docs/matrix.svg"
    assert main(["matrix", str(picture), *(str(run_folder / f"results/{name}.json") for name in ("new", "old"))]) == 0
    svg = parsed(picture.read_text())
    shown = texts(svg)
    assert [each for each in shown if each in ("old", "new")] == ["new", "old"]
    assert shown[shown.index("Outbound, block all") + 1] == "Block All 禁止所有流量"
    failed = {(each.envoy.name, test.scenario) for each in documents for test in each.tests if test.state == "fail"}
    assert len([each for each in shown if re.fullmatch(r"✗ \d failed", each)]) == len(failed)
    assert svg.attrib["role"] == "img"
    assert svg.findtext(f"{SVG}title") == "Each scenario on Envoy new and old"
    assert str(svg.findtext(f"{SVG}desc")).startswith("Envoy does not take over as it should on Envoy new and old")


def test_the_latest_run_s_envoys_are_sorted_by_age(documents: Sequence[Document], tmp_path: Path) -> None:
    folder = tmp_path / "latest/results"
    folder.mkdir(parents=True)
    for name in ("mine", "1.40.0", "1.9.1"):
        envoy = msgspec.structs.replace(documents[0].envoy, name=name)
        (folder / f"{name}.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(documents[0], envoy=envoy)))
    assert main(["matrix", str(tmp_path / "matrix.svg"), "--reports", str(tmp_path)]) == 0
    assert texts(parsed((tmp_path / "matrix.svg").read_text()))[:6:2] == ["1.9.1", "1.40.0", "mine"]


def test_every_state_has_a_sign_and_what_comes_from_outside_stays_text(documents: Sequence[Document]) -> None:
    tests = [
        Outcome("a::t", "some", "a::t", "known-failure", "issue 1"),
        Outcome("a::u", "other", "a::u", "unsupported", "needs 1.41"),
        Outcome("a::v", EVIL, "a::v", "not-run", "stopped"),
    ]
    envoy = msgspec.structs.replace(documents[0].envoy, name=EVIL)
    svg = parsed(matrix(Library.bundled(), [msgspec.structs.replace(documents[0], envoy=envoy, tests=tests)]))
    assert {"≈ 1 known failure", "– 1 unsupported", "○ 1 not run"} <= set(texts(svg))
    assert {each.tag.removeprefix(SVG) for each in svg.iter()} == {"svg", "title", "desc", "style", "g", "rect", "text"}
    assert EVIL in str(svg.findtext(f"{SVG}title"))


def test_bad_input_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["matrix", str(tmp_path / "matrix.svg"), "--reports", str(tmp_path / "none")]) == 2
    assert re.fullmatch(r"takeover matrix: no results in .*: \./run makes them\n", capsys.readouterr().err)
