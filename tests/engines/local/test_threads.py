"""Deployments are made in two threads: what they share must not mind."""

import subprocess
import sys

PROGRAM = """
import sys, threading
from takeover.engines.local.parsing import parse

sys.setswitchinterval(1e-6)
pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}}
pod["spec"] = {"containers": [{"name": "c", "image": "nginx"}]}
together = threading.Barrier(8)

def work():
    together.wait()
    parse(pod)

threads = [threading.Thread(target=work) for _ in range(8)]
for each in threads:
    each.start()
for each in threads:
    each.join()
"""


def test_threads_may_parse_their_first_objects_at_once() -> None:
    # Without the lock, three of four such processes end by a segmentation fault.
    for _ in range(5):
        assert subprocess.run([sys.executable, "-c", PROGRAM]).returncode == 0
