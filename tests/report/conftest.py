"""A run of some suites, one of them with failures of every kind, made once for all workers: what reports are tested on.

It is only read: whoever writes does so in a copy.
"""

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from takeover.envoy.pypi import installed
from takeover.model.document import Document
from takeover.report.failure import Failure
from takeover.report.folder import failures_of
from takeover.store import documents as store
from tests.copied import copy_project

ROOT = Path(__file__).parents[2]
_AUTHENTICATION = ("pass_reaches_the_application", "not_is_refused")


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """What a run of two Envoys (one binary under two names) left."""
    place = tmp_path_factory.getbasetemp()
    if hasattr(pytestconfig, "workerinput"):
        place = place.parent  # of all workers of this run, and of no other
    project = place / "reported-project"
    with (place / "reported-project.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (project / "is-made").exists():
            shutil.rmtree(project, ignore_errors=True)  # a worker's that has failed
            _make_run(project)
    return (project / "reports/latest").resolve()


def _make_run(project: Path) -> None:
    project.mkdir()
    copy_project(project)
    shutil.copy(Path(__file__).with_name("suite_that_fails.py"), project / "suites/test_broken.py")
    binary = installed()[1]
    chosen = ["inbound", "outbound", "test_broken.py"]
    chosen += ["gateway/test_weights.py::test_without_a_number_chance_chooses_for_each_request"]
    chosen += ["gateway/test_tcp_ratelimit.py::test_the_bucket_empties_and_refills"]
    chosen += [f"gateway/test_authentication.py::test_who_may_{what}" for what in _AUTHENTICATION]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--reports", str(project / "reports")]
    command += [f"--envoy=old={binary},new={binary}", *(f"suites/{each}" for each in chosen)]
    result = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=600)
    assert result.returncode == 1, result.stdout + result.stderr
    (project / "is-made").touch()


@pytest.fixture(scope="session")
def documents(run_folder: Path) -> Sequence[Document]:
    """Its documents."""
    return [store.read(run_folder / store.RESULTS / f"{name}.json") for name in ("old", "new")]


@pytest.fixture(scope="session")
def failures(run_folder: Path, documents: Sequence[Document]) -> Sequence[Failure]:
    """What failed in it."""
    return failures_of(run_folder, documents)
