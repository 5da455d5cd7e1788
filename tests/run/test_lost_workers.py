"""Workers that die, by somebody's hand or for lack of memory: one alone is replaced, all of them are one line."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

from takeover.model.document import Document
from takeover.run.workers import Workers
from tests.run.outside import ROOT, one_line, run

CONFTEST = """
import os, signal

def die(moment):
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    who, _, when = os.environ["KILLED"].partition(" ")
    if worker and when == moment and who in (worker, "all"):
        os.kill(os.getpid(), signal.SIGKILL)

die("importing")

def pytest_configure(): die("configuring")
def pytest_collection_modifyitems(): die("collecting")
"""
SUITE = """
import pytest
pytestmark = pytest.mark.scenario("inbound-interception")

def test_a(scene): pass
"""
LINE = "ended while starting, without a word: is there enough memory? give fewer with -n, or none (-n0)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nscenarios = {ROOT}/manifests\n")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text(SUITE)
    return tmp_path


@pytest.mark.parametrize("killed", ["gw0 importing", "gw0 collecting", "gw1 configuring"])
def test_one_that_dies_while_it_starts_is_replaced(folder: Path, killed: str) -> None:
    result = run(str(folder), "-n2", "--reports", str(folder / "reports"), KILLED=killed)

    assert "1 passed" in one_line(result)
    assert result.returncode == 0
    [document] = (folder / "reports/latest/results").glob("*.json")
    assert msgspec.json.decode(document.read_bytes(), type=Document).complete


@pytest.mark.parametrize("killed", ["all importing", "all collecting"])
def test_all_that_die_while_they_start_are_one_line(folder: Path, killed: str) -> None:
    result = run(str(folder), "-n2", KILLED=killed)

    assert re.search(rf"^ERROR: workers \(gw\d, gw\d\) {re.escape(LINE)}$", one_line(result), re.MULTILINE)
    assert result.returncode == 4


def test_one_that_dies_of_a_test_is_replaced_and_the_test_has_failed(folder: Path) -> None:
    dies = "import os, signal\n\ndef test_a(): os.kill(os.getpid(), signal.SIGKILL)\n"
    (folder / "test_a.py").write_text(dies)
    result = run(str(folder), "-n2", KILLED="")

    assert "1 failed, 1 passed" in one_line(result)
    assert re.search(r"^worker 'gw\d' crashed while running '\S*test_a.py::test_a'$", one_line(result), re.MULTILINE)
    assert result.returncode == 1


def test_a_test_that_ends_its_worker_has_failed_in_all_that_a_run_writes(folder: Path) -> None:
    dies = "\ndef test_b(scene):\n    import os\n    os._exit(9)\n"
    (folder / "test_it.py").write_text(SUITE + dies)
    result = run(str(folder), "-n2", "--reports", str(folder / "reports"), KILLED="")

    assert "1 failed, 1 passed" in one_line(result)
    [path] = (folder / "reports/latest/results").glob("*.json")
    document = msgspec.json.decode(path.read_bytes(), type=Document)
    [failed] = [each for each in document.tests if each.state == "fail"]
    assert document.complete
    assert re.fullmatch(r"worker 'gw\d' crashed while running '\S*test_it\.py::test_b\[.*\]'", failed.reason)
    [suite] = ElementTree.parse(folder / "reports/latest/junit.xml").getroot()  # noqa: S314  # our own
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("2", "1", "0")
    assert "1 of 2 tests failed" in (folder / "reports/latest/summary.md").read_text()
    assert [each.name for each in (folder / "reports/latest/failures").iterdir() if "test_b" in each.name]


@pytest.mark.parametrize("workers", ["forks", "new processes"])
def test_one_that_dies_before_it_can_be_spoken_with_is_one_line(folder: Path, workers: str) -> None:
    # What dies, or, as a thread of the controller's, keeps it from forking.
    dies = "os.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), signal.SIGKILL))"
    thread = "threading.Thread(target=threading.Event().wait, daemon=True).start()"
    (folder / "dies.py").write_text(f"import os, signal, threading\n{dies if workers == 'forks' else thread}\n")
    if workers != "forks":
        (folder / "sitecustomize.py").write_text(
            "import os, signal, sys\n"
            "if any('sys.stdin.readline' in each for each in sys.orig_argv): os.kill(os.getpid(), signal.SIGKILL)\n"
        )
    result = run(str(folder), "-n2", "-p", "dies", KILLED="", PYTHONPATH=f"{ROOT}:{folder}")

    assert re.search(r"^ERROR: a worker ended while starting, without a word", one_line(result), re.MULTILINE)
    assert result.returncode == 4


class Node:
    """As much of xdist's WorkerController as its scheduler asks for."""

    def __init__(self) -> None:
        self.given: list[Any] = []
        self.shutting_down = False
        self.gateway = SimpleNamespace(id=f"gw{id(self)}")

    def send_runtest_some(self, tests: Any) -> None:
        self.given += tests

    def shutdown(self) -> None:
        self.shutting_down = True

    @property
    def is_at_work(self) -> bool:
        """As a worker does: it begins with a test when it knows of the next one, or that there is none."""
        return len(self.given) > 1 or self.shutting_down


@pytest.fixture
def scheduling() -> Any:
    """What shares tests among two workers."""
    option = SimpleNamespace(loadscopereorder=False)
    config: Any = SimpleNamespace(getoption=lambda _: "load", getvalue=lambda _: ["2*popen"], option=option)
    scopes: Any = SimpleNamespace(of=lambda nodeid: nodeid)
    log: Any = SimpleNamespace(loadscopesched=lambda *_: None)
    nothing: Any = None
    return Workers(nothing, scopes, nothing, nothing).pytest_xdist_make_scheduler(config, log)


TESTS = [f"test_{number}" for number in range(20)]


def test_one_that_replaces_another_gets_no_tests_before_it_has_collected(scheduling: Any) -> None:
    first, second, replacing = Node(), Node(), Node()
    for each in (first, second):
        scheduling.add_node(each)
        scheduling.add_node_collection(each, TESTS)
    scheduling.schedule()
    scheduling.remove_node(first)
    scheduling.add_node(replacing)
    scheduling.schedule()
    assert replacing.given == []

    scheduling.add_node_collection(replacing, TESTS)
    scheduling.schedule()
    assert replacing.given


def test_one_that_dies_once_it_has_collected_is_waited_for(scheduling: Any) -> None:
    first, second, replacing = Node(), Node(), Node()
    for each in (first, second):
        scheduling.add_node(each)
    scheduling.add_node_collection(first, TESTS)
    scheduling.remove_node(first)
    scheduling.add_node(replacing)
    scheduling.add_node_collection(replacing, TESTS)
    assert not scheduling.collection_is_completed

    scheduling.add_node_collection(second, TESTS)
    assert scheduling.collection_is_completed


@pytest.mark.parametrize("has_collected", [False, True])
def test_one_that_dies_before_anything_is_shared_out_sends_nobody_home(scheduling: Any, has_collected: bool) -> None:
    first, second, replacing = Node(), Node(), Node()
    for each in (first, second):
        scheduling.add_node(each)
    scheduling.add_node_collection(second, TESTS[:1])
    if has_collected:
        scheduling.add_node_collection(first, TESTS[:1])
    assert scheduling.remove_node(first) is None
    assert not second.shutting_down

    scheduling.add_node(replacing)
    scheduling.add_node_collection(replacing, TESTS[:1])
    assert scheduling.collection_is_completed
    scheduling.schedule()
    assert [each.is_at_work for each in (second, replacing) if each.given] == [True]


@pytest.mark.parametrize("done", [0, 1, 18])
def test_what_a_dead_one_had_is_done_by_others_but_for_the_test_that_it_died_of(scheduling: Any, done: int) -> None:
    first, second, replacing = Node(), Node(), Node()
    for each in (first, second):
        scheduling.add_node(each)
        scheduling.add_node_collection(each, TESTS)
    scheduling.schedule()
    finished = []
    for _ in range(done):
        finished.append(second.given[0])
        scheduling.mark_test_complete(second, second.given.pop(0))
    died_of = scheduling.remove_node(first)
    assert died_of == TESTS[first.given[0]]

    scheduling.add_node(replacing)
    scheduling.add_node_collection(replacing, TESTS)
    scheduling.schedule()
    while scheduling.has_pending:
        for each in (second, replacing):
            assert each.is_at_work, [each.given for each in (second, replacing)]
            if each.given:
                finished.append(each.given[0])
                scheduling.mark_test_complete(each, each.given.pop(0))

    assert sorted([*(TESTS[each] for each in finished), died_of]) == sorted(TESTS)
