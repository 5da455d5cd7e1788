"""Which scenarios' probes are read: those that -m may choose."""

from pathlib import Path

import pytest

from takeover.base.errors import BadInputError
from takeover.run.probe_groups import ProbeGroups
from takeover.scenario.library import Library

MANIFESTS = Path(__file__).parents[2] / "manifests"
INBOUND, IN_ATLAS = "inbound-interception", "path-normalisation"


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


def test_a_file_that_is_wrong_is_told_where_it_is_chosen(tmp_path: Path) -> None:
    for chapter in ("one", "other"):
        folder = tmp_path / chapter
        folder.mkdir()
        (folder / "scenario.yaml").write_text(f"chapter: {chapter}\nenvoys: [{{pod: app, container: envoy}}]\n")
        (folder / "probes.yaml").write_text("- no group\n")
    groups = ProbeGroups(Library(tmp_path), "not one")
    assert list(groups) == ["other"]
    assert groups["one"] == ()
    with pytest.raises(BadInputError):
        groups["other"]
