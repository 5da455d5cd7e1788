"""All suites again and again while both cores are busy with something else: `python -m benchmarks.endurance [TIMES]`.

Ends with 1 at the first failure, and prints it.
"""

import multiprocessing
import subprocess
import sys
import time
from pathlib import Path

_ROOT = Path(__file__).parents[1]


def _burn() -> None:
    while True:
        pass


def main() -> None:
    """Runs the suites TIMES times (50), each in a process of its own."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    burners = [multiprocessing.Process(target=_burn, daemon=True) for _ in range(multiprocessing.cpu_count())]
    for burner in burners:
        burner.start()
    begin = time.monotonic()
    for number in range(1, times + 1):
        command = [sys.executable, "-m", "pytest", "-q", "suites", "-p", "no:cacheprovider"]
        result = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            print(result.stdout)
            print(f"run {number} of {times} failed")
            sys.exit(1)
    print(f"{times} runs of all suites with every core busy: no failure ({time.monotonic() - begin:.0f} s)")


if __name__ == "__main__":
    main()
