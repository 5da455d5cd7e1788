"""What a test's mark says to begin has begun when its scenario was deployed, while others are tested."""

from pathlib import Path

import pytest

from tests.run.outside import ROOT, run

SUITE = """
import threading

import pytest

STARTED = []
FIRST_RUNS, SECOND_BEGAN = threading.Event(), threading.Event()


def note(scene):
    STARTED.append(scene.deployment.scenario.name)
    if STARTED[-1] == "outbound-block-all":
        assert FIRST_RUNS.wait(120)
        SECOND_BEGAN.set()
    return len(STARTED)


def broken(scene):
    raise ValueError("cannot begin")


@pytest.mark.scenario("inbound-interception", apart="tables", begin=note)
def test_first(scene):
    FIRST_RUNS.set()
    assert SECOND_BEGAN.wait(120)  # although nobody has asked for it
    assert scene.begun(note) == 1
    assert scene.begun(note) == 3  # it was asked for: it begins again
    STARTED.pop()


@pytest.mark.scenario("inbound-interception", apart="tables")
def test_shares_the_deployment(scene):
    assert STARTED == ["inbound-interception", "outbound-block-all"]
    STARTED.append(scene)


@pytest.mark.scenario("inbound-interception", apart="tables")
def test_shares_it_too(scene):
    assert STARTED.pop() is scene


@pytest.mark.scenario("inbound-interception")
def test_does_not_share_it(scene):
    assert scene.begun(note) == 3
    STARTED.pop()


@pytest.mark.scenario("outbound-block-all", apart="tables", begin=note)
def test_second(scene):
    assert scene.begun(note) == 2


@pytest.mark.scenario("outbound-allow-all", fresh=True, begin=broken)
def test_that_it_cannot_begin_is_told_to_who_asks(scene):
    with pytest.raises(ValueError, match="cannot begin"):
        scene.begun(broken)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nscenarios = {ROOT}/manifests\n")
    (tmp_path / "test_it.py").write_text(SUITE)
    return tmp_path


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_it_begins_while_others_are_tested(folder: Path, workers: str) -> None:
    result = run(str(folder), workers)

    assert result.returncode == 0, result.stdout + result.stderr
    assert "6 passed" in result.stdout
