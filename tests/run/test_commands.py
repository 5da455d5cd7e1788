"""What a run prints to see a failure again is a command that can be given as it is printed, and does so."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from takeover.envoy.pypi import installed
from tests.run.outside import ROOT, SUITE

VERSION, ENVOY = installed()
MORE = '\n@pytest.mark.parametrize("a", ["with a space"])\ndef test_more(scene, a): assert not a\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """One of one's own, in which there is no `run`, with an Envoy in a folder whose name needs quotes."""
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nscenarios = {ROOT}/manifests\n")
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites/test_it.py").write_text(SUITE + MORE)
    (tmp_path / "my builds").mkdir()
    (tmp_path / "my builds/envoy").symlink_to(ENVOY)
    (tmp_path / "scenarios").symlink_to(ROOT / "manifests")
    return tmp_path


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)


def printed(result: "subprocess.CompletedProcess[str]") -> list[list[str]]:
    """The commands, as a shell takes them."""
    found = re.findall(r"^-+ to reproduce -+\n(.+)$", result.stdout, re.MULTILINE)
    return [shlex.split(each) for each in found]


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        ([], []),
        (["--envoy", VERSION], [[f"--envoy={VERSION}"]]),
        (["--envoy", "my builds/envoy"], [["--envoy=my builds/envoy"]]),
        (
            ["--envoy", f"{VERSION}, mine=my builds/envoy"],
            [[f"--envoy={VERSION}"], ["--envoy=mine=my builds/envoy"]],
        ),
        (["--scenarios=scenarios", "--delivery=file", "--count=2"], []),
    ],
    ids=["nothing", "version", "path", "two", "folder and repeats"],
)
def test_it_chooses_the_test_and_the_envoy_again(project: Path, given: list[str], chosen: list[list[str]]) -> None:
    commands = printed(run(project, "-n0", "-k", "test_more", *given))

    assert len(commands) == max(1, len(chosen)) * (2 if "--count=2" in given else 1)
    for command, words in zip(commands, chosen or [[]] * len(commands), strict=True):
        program, nodeid, *options = command
        assert program == "pytest"
        assert [each for each in options if each.startswith("--envoy")] == words
        again = run(project, nodeid, *(each for each in options if each != "--keep"), "-n0")
        assert "1 failed" in again.stdout, again.stdout + again.stderr
        assert printed(again) == [command]


def test_where_the_project_has_a_run_it_is_that(project: Path) -> None:
    (project / "run").touch(0o755)
    [command] = printed(run(project, "-n0", "-k", "test_more"))

    assert command[0] == "./run"


def test_it_chooses_the_envoy_on_which_no_test_catches_a_sabotage(project: Path) -> None:
    (project / "suites/test_it.py").write_text(SUITE.partition("    assert")[0] + "    pass\n")
    result = run(project, "--sabotage=*/rule-missing", "-n0", "--envoy", f"{VERSION},mine=my builds/envoy")

    found = re.findall(r"^to see it: (.+)$", result.stdout, re.MULTILINE)
    begin = "pytest --sabotage=inbound-interception/rule-missing --engine local"
    assert sorted(found) == [f"{begin} '--envoy=mine=my builds/envoy' --keep", f"{begin} --envoy={VERSION} --keep"]


def test_it_is_seen_from_where_the_run_began(project: Path) -> None:
    [command] = printed(run(project / "suites", "-n0", "-k", "test_more"))

    assert command[1].startswith("test_it.py::test_more[")
