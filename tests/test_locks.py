"""The supply chain as the repository fixes it: every package by its hashes, every action by its commit, no address."""

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
OVERRIDES = {
    canonicalize_name(each.name): each for each in map(Requirement, PROJECT["tool"]["uv"]["override-dependencies"])
}
"""What is asked for in the place of what packages ask for."""
ENTRY = re.compile(r"^([\w.-]+)==(\S+?)(?: ; (.+?))? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE)


def entries(*names: str) -> dict[str, tuple[Version, str]]:
    """Package → version and marker, of locks; nothing stands in them but entries, comments and the other lock."""
    found: dict[str, tuple[Version, str]] = {}
    for name in names:
        text = (ROOT / "locks" / name).read_text()
        for each in ENTRY.finditer(text):
            package = canonicalize_name(each[1])
            assert package not in found
            found[package] = (Version(each[2]), each[3] or "")
        rest = ENTRY.sub("", text).splitlines()
        assert [line for line in rest if not line.startswith("#")] == (["-r run.txt"] if name == "dev.txt" else [])
        assert "://" not in text
    return found


@pytest.mark.parametrize("names", [["run.txt"], ["run.txt", "dev.txt"]])
def test_the_lock_has_all_that_is_asked_for_and_all_that_that_needs(names: list[str]) -> None:
    locked = entries(*names)
    asked = [*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"]]
    if "dev.txt" in names:
        asked += PROJECT["project"]["optional-dependencies"]["dev"]
    waiting, seen = [Requirement(each) for each in asked], set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        assert name in locked, f"{requirement}: write the lock again (.setup/lock)"
        assert requirement.specifier.contains(locked[name][0], prereleases=True), requirement
        if (name, *sorted(requirement.extras)) in seen:
            continue
        seen.add((name, *sorted(requirement.extras)))
        for text in importlib.metadata.requires(name) or ():
            written = Requirement(text)
            needed = OVERRIDES.get(canonicalize_name(written.name), written)
            if needed.marker is None or any(
                needed.marker.evaluate({"extra": extra}) for extra in ("", *requirement.extras)
            ):
                waiting.append(needed)
    unused = locked.keys() - {name for name, *_ in seen}
    assert {name for name in unused if not (marker := locked[name][1]) or Marker(marker).evaluate()} == set()


def test_the_image_peers_has_what_its_programs_ask_for_in_the_versions_of_a_run() -> None:
    folder = ROOT / "takeover/peers"
    text = (folder / "requirements.txt").read_text()
    found = {canonicalize_name(each[1]): Version(each[2]) for each in ENTRY.finditer(text)}
    assert [line for line in ENTRY.sub("", text).splitlines() if not line.startswith("#")] == []
    assert "://" not in text
    locked = entries("run.txt", "dev.txt")
    assert found == {name: locked[name][0] for name in found}
    waiting = {line for line in (folder / "requirements.in").read_text().splitlines() if not line.startswith("#")}
    assert waiting <= found.keys()
    needed: set[str] = set()
    while waiting:
        needed.add(name := waiting.pop())
        for requirement in map(Requirement, importlib.metadata.requires(name) or ()):
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting |= {canonicalize_name(requirement.name)} - needed
    assert found.keys() == needed


def test_what_is_installed_is_what_is_locked() -> None:
    for name, (version, marker) in entries("run.txt", "dev.txt").items():
        if not marker or Marker(marker).evaluate():
            assert Version(importlib.metadata.version(name)) == version, name


def test_every_action_of_the_workflows_is_fixed_by_its_commit() -> None:
    used = [
        line.partition("uses:")[2].strip()
        for path in (ROOT / ".github/workflows").glob("*.yml")
        for line in path.read_text().splitlines()
        if "uses:" in line
    ]
    assert len(used) > 5
    assert [each for each in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)] == []
