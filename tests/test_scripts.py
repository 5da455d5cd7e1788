"""./run before there is a run: what it takes for a target, and a clone that is somebody else's."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from takeover.run.options import GROUP

ROOT = Path(__file__).parents[1]
# In the place of the environment's Python: shows what it is called with.
PYTHON = "#!/bin/sh\nprintf '%s\\n' \"$@\"\n"
LOOK = 'source .setup/environment.sh; { foundation; requirements; } >"$venv/set-up"'


@pytest.fixture
def clone() -> Iterator[Path]:
    """A clone whose environment is set up, in a folder that everybody can read."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        for each in ("run", "pyproject.toml", "locks/run.txt", ".setup/environment.sh"):
            (folder / each).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / each, folder / each)
        for each in ("suites/outbound/test_one.py", "suites/inbound/test_two.py"):
            (folder / each).parent.mkdir(parents=True)
            (folder / each).touch()
        python = folder / ".venv/bin/python"
        python.parent.mkdir(parents=True)
        python.write_text(PYTHON)
        python.chmod(0o755)
        subprocess.run(["bash", "-c", LOOK], cwd=folder, check=True)
        yield folder


def given_to_pytest(clone: Path, here: str, *arguments: str) -> list[str]:
    """What ./run hands on after `-m pytest`, called from a folder of the clone."""
    script = f"./{os.path.relpath(clone / 'run', clone / here)}"
    ended = subprocess.run(
        [script, *arguments, "--engine=none"], cwd=clone / here, capture_output=True, text=True, check=True
    )
    return ended.stdout.splitlines()[2:-1]


@pytest.mark.parametrize(
    ("here", "arguments"),
    [
        ("suites/outbound", ["test_one.py"]),
        ("suites/outbound", ["test_one.py::test_it[one-two]", "-v"]),
        ("suites", ["--probes", "outbound"]),
        ("suites/outbound", ["."]),
        (".", ["suites/inbound/test_two.py", "-k", "two"]),
        (".venv", ["../suites/inbound"]),
    ],
)
def test_what_is_named_runs_alone_wherever_the_caller_stands(clone: Path, here: str, arguments: list[str]) -> None:
    assert given_to_pytest(clone, here, *arguments) == arguments


def test_no_value_of_an_option_is_taken_for_what_runs(clone: Path, pytestconfig: pytest.Config) -> None:
    declared = pytestconfig._parser.getgroup(GROUP).options  # pytest itself tells of options by their values alone
    with_values = [
        each.names()[-1] for each in declared if each.attrs()["nargs"] != 0 and each.names()[-1] != "--engine"
    ]
    assert "--delivery" in with_values

    (clone / "value").touch()
    for option in with_values:
        assert given_to_pytest(clone, ".", option, "value") == [f"{clone}/suites", option, "value"]


@pytest.mark.parametrize(
    ("here", "arguments"),
    [
        (".", []),
        ("suites/outbound", ["-v"]),
        ("suites", ["-k", "outbound"]),
        (".", ["--reports", "suites"]),
        (".", ["--reports=suites", "-m", "run"]),
        (".", ["--deselect", "suites/inbound/test_two.py"]),
    ],
)
def test_where_nothing_is_named_all_suites_run(clone: Path, here: str, arguments: list[str]) -> None:
    assert given_to_pytest(clone, here, *arguments) == [f"{clone}/suites", *arguments]


@pytest.mark.parametrize(
    ("in_environment", "arguments", "local"),
    [
        ("", [], True),
        ("--engine kubernetes", [], False),
        ("-q --engine=kind", ["-v"], False),
        ("--engine kind", ["--engine", "local"], True),
        ("", ["--engine=kind"], False),
        ("-v\n--engine local", ["--help"], False),
    ],
)
def test_whether_the_local_lab_is_needed(in_environment: str, arguments: list[str], *, local: bool) -> None:
    script = 'set -euo pipefail; source .setup/environment.sh; wants_local_lab "$@"'
    environment = {**os.environ, "PYTEST_ADDOPTS": in_environment}
    ended = subprocess.run(["bash", "-c", script, "run", *arguments], cwd=ROOT, env=environment, check=False)

    assert (ended.returncode == 0) is local


def as_somebody_else(clone: Path) -> "subprocess.CompletedProcess[str]":
    """./run as who may not write there."""
    another = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    return subprocess.run([*another, "./run", "--engine=none"], cwd=clone, capture_output=True, text=True)


@pytest.fixture
def foreign(clone: Path) -> Iterator[Path]:
    """The clone of somebody else."""
    folders = [clone, *(each for each in clone.rglob("*") if each.is_dir())]
    for each in folders:
        each.chmod(0o555)
    yield clone
    for each in folders:
        if each.exists():
            each.chmod(0o755)


def test_the_clone_of_somebody_else_that_is_set_up_is_run(foreign: Path) -> None:
    ended = as_somebody_else(foreign)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[-1] == "--engine=none"


@pytest.mark.parametrize("missing", ["set-up", "bin/python", "all of it"])
def test_the_clone_of_somebody_else_that_is_not_set_up_is_one_line(foreign: Path, missing: str) -> None:
    environment = foreign / ".venv"
    for folder in (foreign, environment, environment / "bin"):
        folder.chmod(0o755)
    if missing == "all of it":
        shutil.rmtree(environment)
    else:
        (environment / missing).unlink()
    for folder in (environment / "bin", environment, foreign):
        if folder.exists():
            folder.chmod(0o555)

    ended = as_somebody_else(foreign)

    owner = foreign.owner()
    line = f"run: cannot write to {foreign}, which belongs to {owner}: make a clone of your own\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", line)
