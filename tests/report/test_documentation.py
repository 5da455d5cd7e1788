"""docs/ is what the suites and manifests are now, and its pictures show what a run measures now."""

import dataclasses
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from takeover.cli.main import main
from takeover.envoy.pypi import installed
from takeover.model.document import Document
from takeover.report.page import sections
from takeover.report.pictures import traces
from takeover.scenario.library import Library
from tests.report.conftest import ROOT
from tests.run.outside import one_line
from tests.with_suites import WITH_SUITES

DOCS = ROOT / "docs"
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "reports/README.md")
WRITTEN = "<!-- Written by: pytest --write-docs=docs -->"


def test_the_pages_are_current(tmp_path: Path) -> None:
    for guide in DOCS.glob("*.md"):
        if not guide.read_text().startswith(WRITTEN):
            shutil.copy(guide, tmp_path)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--write-docs={tmp_path}"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stdout + result.stderr
    written = {path.name: path.read_text() for path in tmp_path.iterdir() if path.read_text().startswith(WRITTEN)}
    assert set(written) == {f"{name}.md" for name in WITH_SUITES} | {"README.md"}
    current = {path.name: path.read_text() for path in DOCS.glob("*.md") if path.read_text().startswith(WRITTEN)}
    assert current == written, "docs/ is not current: pytest --write-docs=docs"


def test_every_guide_is_listed() -> None:
    guides = {path.name for path in DOCS.glob("*.md") if not path.read_text().startswith(WRITTEN)}
    assert guides == {guide for guide in guides if f"]({guide})" in (DOCS / "README.md").read_text()}


def test_the_atlas_has_a_line_for_each_of_its_scenarios() -> None:
    named = set(re.findall(r"\.\./manifests/atlas/([^/]+)/", (DOCS / "atlas.md").read_text()))
    assert named == set(Library.bundled().names()) - set(WITH_SUITES)


def test_links_of_the_pages_lead_somewhere() -> None:
    pages = (*(ROOT / name for name in PAGES), *DOCS.glob("*.md"))
    for page in pages:
        for link in re.findall(r"\]\(([^)]+)\)", page.read_text()):
            if link.startswith("https://"):
                continue
            target, _, heading = link.partition("#")
            linked = page.parent / target if target else page
            assert linked.exists(), f"{page.name}: {link}"
            if heading:
                assert heading in headings(linked), f"{page.name}: {link}"


def headings(page: Path) -> list[str]:
    """As GitHub names them."""
    found = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in found]


@pytest.mark.parametrize("name", ["inbound-interception", "outbound-mesh-service", "outbound-block-all"])
def test_the_pictures_show_the_way_that_is_measured_now(name: str, run_folder: Path, tmp_path: Path) -> None:
    results = str(run_folder / "results/old.json")
    assert main(["paths", str(tmp_path), "--of", results]) == 0
    drawn, current = (stops((folder / f"{name}.svg").read_text()) for folder in (tmp_path, DOCS / "paths"))
    assert drawn == current, f"docs/paths/{name}.svg is not current: ./run && takeover paths docs/paths"


def test_a_scenario_is_shown_by_its_own_suite(documents: Sequence[Document]) -> None:
    """2.2's suite begins in 2.1's scenario, and may run before it."""
    name = "outbound-block-all"
    [section] = [each for each in sections(Library.bundled(), documents, []) if each.about.name == name]
    of_another = [each for each in section.blocks if "test_allow_all" in each.test]
    assert of_another
    own = [each for each in section.blocks if each not in of_another]
    section = dataclasses.replace(section, blocks=[*of_another, *own])
    for drawn in traces(section)[:2]:
        assert "from block all" not in drawn.caption
    page = (DOCS / f"{name}.md").read_text()
    assert "2.2" not in page
    assert "./run suites/outbound/test_block_all.py --keep" in page


def stops(svg: str) -> list[str]:
    """Kinds and names, without addresses, which differ from run to run."""
    found = re.findall(r'<text class="(?:kind|name)"[^>]*>([^<]*)<', svg)
    return [re.sub(r"\d+\.\d+\.\d+\.\d+(:\d+)?", "ADDRESS", each) for each in found]


SUITE = """
import pytest
pytestmark = pytest.mark.scenario("my-app")

@pytest.mark.parametrize("a", [1, 2])
def test_it(scene, a): ...
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A project of one's own: its scenarios are in a folder of another name, and one has what others lack."""
    assert main(["new", "my-app", "--scenarios", str(tmp_path / "mine"), "--suites", str(tmp_path / "suites")]) == 0
    (tmp_path / "pytest.ini").write_text("[pytest]\nscenarios = mine\n")
    (tmp_path / "suites/test_my_app.py").write_text(SUITE)
    for name in ("sabotage.yaml", "probes.yaml"):
        (tmp_path / "mine/my-app" / name).unlink()
    config = tmp_path / "mine/my-app/envoy.yaml"
    config.write_text(re.sub(r"socket_address: \{address: 127[^}]+\}", "pipe: {path: /tmp/it}", config.read_text()))
    return tmp_path


def write(project: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=600)


@pytest.mark.parametrize("more", [[], ["--envoy", f"{installed()[0]},other={installed()[1]}", "--count=2"]], ids=len)
@pytest.mark.parametrize("folder", ["docs", "docs/of/scenarios"])
def test_a_page_of_ones_own_scenario_tells_of_what_is_there(own: Path, more: list[str], folder: str) -> None:
    result = write(own, f"--write-docs={folder}", *more)

    assert result.returncode == 0, result.stdout + result.stderr
    page = own / folder / "my-app.md"
    text = page.read_text()
    assert text.splitlines()[1] == "# my-app"
    assert "| it | 2 |" in text
    assert "| pipe /tmp/it |" in text
    assert "    kubectl apply -k mine/my-app " in text
    assert "    pytest suites/test_my_app.py --keep " in text
    assert "./run" not in text + (page.parent / "README.md").read_text()
    assert "Mistakes" not in text
    for link in re.findall(r"\]\((?!paths/)([^)]+)\)", text):
        assert (page.parent / link).exists(), link


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("", "--write-docs=: give the folder: --write-docs=DIR"),
        ("afile", "--write-docs: cannot write to afile: File exists"),
        ("afile/x", "--write-docs: cannot write to afile/x: Not a directory"),
        ("~nobody-of-that-name/x", "--write-docs ~nobody-of-that-name/x: nobody knows the folder ~nobody-of-that-name"),
    ],
)
def test_where_pages_cannot_be_written_is_one_line(own: Path, given: str, told: str) -> None:
    (own / "afile").touch()
    (own / "README.md").write_text("mine")
    result = write(own, f"--write-docs={given}")

    assert re.search(f"^ERROR: {re.escape(told)}", one_line(result), re.MULTILINE)
    assert result.returncode == 4
    assert (own / "README.md").read_text() == "mine"


def test_bad_input_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["paths", str(tmp_path), "--reports", str(tmp_path / "none")]) == 2
    assert re.fullmatch(r"takeover paths: no results in .*: \./run makes them\n", capsys.readouterr().err)
