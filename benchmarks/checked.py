"""One file under `takeover check`, as people start it: how far it comes, and what is reached."""

import functools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from takeover.base.errors import BadInputError
from takeover.check.given import read
from takeover.check.world import build
from takeover.compare.comparison import compare
from takeover.compare.kinds import failing
from takeover.model.document import Breakdown, Document, ProbeResult
from takeover.store import documents as store

STAGES = ("refused", "read", "built", "has probes", "came up", "observed")
"""How far a file may come, each further than the one before: the last one is when every probe was observed."""
_COMMAND = [sys.executable, "-c", "import sys; from takeover.cli.start import main; sys.exit(main())", "check"]
_TO_END = 60  # seconds, once interrupted
_BAD_INPUT = 2


class Outcome(msgspec.Struct):
    """What came of a file.

    Args:
        why: it came no further, or what else is to be known, in one line.
        seconds: of the wall.
        probes: on each Envoy.
        parts: kind of part → how many were reached on the last Envoy, and how many there are.
    """

    source: str
    file: str
    stage: str = STAGES[0]
    why: str = ""
    seconds: float = 0
    probes: int = 0
    parts: dict[str, tuple[int, int]] = {}
    differences: int = 0
    unstable: int = 0

    def told(self) -> str:
        """A line."""
        reached = ", ".join(f"{by}/{there} {kind}s" for kind, (by, there) in self.parts.items() if there)
        return f"{self.source}/{Path(self.file).name}: {self.stage}, {self.seconds:.0f} s, {self.probes} probes" + (
            f", {reached}" if reached else ""
        ) + (f": {self.why}" if self.why else "")  # fmt: skip


def checked(
    source: str, file: Path, envoy: str, options: Sequence[str], timeout: float, folder: Path
) -> Outcome:  # fmt: skip
    """Checks it. Args: folder: for what that leaves, which goes again."""
    found = Outcome(source, str(file))
    reports, out, err = folder / "reports", folder / "out", folder / "err"
    folder.mkdir(parents=True)
    begun = time.monotonic()
    with out.open("wb") as stdout, err.open("wb") as stderr:
        command = [*_COMMAND, str(file), "--envoy", envoy, "--reports", str(reports), *options]
        with subprocess.Popen(command, stdout=stdout, stderr=stderr, env=_surroundings()) as process:
            ended = _waited(process, timeout)
    found.seconds = time.monotonic() - begun
    said = err.read_text(errors="replace").strip().splitlines()
    results = sorted((reports / store.LATEST / store.RESULTS).glob("*.json"))
    if not ended:
        found.stage, found.why = _stage(file, folder, results), f"had not ended after {timeout:g} s"
    elif process.returncode == _BAD_INPUT or not results:
        found.stage, found.why = _stage(file, folder, []), said[-1] if said else f"ended with {process.returncode}"
    else:
        _take(found, results, envoy.split(","))
    shutil.rmtree(folder)
    return found


def _surroundings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}


def _waited(process: "subprocess.Popen[bytes]", timeout: float) -> bool:
    """Whether it ended by itself; it is interrupted where not."""
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_TO_END)
        except subprocess.TimeoutExpired:
            process.kill()  # its own watcher removes what it leaves
        return False
    return True


def _stage(file: Path, folder: Path, results: Sequence[Path]) -> str:
    """How far a file comes of which nothing was observed."""
    if results:
        return STAGES[4 if any(not _broken(each) for each in store.read(results[-1]).probes) else 3]
    try:
        given = read(file, {})
    except BadInputError:
        return STAGES[0]
    try:
        build(given, folder / "world")
    except BadInputError:
        return STAGES[1]
    return STAGES[2]


def _take(found: Outcome, results: Sequence[Path], envoys: Sequence[str]) -> None:
    """What the documents say."""
    names = [each.partition("=")[0] for each in envoys]
    by_name = {each.stem: each for each in results}
    paths = [by_name[each] for each in names if each in by_name] or list(results)
    documents: list[Document] = [store.read(each) for each in paths]
    last = documents[-1]
    checked = last.checked
    assert checked is not msgspec.UNSET
    found.probes = max(len(each.probes) for each in documents)
    for part in checked.parts:
        by, there = found.parts.get(part.kind, (0, 0))
        found.parts[part.kind] = by + (part.probes > 0), there + 1
    broken = [_broken(each) for document in documents for each in document.probes]
    not_started = [each for each in broken if each is not None and each.how == "not-started"]
    failed = [each for document in documents for each in document.tests if each.state == "fail"]
    if not_started:
        found.stage, found.why = STAGES[3], f"{not_started[0]}: {_first(not_started[0].why)}"
    elif failed:
        found.stage, found.why = STAGES[4], f"{failed[0].name}: {_first(failed[0].reason)}"
    else:
        found.stage = STAGES[5]
    if left_out := checked.left_out:
        found.why = "; ".join(filter(None, (found.why, f"left out, as not taken: {left_out[0].message}")))
    if len(paths) > 1:
        comparison = compare({each.stem: functools.partial(store.read, each) for each in paths})
        found.differences, found.unstable = len(comparison.failing(failing(None))), len(comparison.unstable)


def _first(text: str) -> str:
    return (text.strip().splitlines() or [""])[0]


def _broken(probe: ProbeResult) -> Breakdown | None:
    return probe.observation.breakdown or None
