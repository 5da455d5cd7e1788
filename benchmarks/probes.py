"""Where the CPU of probes goes: `python -m benchmarks.probes [pytest's arguments]`.

Without arguments it makes all probes on one Envoy. Figures are of one run, so that their ratios hold on a busy machine,
too; clocks are the kernel's, of each process. At the end stands how much memory pytest and its workers held.
"""

import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import msgspec

from benchmarks.clocks import COLLECTION, DEPLOYMENT, FOLDER, OBSERVING, PROBE, RUN, TOLD, Spent

_ROOT = Path(__file__).parents[1]
_ALL = ("--probes", "-m", "probes")
_SLOWS_IMPORTS = "PYTHONDONTWRITEBYTECODE"
_CONTROLLER = "controller's Python"


def main(arguments: list[str]) -> int:
    """Runs pytest with the clocks, and prints where the time went. Returns pytest's exit code."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "benchmarks.clocks", *(arguments or _ALL)]
        environment = {name: value for name, value in os.environ.items() if name != _SLOWS_IMPORTS}
        code = subprocess.run(command, cwd=_ROOT, check=False, env={**environment, FOLDER: folder}).returncode
        spent = [msgspec.json.decode(each.read_bytes(), type=Spent) for each in Path(folder).glob(f"*{TOLD}")]
    if any(each.numbers for each in spent):  # else pytest ran nothing, and has said why
        _tell(spent)
    return code


def _tell(spent: list[Spent]) -> None:
    ours: defaultdict[str, float] = defaultdict(float)
    others: defaultdict[str, float] = defaultdict(float)
    numbers: Counter[str] = Counter()
    for each in spent:
        numbers.update(each.numbers)
        for name, seconds in each.processes.items():
            others[name] += seconds
        for name, seconds in each.sections.items():
            ours[name if each.is_worker or len(spent) == 1 else _CONTROLLER] += seconds
    total = sum(ours.values()) + sum(others.values())
    if unseen := [each for each in ("statistics read", "logs read") if numbers["probes"] and not numbers[each]]:
        sys.exit(
            f"the clocks saw probes and never {' or '.join(unseen)}: they look at methods that nothing calls any more"
        )
    probes, deployments = numbers["probes"] or 1, numbers["deployments"] or 1
    read = [f"{numbers[what] / probes:.1f} of {what.partition(' ')[0]}" for what in ("statistics read", "logs read")]
    made = ", ".join(f"{numbers[what]} {what}" for what in ("probes", "groups", "deployments", "Pods made anew"))
    print(f"\n{made}; {' and '.join(read)} read a probe")
    of_both = f"{1000 * total / probes:.1f} ms a probe, {1000 * total / deployments:.0f} ms a deployment"
    print(f"{total:.2f} s of CPU, {of_both}")
    _line("workers' Python, for probes", sum(ours[each] for each in (*PROBE, OBSERVING)), total, probes)
    for name in (*PROBE, OBSERVING):
        _line(f"  {name}", ours[name], total, probes)
    for name in (DEPLOYMENT, COLLECTION, RUN):
        _line(f"workers' Python, {name}", ours[name], total, deployments if name == DEPLOYMENT else 0)
    _line(_CONTROLLER, ours[_CONTROLLER], total, 0)
    for name, seconds in sorted(others.items(), key=lambda each: -each[1]):
        _line(name, seconds, total, deployments)
    for name, is_worker in (("controller", False), ("largest worker", True)):
        if peaks := [each.peak for each in spent if each.is_worker == is_worker]:
            print(f"memory at most, {name}: {max(peaks) / 1000:.0f} MB")


def _line(name: str, seconds: float, total: float, number: int) -> None:
    each = f"{1000 * seconds / number:8.2f} ms each" if number else ""
    print(f"{name:<42} {seconds:7.2f} s {100 * seconds / total:5.1f} %{each}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
