"""Which scenarios' probes are read: those that -m may choose."""

from pathlib import Path

import pytest

from takeover.base.errors import BadInputError
from takeover.run.probe_groups import ProbeGroups
from takeover.scenario.library import Library
from tests.run.outside import run

MANIFESTS = Path(__file__).parents[2] / "manifests"
INBOUND, IN_ATLAS = "inbound-interception", "path-normalisation"


def write(scenario: Path, chapter: str, probes: str) -> None:
    scenario.mkdir()
    (scenario / "scenario.yaml").write_text(f"chapter: {chapter}\nenvoys: [{{pod: app, container: envoy}}]\n")
    (scenario / "probes.yaml").write_text(probes)


@pytest.mark.parametrize(
    ("chosen", "of_inbound", "of_atlas"),
    [
        ("", True, True),
        ("probes", True, True),
        ("not atlas", True, False),
        ("probes and (gateway or atlas)", False, True),
        ("not probes", False, False),
        ("auth", False, False),
        ("inbound and", True, True),  # pytest itself says what is wrong
    ],
)
def test_what_is_left_out_by_its_marks_is_not_read(chosen: str, of_inbound: bool, of_atlas: bool) -> None:
    groups = ProbeGroups(Library(MANIFESTS), chosen)
    assert (bool(groups[INBOUND]), bool(groups[IN_ATLAS])) == (of_inbound, of_atlas)
    assert (INBOUND in set(groups), IN_ATLAS in set(groups)) == (of_inbound, of_atlas)
    assert groups.chapters() >= {"inbound", "gateway", "atlas"}


GROUPS = "# about\n- group: small  # first\n  probes:\n  - {name: get}\n- group: last\n  text: |\n    - group: no\n"


@pytest.mark.parametrize(
    ("keyword", "chosen"),
    [
        ("", True),
        ("small", True),
        ("SMALL and not last", True),
        ("not small", True),
        ("not small and not last", False),
        ("no", False),  # part of no name: it stands in a text
        ("here and last", True),
        ("probes and kind", True),
        ("small and last", False),  # two groups are two items
        ("small and 1.40", True),
        ("1.39", False),
        ("small and", True),  # pytest itself says what is wrong
    ],
)
def test_what_is_left_out_by_its_names_is_not_read(tmp_path: Path, keyword: str, chosen: bool) -> None:
    write(tmp_path / "here", "kind", GROUPS)
    groups = ProbeGroups(Library(tmp_path), "")
    assert groups.may_be_chosen("here", keyword, ["1.40.0"]) == chosen


@pytest.mark.parametrize(
    "text",
    [
        "- {group: small}\n",
        "  - group: small\n",
        "- group: 'small'\n",
        "---\n- group: small\n",
        "- probes: []\n  group: small\n",
        "- group: first\n- &other\n  group: small\n",
        "",
    ],
)
def test_groups_that_are_written_otherwise_are_read(tmp_path: Path, text: str) -> None:
    write(tmp_path / "here", "kind", text)
    assert ProbeGroups(Library(tmp_path), "").may_be_chosen("here", "nosuch", ["1.40.0"])


def test_one_without_probes_may_be_chosen(tmp_path: Path) -> None:
    write(tmp_path / "here", "kind", "")
    (tmp_path / "here/probes.yaml").unlink()
    assert ProbeGroups(Library(tmp_path), "").may_be_chosen("here", "nosuch", ["1.40.0"])


def test_items_are_chosen_as_pytest_chooses_them() -> None:
    """The names of a real item, as pytest's -k finds them, are those that are told from the file."""
    groups = ProbeGroups(Library(MANIFESTS), "")
    listed = run("suites", "--probes", "-m", "probes", "-k", "weights", "--collect-only", "-q").stdout
    assert "manifests/gateway-weights/probes.yaml::" in listed
    for name in groups:
        assert groups.may_be_chosen(name, "weights", ["1.40.0"]) == (f"/{name}/probes.yaml::" in listed), name


def test_a_file_that_is_wrong_is_told_where_it_is_chosen(tmp_path: Path) -> None:
    for chapter in ("one", "other"):
        write(tmp_path / chapter, chapter, "- no group\n")
    groups = ProbeGroups(Library(tmp_path), "not one")
    assert list(groups) == ["other"]
    assert groups["one"] == ()
    with pytest.raises(BadInputError):
        groups["other"]
