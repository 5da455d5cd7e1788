"""What a run made is removed at its end, all of it, whoever made it; what could not be removed is told."""

import re
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tenacity

from takeover.base.errors import NotRemovedError, TakeoverError
from takeover.engines.contract import Concurrency
from takeover.run.deployment_key import DeploymentKey
from takeover.run.scene_pool import ScenePool
from tests.run.outside import ROOT, command, one_line, run

# An engine that takes its time to remove things, until the test says so; xdist's patience would be over long before.
CONFTEST = """
import os, pathlib, time
from xdist.workermanage import NodeManager
from takeover.base.errors import NotRemovedError, TakeoverError
from takeover.engines import choose
from takeover.engines.local.engine import LocalEngine

HERE = pathlib.Path(__file__).parent
NodeManager.EXIT_TIMEOUT = 0.5


class Slow(LocalEngine):
    def close(self):
        if not self._nodes._nodes and not os.environ.get("PYTEST_XDIST_WORKER"):
            super().close()  # a controller's, which has made nothing
            return
        mark = HERE / f"{os.getpid()}.closing"
        mark.touch()
        end = time.monotonic() + 300
        while not (HERE / "go").exists() and time.monotonic() < end:
            time.sleep(0.02)
        super().close()
        mark.rename(mark.with_suffix(".closed"))


class Stuck(LocalEngine):
    def close(self):
        super().close()
        raise TakeoverError("stuck: a node is still there")


class Held(LocalEngine):
    def close(self):
        super().close()
        raise NotRemovedError("held: somebody's finalizer")


class Cluster(LocalEngine):
    def how_to_delete(self):
        return "delete it"


choose.register("cluster", lambda *_: Cluster({}))
choose.register("held", lambda *_: Held({}))
choose.register("slow", lambda *_: Slow({}))
choose.register("stuck", lambda *_: Stuck({}))
"""
SUITE = """
import pytest
pytestmark = pytest.mark.scenario("inbound-interception")

@pytest.mark.parametrize("number", range(20))
def test_it(scene, number): pass
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nscenarios = {ROOT}/manifests\n")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    for name in ("test_one.py", "test_two.py"):
        (tmp_path / name).write_text(SUITE)
    return tmp_path


def wait_for(folder: Path, pattern: str, count: int) -> None:
    """Waits until so many files are there."""
    waiting = tenacity.Retrying(
        retry=tenacity.retry_if_result(lambda found: found < count),
        wait=tenacity.wait_fixed(0.05),
        stop=tenacity.stop_after_delay(300),
    )
    waiting(lambda: len(list(folder.glob(pattern))))


def test_ctrl_c_while_all_is_removed_is_said_and_not_obeyed(folder: Path, new_tag: Callable[[], Any]) -> None:
    tag = new_tag()
    with subprocess.Popen(
        command(str(folder), "-n0", "--engine", "slow"),
        cwd=ROOT, env=tag.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        wait_for(folder, "*.closing", 1)
        process.send_signal(signal.SIGINT)
        line = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        (folder / "go").touch()
        _, rest = process.communicate(timeout=300)

    assert line == "Ctrl-C: what this run made is being removed, and this run ends then\n"
    assert rest == ""
    assert process.returncode == 2
    assert len(list(folder.glob("*.closed"))) == 1
    assert tag.processes() == []


@pytest.mark.parametrize("moment", ["tests run", "all is removed"])
def test_workers_are_waited_for_after_ctrl_c(folder: Path, moment: str, new_tag: Callable[[], Any]) -> None:
    tag = new_tag()
    if moment == "tests run":
        for each in folder.glob("test_*.py"):
            each.write_text(SUITE.replace(": pass", ": import time; time.sleep(0.5)"))
    with subprocess.Popen(
        command(str(folder), "-n2", "-v", "--engine", "slow"),
        cwd=ROOT, env=tag.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        seen, passed = [], set[str]()
        for line in process.stdout:
            seen.append(line)
            passed |= {worker for worker in ("[gw0]", "[gw1]") if "PASSED" in line and worker in line}
            if len(passed) == 2:  # each has made an engine, which is what is to be removed
                break
        if moment == "all is removed":
            wait_for(folder, "*.closing", 2)
        process.send_signal(signal.SIGINT)
        for line in process.stdout:
            seen.append(line)
            if "waiting until the workers have removed what they made" in line:
                break
        (folder / "go").touch()
        seen += process.communicate(timeout=300)[:1]

    assert "Traceback" not in "".join(seen)
    assert process.returncode == 2, seen
    assert len(list(folder.glob("*.closed"))) == 2, seen
    assert tag.processes() == []


@pytest.mark.parametrize("arguments", [["-n0"], ["-n2"]])
def test_what_could_not_be_removed_is_one_line(folder: Path, arguments: list[str]) -> None:
    result = run(str(folder), *arguments, "--engine", "stuck")

    [line] = [each for each in one_line(result).splitlines() if each.startswith("ERROR: ")]
    assert line == "ERROR: not all could be removed: stuck: a node is still there"
    assert "40 passed" in result.stdout
    assert result.returncode == 4


@pytest.mark.parametrize("arguments", [["-n0"], ["-n2"]])
def test_what_is_in_other_hands_is_told_and_changes_no_verdict(folder: Path, arguments: list[str]) -> None:
    result = run(str(folder), *arguments, "--engine", "held")

    assert result.stderr.splitlines() == ["not all could be removed: held: somebody's finalizer"]
    assert "40 passed" in result.stdout
    assert result.returncode == 0


@pytest.mark.parametrize(("engine", "is_told"), [("cluster", True), ("local", False)])
def test_what_a_dead_worker_may_have_left_on_a_cluster_is_told(folder: Path, engine: str, is_told: bool) -> None:
    killed = "    if number == 7: import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    (folder / "test_two.py").write_text(SUITE.replace(" pass", f"\n{killed}"))
    result = run(str(folder), "-n2", "--engine", engine, "--max-worker-restart=0")

    told = "gw\\d ended without a word: `takeover clean` shows what may be left"
    assert bool(re.search(told, one_line(result))) == is_told
    assert result.returncode == 1


class Made:
    """Stands for an engine and for a scene."""

    concurrency = Concurrency(at_once=1, ahead=2)
    deployment = None

    def __init__(self, name: str, closed: list[str], error: type[TakeoverError] | None) -> None:
        self._name, self._closed, self._error = name, closed, error

    def close(self) -> None:
        self._closed.append(self._name)
        if self._error is not None:
            raise self._error(f"{self._name} is stuck")


def key(scenario: str) -> DeploymentKey:
    return DeploymentKey(scenario, (), "", "1.40.0", 0, "")


@pytest.mark.parametrize("keep", [False, True])
def test_a_scene_that_cannot_be_closed_keeps_no_other_open_and_fails_no_test(keep: bool) -> None:
    closed: list[str] = []
    is_under_way = threading.Event()

    def deploy(_: object, deployed: DeploymentKey) -> Any:
        if deployed.scenario == "four":
            is_under_way.set()
        return Made(deployed.scenario, closed, None if deployed.scenario == "two" else TakeoverError)

    engine: Any = Made("engine", closed, None)
    pool = ScenePool(lambda: engine, deploy, keep)
    for name in ("one", "two", "three"):
        pool.scene(key(name))
    pool.prefetch([key("three"), key("four")])
    is_under_way.wait(60)

    with pytest.raises(TakeoverError, match=r"^\w+ is stuck; \w+ is stuck; \w+ is stuck$"):
        pool.close()
    assert sorted(closed) == ["engine", "four", "one", "three", "two"]
    assert closed[-1] == "engine"
    pool.close()


@pytest.mark.parametrize(
    ("errors", "told"),
    [((NotRemovedError, NotRemovedError), NotRemovedError), ((NotRemovedError, TakeoverError), TakeoverError)],
)
def test_what_is_in_other_hands_alone_is_told_apart(
    errors: tuple[type[TakeoverError], type[TakeoverError]], told: type[TakeoverError]
) -> None:
    engine: Any = Made("engine", [], errors[1])
    pool = ScenePool(lambda: engine, lambda _, deployed: Made(deployed.scenario, [], errors[0]), keep=False)  # type: ignore[arg-type,return-value]
    pool.scene(key("one"))

    with pytest.raises(TakeoverError, match=r"^one is stuck; engine is stuck$") as raised:
        pool.close()
    assert raised.type is told
