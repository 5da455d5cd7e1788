"""All suites again and again, each time deployed anew, with idle cores or with each of them kept busy.

`python -m benchmarks.endurance [--busy] [TIMES] [pytest's arguments]` (200 times), such as `-m xds` for a part of them.
Ends with pytest's exit code, at the first failure.
"""

import argparse
import os
import sys
from pathlib import Path

import pytest

from benchmarks.busy import busy

_ROOT = Path(__file__).parents[1]


def main() -> None:
    """Runs the suites so many times in one run of pytest, which is this process: whoever ends it, ends both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("times", nargs="?", type=int, default=200)
    parser.add_argument("--busy", action="store_true", help="keep every core busy with something else")
    options, chosen = parser.parse_known_args()
    repeat = ["--count", str(options.times), "--repeat-scope", "session"]
    arguments = ["suites", "-q", "-x", "-p", "no:cacheprovider", *repeat, *chosen]
    os.chdir(_ROOT)
    with busy(options.busy) as cores:
        kept = "each kept busy" if options.busy else "idle"
        which = " ".join(["all suites", *chosen])
        print(f"{options.times} times {which}, {cores} cores, {kept}", flush=True)
        code = pytest.main(arguments)
    sys.exit(code)


if __name__ == "__main__":
    main()
