"""How big the page of many Envoys is, and how long it takes to write: `python -m benchmarks.report`, after a run.

Takes the latest run's documents, in turn, as those of eleven Envoys: pages grow with their number, not their names.
"""

import argparse
import functools
import itertools
import tempfile
import time
from pathlib import Path

import msgspec

from takeover.compare.comparison import compare
from takeover.compare.kinds import failing
from takeover.report.compared import Compared
from takeover.report.folder import publish
from takeover.scenario.library import Library
from takeover.store import documents as store

_LATEST = Path(__file__).parents[1] / "reports" / store.LATEST / store.RESULTS
_ENVOYS = 11


def main() -> None:
    """Prints one line. Ends with 2 where no run has left results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    found = [store.read(path) for path in sorted(_LATEST.glob("*.json"))]
    if not found:
        parser.error("no results of a run: ./run makes them")
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder)
        (run / store.RESULTS).mkdir()
        paths = []
        for number, document in zip(range(_ENVOYS), itertools.cycle(found)):
            document.envoy.name = f"1.{number + 30}.0"
            paths.append(store.write(run, document.envoy.name, msgspec.json.encode(document)))
        comparison = compare({path.stem: functools.partial(store.read, path) for path in paths})
        begin = time.monotonic()
        page = publish(run, Library.bundled(), paths, Compared(comparison, failing(None)))
        seconds = time.monotonic() - begin
        tests = sum(len(each.tests) for each in found) * _ENVOYS // len(found)
        print(
            f"{_ENVOYS} Envoys, {tests} tests: {page.stat().st_size / 1e6:.2f} MB, written in {seconds:.2f} s, "
            f"{len(comparison.differences)} differences"
        )


if __name__ == "__main__":
    main()
