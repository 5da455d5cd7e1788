"""How nodes end: with their owner, whatever goes on in them. What runs in these takes no request and no end of any."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from takeover.base.errors import TakeoverError
from takeover.node import root, wire
from takeover.node.client import NodeClient
from takeover.node.nodes import Nodes
from takeover.node.processes import descendants, kill_all

ROOT = Path(__file__).parents[2]
DEAF = "tests.node.deaf"
PROGRAM = f"""
import sys
from takeover.node import root, wire
from takeover.node.nodes import Nodes

ends = []
nodes = Nodes("{DEAF}", isolated=sys.argv[1] == "True")
for _ in range(2):
    nodes.new(lambda end: ends.append(end) or type("Client", (), {{}})(), {{}}, root.for_programs())
    wire.receive(ends[-1])
print("there", flush=True)
sys.stdin.readline()
"""


@pytest.fixture(params=[True, False], ids=["namespaces", "processes alone"])
def isolated(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def nodes(isolated: bool, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    monkeypatch.chdir(ROOT)
    before = set(descendants(os.getpid()))
    yield Nodes(DEAF, isolated=isolated)
    kill_all(set(descendants(os.getpid())) - before)  # nothing, unless a test has failed


def new(nodes: Nodes) -> NodeClient:
    """A node in which all runs."""
    ends: list[socket.socket] = []

    def client(end: socket.socket) -> NodeClient:
        ends.append(end)
        return NodeClient(end)

    node = nodes.new(client, {}, root.for_programs())
    ends[0].settimeout(60)
    assert wire.receive(ends[0])[0] == "there"
    return node


def test_a_node_ends_with_its_owners_end_whatever_keeps_what_runs_in_it(nodes: Nodes) -> None:
    new(nodes).close()
    nodes.close()


def test_all_nodes_end_when_their_maker_does(nodes: Nodes) -> None:
    kept = [new(nodes) for _ in range(3)]
    nodes.close()
    for node in kept:
        with pytest.raises(TakeoverError, match="the node is gone"):
            node.ask("anything", 1)


def test_one_node_ends_and_another_goes_on(nodes: Nodes) -> None:
    ended, other = new(nodes), new(nodes)
    ended.close()
    with pytest.raises(TimeoutError, match=r"no answer to anything within 0.05 s"):
        other.ask("anything", 0.05)
    third = new(nodes)
    nodes.close()
    assert third not in (ended, other)


def test_of_nodes_that_have_ended_their_maker_keeps_nothing(nodes: Nodes) -> None:
    maker = nodes._launcher.pid
    kept = new(nodes)
    before = len(list(Path(f"/proc/{maker}/fd").iterdir()))
    for _ in range(3):
        new(nodes).close()

    def kept_now() -> tuple[int, int]:
        last = new(nodes)  # what has ended is taken in when the next one is made
        last.close()
        children = Path(f"/proc/{maker}/task/{maker}/children").read_text().split()
        return len(children), len(list(Path(f"/proc/{maker}/fd").iterdir()))

    # It answers before it has tidied up, and what ends is its child until then.
    waiting = Retrying(
        retry=retry_if_result(lambda seen: seen[0] > 2 or seen[1] > before),
        stop=stop_after_delay(60),
        wait=wait_fixed(0.01),
    )
    waiting(kept_now)
    kept.close()
    nodes.close()


def test_the_maker_ends_after_all_its_nodes(
    isolated: bool, new_tag: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = new_tag()
    monkeypatch.setenv("TAKEOVER_TEST_TAG", tag.environment["TAKEOVER_TEST_TAG"])
    monkeypatch.chdir(ROOT)
    nodes = Nodes(DEAF, isolated=isolated)
    kept = [new(nodes) for _ in range(3)]
    assert len(tag.processes()) >= 7
    nodes.close()
    assert tag.processes() == []
    assert len(kept) == 3


def test_nodes_end_when_their_owner_is_killed(isolated: bool, new_tag: Callable[[], Any]) -> None:
    tag = new_tag()
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(isolated)],
        cwd=ROOT,
        env=tag.environment | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"there\n"
        assert len(tag.processes()) >= 5
        process.kill()
    try:
        Retrying(retry=retry_if_result(bool), stop=stop_after_delay(60), wait=wait_fixed(0.01))(tag.processes)
    finally:
        tag.kill()
