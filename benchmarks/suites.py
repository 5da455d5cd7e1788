"""How long the suites take, whole process, median of several runs: `python -m benchmarks.suites`."""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_RUNS = 5
_COMMANDS = {
    "pytest -m outbound": ["-m", "outbound"],
    "pytest suites": [],
    "pytest suites -n 0": ["-n", "0"],
}


def seconds(arguments: list[str]) -> float:
    """One run. Raises: CalledProcessError when a test failed."""
    begin = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", "suites", *arguments]
    subprocess.run(command, cwd=_ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begin


def main() -> None:
    """Prints a line a command."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    for name, arguments in _COMMANDS.items():
        seconds(arguments)  # the first run warms the caches
        times = [seconds(arguments) for _ in range(_RUNS)]
        low, high = min(times), max(times)
        print(f"{name:<22} median {statistics.median(times):.2f} s  (min {low:.2f}, max {high:.2f}, {_RUNS} runs)")


if __name__ == "__main__":
    main()
