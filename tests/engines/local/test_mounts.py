"""What nodes mount is theirs alone, also where this machine's mounts are shared, as systemd has them."""

import subprocess
import sys
from pathlib import Path

import pytest

from takeover.node import host

ROOT = Path(__file__).parents[3]
BARE = """
from takeover.node.bare_node import bare_node
with bare_node() as node:
    inside = node.run(["cat", "/proc/self/mounts"]).stdout.decode()
    outside = open("/proc/self/mounts").read()
"""
SCENARIO = """
from takeover.engines.conformance.contract import single
from takeover.engines.local.engine import LocalEngine
from takeover.envoy.releases import resolve
engine = LocalEngine({})
pod = engine.deploy(single([]), resolve(None)[0]).pod("app")
inside = pod.container("main").exec(["cat", "/proc/self/mounts"]).stdout.decode()
outside = open("/proc/self/mounts").read()
engine.close()
"""
PROGRAM = """
before = open("/proc/self/mounts").read()
{}
assert "shared:" in open("/proc/self/mountinfo").read().splitlines()[0]
assert inside != before
assert outside.splitlines() == before.splitlines(), sorted(set(outside.splitlines()) - set(before.splitlines()))
"""


@pytest.mark.skipif(
    not host.is_root(), reason="an ordinary user's mounts are in a user namespace, and shared with nobody"
)
@pytest.mark.parametrize("node", [BARE, SCENARIO], ids=["bare", "of a scenario"])
def test_nothing_that_a_node_mounts_is_seen_outside(node: str) -> None:
    # Everything is made private first: with a mistake, only this process's own mounts would be others.
    apart = ["unshare", "--mount", "--propagation", "private", "unshare", "--mount", "--propagation", "shared"]
    ended = subprocess.run(
        [*apart, sys.executable, "-c", PROGRAM.format(node)], cwd=ROOT, env=None, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
