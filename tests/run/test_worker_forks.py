"""Workers begin as forks of their controller: each is what a new process would be, and none outlives it."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.leftovers import Tag
from tests.run.outside import ROOT, one_line, run

# Says who loads it, and who ends; and what its controller says in the environment when it is configured.
CONFTEST = """
import atexit, os, tempfile
from pathlib import Path

HERE = Path(__file__).parent


def note(what):
    with (HERE / what).open("a") as file:
        file.write(f"{os.getpid()}\\n")


note("loaded")
atexit.register(note, "ended")
MADE = tempfile.TemporaryDirectory(prefix="made-", dir=HERE)


def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        os.environ["CONTROLLER"] = str(os.getpid())
"""
SUITE = """
import os
from pathlib import Path
import pytest


@pytest.mark.parametrize("number", range(8))
def test_it(number):
    assert os.environ["PYTEST_XDIST_WORKER"]
    (Path(__file__).parent / f"{os.getpid()}.ran").write_text(f"{os.getppid()} {os.environ['CONTROLLER']}")
    assert ("sys.stdin.readline" in Path("/proc/self/cmdline").read_text()) == %s
"""
# Is loaded before any conftest.py, by the controller, which removes what it has made.
BEFORE = """
import atexit, os, tempfile
from pathlib import Path

HERE = Path(__file__).parent
MADE = tempfile.TemporaryDirectory(prefix="made-", dir=HERE)


@atexit.register
def ended():
    assert Path(MADE.name).exists()
    with (HERE / "ended-before").open("a") as file:
        file.write(f"{os.getpid()}\\n")
"""
A_THREAD = """
import threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
"""
# Says whenever a process is forked.
FORKS = """
import os
from pathlib import Path

os.register_at_fork(before=lambda: (Path(__file__).parent / "forked").touch())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nscenarios = {ROOT}/manifests\n")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    for name in ("one", "other"):  # those of a file go to one worker
        (tmp_path / f"test_{name}.py").write_text(SUITE % False)
    return tmp_path


def numbers(path: Path) -> Counter[int]:
    return Counter(map(int, path.read_text().split()))


def test_they_are_the_controllers_and_have_what_it_says_when_they_are_asked_for(folder: Path) -> None:
    result = run(str(folder), "-n2")

    assert result.returncode == 0, result.stdout
    ran = [each.read_text().split() for each in folder.glob("*.ran")]
    assert len(ran) == 2
    assert all(parent == controller for parent, controller in ran)


def test_each_loads_what_a_new_process_would_and_ends_as_one(folder: Path) -> None:
    (folder / "before.py").write_text(BEFORE)
    assert run(str(folder), "-n2", "-p", "before", PYTHONPATH=f"{ROOT}:{folder}").returncode == 0

    loaded = numbers(folder / "loaded")
    assert sorted(loaded.values()) == [1, 1, 1]
    assert numbers(folder / "ended") == loaded
    assert len(numbers(folder / "ended-before")) == 1
    assert not list(folder.glob("made-*"))


def test_where_there_are_other_threads_they_are_new_processes(folder: Path) -> None:
    (folder / "a_thread.py").write_text(A_THREAD)
    (folder / "test_one.py").write_text(SUITE % True)
    result = run(str(folder / "test_one.py"), "-n2", "-p", "a_thread", PYTHONPATH=f"{ROOT}:{folder}")

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("options", "code"), [(["-n2", "--maxprocesses=1"], 0), (["-n2", "--reports=/proc/none"], 4), (["-n-2"], 4)]
)
def test_none_is_left_of_those_that_nobody_asked_for(
    folder: Path, options: list[str], code: int, new_tag: Callable[[], Tag]
) -> None:
    tag = new_tag()
    result = run(str(folder), *options, **tag.environment)

    assert result.returncode == code, one_line(result)
    assert not tag.processes()


def test_none_begins_ahead_of_a_look_at_an_option_that_nobody_declares(folder: Path) -> None:
    """It would first read all scenarios for them, which takes many seconds with the atlas."""
    (folder / "forks.py").write_text(FORKS)
    surroundings = {"PYTHONPATH": f"{ROOT}:{folder}"}
    result = run(str(folder), "-n2", "-p", "forks", "--odd", **surroundings)

    assert (result.returncode, "unrecognized arguments: --odd" in result.stderr) == (4, True)
    assert not (folder / "forked").exists()

    with (folder / "conftest.py").open("a") as file:
        file.write("def pytest_addoption(parser):\n    parser.addoption('--odd', action='store_true')\n")
    for name in ("one", "other"):  # where a conftest.py does, they begin as they would without us
        (folder / f"test_{name}.py").write_text(SUITE % True)
    assert run(str(folder), "-n2", "-p", "forks", "--odd", **surroundings).returncode == 0


def test_without_xdist_there_are_none(folder: Path) -> None:
    (folder / "test_one.py").write_text("def test_it(): pass")
    assert run(str(folder / "test_one.py"), "-p", "no:xdist").returncode == 0
    assert len(numbers(folder / "loaded")) == 1
