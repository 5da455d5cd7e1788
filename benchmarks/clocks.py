"""A pytest plugin that says where the CPU of a run's probes goes: `benchmarks.probes` asks for it, and tells the sums.

Each process of the run writes down what it used, and what the processes did that it started. Those of a node are looked
at just before the node goes: then their clocks tell of all that they did.
"""

import functools
import os
import resource
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmarks.processes import descendants, used
from takeover.engines.local.deployment import LocalContainer
from takeover.envoy.used_stats import UsedStats
from takeover.node.client import NodeClient
from takeover.probes.normal_form import Normaliser
from takeover.probes.observing import Observer
from takeover.probes.rest import Rest
from takeover.probes.stretch import Stretch
from takeover.run.scenes import Scenes
from takeover.scene import Scene

FOLDER = "ENVOY_TAKEOVER_CLOCKS"
"""The environment variable that names the folder of what is written."""
TOLD = ".json"
"""How the name of a `Spent` in it ends, after the number of its process."""
_BEGUN = ".begun"

PROBE = ("sending and receiving", "statistics", "waiting for rest", "upstreams' control", "logs", "normal form")
"""What a probe's own Python does; what else it does is `OBSERVING`."""
OBSERVING, DEPLOYMENT = "observing, the rest", "deployment"
COLLECTION, RUN = "imports and collection", "pytest, xdist, results"
ENVOYS, UPSTREAMS, NODES = "Envoys", "upstreams, control planes", "nodes' Python"
RUNTIME, ENDED, OTHERS = "container runtime", "what nodes ran to its end", "others in nodes"


class Spent(msgspec.Struct):
    """What one process of the run used, in seconds of CPU.

    Args:
        is_worker: whether it made probes, or may have.
        sections: what it did itself.
        processes: what those did that it started, by what they are.
        numbers: of probes, deployments, and how often statistics were read.
        peak: the most memory that it held, in kilobytes.
    """

    is_worker: bool
    sections: dict[str, float]
    processes: dict[str, float]
    numbers: dict[str, int]
    peak: int


class _Clocks:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.sections: defaultdict[str, float] = defaultdict(float)
        self.numbers: Counter[str] = Counter()
        self._processes: dict[tuple[int, str], dict[str, float]] = {}
        self._of_thread = threading.local()
        self._lock = threading.Lock()

    def timed(self, owner: type, name: str, section: str, number: str = "") -> None:
        """Counts the CPU of a method, without that of others that are timed within it."""

        def measure(method: Callable[..., Any], arguments: Any, named: Any) -> Any:
            within: list[float] = self._of_thread.__dict__.setdefault("within", [])
            within.append(0.0)
            begun = time.thread_time()
            try:
                return method(*arguments, **named)
            finally:
                took = time.thread_time() - begun
                with self._lock:
                    self.sections[section] += took - within.pop()
                    self.numbers[number] += 1
                if within:
                    within[-1] += took

        _wrap(owner, name, measure)

    def read_before(self, owner: type, name: str) -> None:
        """Reads the clocks of processes before that method, which ends some."""

        def read(method: Callable[..., Any], arguments: Any, named: Any) -> Any:
            self.read()
            return method(*arguments, **named)

        _wrap(owner, name, read)

    def read(self) -> None:
        """Reads the clocks of what there is now, but for workers and what is below them: they tell of it themselves."""
        theirs = self._that_tell_themselves()
        for process, parent in descendants(os.getpid()):  # parents first
            if process in theirs or parent in theirs:
                theirs.add(process)
                continue
            try:
                one = used(process)
            except OSError:
                continue
            if not one.command:
                continue  # it is ending, and nobody can tell any more what it is
            told = {_kind(one.command): one.own}
            if parent != os.getpid():  # a launcher has waited for whole nodes, which are told by themselves
                told[ENDED] = one.ended
            self._processes[process, one.begun] = told

    def processes(self) -> dict[str, float]:
        """What they used, by what they are."""
        sums: defaultdict[str, float] = defaultdict(float)
        theirs = self._that_tell_themselves()
        for (process, _), told in self._processes.items():
            if process in theirs:
                continue  # a worker that was looked at while it waited to become one
            for kind, seconds in told.items():
                sums[kind] += seconds
        return sums

    def begin(self) -> None:
        """Lets the other processes of the run know that this one tells of itself."""
        (self._folder / f"{os.getpid()}{_BEGUN}").touch()

    def _that_tell_themselves(self) -> set[int]:
        return {int(each.stem) for each in self._folder.glob(f"*{_BEGUN}")} - {os.getpid()}


def _wrap(owner: type, name: str, around: Callable[[Callable[..., Any], Any, Any], Any]) -> None:
    there = owner.__dict__[name]
    method = there.__func__ if isinstance(there, classmethod) else there

    @functools.wraps(method)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        return around(method, arguments, named)

    setattr(owner, name, classmethod(wrapped) if isinstance(there, classmethod) else wrapped)


def _kind(command: Iterable[str]) -> str:
    first, *others = command or ("",)
    match Path(first).name:
        case "envoy":
            return ENVOYS
        case "container":
            return RUNTIME
        case "nginx:":
            return UPSTREAMS
    if any(each.startswith("/opt/takeover/peers") for each in others) or first.startswith("nginx"):
        return UPSTREAMS
    return NODES if "takeover.node.launcher" in others else OTHERS


class Clock:
    """The hooks."""

    def __init__(self) -> None:
        clocks = self._clocks = _Clocks(Path(os.environ[FOLDER]))
        clocks.begin()
        sending, statistics, rest, control, logs, normal = PROBE
        clocks.timed(Stretch, "_converse", sending, "probes")
        clocks.timed(UsedStats, "gauges", statistics, "statistics read")
        clocks.timed(UsedStats, "counters", statistics, "statistics read")
        clocks.timed(Rest, "wait", rest)
        clocks.timed(Stretch, "_end_upstreams", control)
        clocks.timed(LocalContainer, "logs", logs, "logs read")
        clocks.timed(Stretch, "_take_entries", logs)
        clocks.timed(Normaliser, "__init__", normal)
        clocks.timed(Normaliser, "observation", normal)
        clocks.timed(Observer, "observe", OBSERVING, "groups")
        clocks.timed(Observer, "renew", DEPLOYMENT)
        clocks.timed(Scene, "deploy", DEPLOYMENT, "deployments")
        clocks.timed(Scene, "restart", DEPLOYMENT, "Pods made anew")
        clocks.timed(Scene, "close", DEPLOYMENT)
        clocks.timed(Scenes, "check_engine", DEPLOYMENT)
        clocks.read_before(NodeClient, "close")
        self._collected = 0.0

    def pytest_collection_finish(self) -> None:
        """Until here nothing was tested."""
        self._collected = time.process_time() - sum(self._clocks.sections.values())

    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """Writes down what this process used."""
        own, sections = time.process_time(), dict[str, float](self._clocks.sections)
        sections[COLLECTION], peak = self._collected, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        sections[RUN] = own - sum(sections.values())
        spent = Spent(hasattr(config, "workerinput"), sections, self._clocks.processes(), self._clocks.numbers, peak)
        Path(os.environ[FOLDER], f"{os.getpid()}{TOLD}").write_bytes(msgspec.json.encode(spent))


def pytest_configure(config: pytest.Config) -> None:
    """Begins."""
    config.pluginmanager.register(Clock(), "takeover-clock")
