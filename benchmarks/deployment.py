"""How long a scenario takes to come up, and how much memory it holds: `python -m benchmarks.deployment`.

Memory is the proportional set size of this process and all that it started: pages that processes share count once.
"""

import argparse
import contextlib
import os
import statistics
import time
from pathlib import Path

from takeover.engines import choose
from takeover.engines.choose import EngineOptions
from takeover.envoy.releases import resolve
from takeover.scenario.library import Library

_RUNS = 20
_SCENARIO = "inbound-interception"  # an init container and two containers, and the Pod of a client


def _parents() -> dict[int, int]:
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found[int(process.name)] = int((process / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
    return found


def memory_of_tree(root: int) -> float:
    """Megabytes (10^6 bytes) of the process and its descendants."""
    parents = _parents()
    tree = {root}
    while more := {child for child, parent in parents.items() if parent in tree} - tree:
        tree |= more
    kilobytes = 0
    for process in tree:
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):  # it has just ended
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
            kilobytes += int(next((line for line in lines if line.startswith("Pss:")), "Pss: 0").split()[1])
    return kilobytes * 1024 / 1e6


def main() -> None:
    """Deploys again and again, then prints the figures."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    engine, release = choose.engine(EngineOptions("local", {}), [], print), resolve(None)[0]
    times, memory = [], []
    for _ in range(_RUNS + 1):
        begin = time.monotonic()
        deployment = engine.deploy(Library.bundled().scenario(_SCENARIO), release)
        times.append(time.monotonic() - begin)
        memory.append(memory_of_tree(os.getpid()))
        deployment.delete()
    engine.close()
    times = [1000 * each for each in times[1:]]  # the first one warms the caches
    print(f"{_SCENARIO}: all Pods Ready after {statistics.median(times):.0f} ms")
    print(f"  (median of {_RUNS}; min {min(times):.0f}, max {max(times):.0f})")
    print(f"memory of the process tree with it: {statistics.median(memory):.0f} MB")


if __name__ == "__main__":
    main()
