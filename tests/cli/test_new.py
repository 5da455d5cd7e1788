"""`takeover new` writes a scenario that passes as it is, where pytest looks for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from takeover.cli.main import main
from takeover.scenario.library import Library

FILES = {
    *("kustomization.yaml", "pod.yaml", "envoy.yaml", "nginx.conf", "scenario.yaml", "probes.yaml", "sabotage.yaml"),
}


def written(folder: Path) -> set[str]:
    return {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_it_writes_what_the_guide_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "my-app"]) == 0

    assert written(tmp_path) == {*(f"scenarios/my-app/{each}" for each in FILES), "suites/test_my_app.py"}
    scenario = Library(tmp_path / "scenarios").scenario("my-app")
    assert [each.pod for each in scenario.envoys] == ["my-app"]
    assert "pytest --scenarios scenarios suites/test_my_app.py --sabotage" in capsys.readouterr().out
    assert not any("NAME" in each.read_text() for each in tmp_path.rglob("*.*") if each.is_file())


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pytest.ini", "[pytest]\naddopts = -q %d\nscenarios = mine/of us\n"),
        (".pytest.ini", "[pytest]\nscenarios = mine/of us\n"),
        ("tox.ini", "[tox]\nenvlist =\n    a\n[pytest]\nscenarios = mine/of us\n"),
        ("setup.cfg", "[tool:pytest]\nscenarios = mine/of us\n"),
        ("pyproject.toml", '[tool.pytest.ini_options]\nscenarios = "mine/of us"\n'),
    ],
)
def test_it_goes_where_the_ini_file_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, text: str) -> None:
    (tmp_path / file).write_text(text)
    (tmp_path / "deep/er").mkdir(parents=True)
    (tmp_path / "deep/pyproject.toml").write_text("[project]\nname = 'other'\n")
    monkeypatch.chdir(tmp_path / "deep/er")
    assert main(["new", "one"]) == 0
    assert (tmp_path / "mine/of us/one/scenario.yaml").is_file()
    assert (tmp_path / "mine/suites/test_one.py").is_file()


def test_it_goes_where_the_options_say(tmp_path: Path) -> None:
    assert main(["new", "one", "--scenarios", "here", "--suites", "there"]) == 0
    assert written(tmp_path) == {*(f"here/one/{each}" for each in FILES), "there/test_one.py"}


@pytest.mark.parametrize("there", ["scenarios/one", "suites/test_one.py"])
def test_it_overwrites_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str], there: str) -> None:
    (tmp_path / there).parent.mkdir(parents=True)
    (tmp_path / there).write_text("mine")
    assert main(["new", "one"]) == 2
    assert f"takeover new: {there} is there already: nothing was written" in capsys.readouterr().err
    assert written(tmp_path) == {there}


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "suites").write_text("a file in the place of the folder")
    assert main(["new", "one"]) == 2
    assert "takeover new: cannot write suites/test_one.py" in capsys.readouterr().err
    assert written(tmp_path) == {"suites"}
    assert [each.name for each in tmp_path.iterdir()] == ["suites"]


@pytest.mark.parametrize("name", ["", "My", "a/b", "../a", "a_b", "x" * 51])
def test_a_name_that_nothing_could_have_is_one_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", name]) == 2
    assert "takeover new: a scenario" in capsys.readouterr().err


def test_an_ini_file_that_cannot_be_read_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pyproject.toml").write_text("[[")
    assert main(["new", "one"]) == 2
    assert "takeover new: pyproject.toml cannot be read" in capsys.readouterr().err
    assert written(tmp_path) == {"pyproject.toml"}


def test_it_passes_its_probes_are_made_and_its_sabotages_are_caught() -> None:
    assert main(["new", "my-app"]) == 0
    for more, told in (
        (["--probes"], "3 passed"),
        (["--sabotage"], "2 of 2 sabotages caught"),
    ):
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-n0"]
        result = subprocess.run(
            [*command, "--scenarios", "scenarios", "suites", *more],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        assert told in result.stdout, result.stdout
