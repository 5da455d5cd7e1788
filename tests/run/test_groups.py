"""Probes are read when their scenario is asked for."""

import shutil
from pathlib import Path

import pytest

from takeover.base.errors import BadInputError
from takeover.run.groups import Groups
from takeover.scenario.library import Library


def test_of_a_library_only_what_is_asked_for_is_read(tmp_path: Path) -> None:
    manifests = Library.bundled().folder
    for name in ("inbound-interception", "outbound-block-all", "bases"):
        shutil.copytree(manifests / name, tmp_path / name)
    broken, without = "outbound-block-all", "gateway-weights"
    (tmp_path / broken / "probes.yaml").write_text("- {group: x}\n")
    shutil.copytree(manifests / without, tmp_path / without, ignore=shutil.ignore_patterns("probes.yaml"))
    groups = Groups(Library(tmp_path))

    assert list(groups) == ["inbound-interception", broken]
    assert "hostile" in {each.name for each in groups["inbound-interception"]}
    assert groups[without] == ()
    with pytest.raises(BadInputError, match=r"outbound-block-all/probes\.yaml:1: "):
        groups[broken]
    with pytest.raises(BadInputError, match="no scenario 'nobody'"):
        groups["nobody"]
