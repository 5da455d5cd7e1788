"""Which processes come from one, and that they end."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from takeover.node.processes import descendants, kill_all

TREE = ["sh", "-c", "sh -c 'sleep 1000 & sleep 1000' & sleep 1000 & echo begun; wait"]


@pytest.fixture
def tree() -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(TREE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.readline()
        Retrying(retry=retry_if_result(lambda there: there < 4), stop=stop_after_delay(60), wait=wait_fixed(0.01))(
            lambda: len(list(descendants(process.pid)))
        )
        yield process
        kill_all([process.pid, *descendants(process.pid)])


def test_parents_come_before_their_children(tree: "subprocess.Popen[str]") -> None:
    found = list(descendants(tree.pid))

    assert len(found) == len(set(found)) == 4
    parents = {each: int(Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[1]) for each in found}
    for number, each in enumerate(found):
        assert parents[each] in [tree.pid, *found[:number]]


def test_all_of_them_end(tree: "subprocess.Popen[str]") -> None:
    found = [tree.pid, *descendants(tree.pid)]
    kill_all(found)
    assert tree.wait(60) == -9
    Retrying(retry=retry_if_result(bool), stop=stop_after_delay(60), wait=wait_fixed(0.01))(
        lambda: [each for each in found if is_running(each)]
    )


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_who_has_ended_has_none_and_need_not_be_ended() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()

    assert list(descendants(ended.pid)) == []
    kill_all([ended.pid])
    assert os.getpid() not in list(descendants(os.getpid()))


def test_who_ends_while_it_is_looked_at_has_none(
    tree: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_: Path) -> str:
        raise ProcessLookupError

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", gone)
        assert list(descendants(tree.pid)) == []
