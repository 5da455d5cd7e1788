"""One container of a Pod: started, watched, probed, started again as the Pod's restartPolicy says."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from takeover.engines.local.inside import probes
from takeover.engines.local.inside.runtime import Image, Runtime, process_of
from takeover.engines.local.inside.started import Started
from takeover.engines.local.messages import ContainerStatus
from takeover.engines.local.objects import Container

# A kubelet waits 10 s after the second exit, then doubles up to 5 minutes ("Pod Lifecycle: restart policy").
_FIRST_BACK_OFF = 10.0
_LONGEST_BACK_OFF = 300.0


class RunningContainer:
    """Its bundle, its process, its readiness. Times are seconds on the monotonic clock."""

    def __init__(
        self, spec: Container, identity: str, runtime: Runtime, image: Image, restart: str, log: Path, pod_ip: str
    ) -> None:
        self.spec = spec
        self.identity = identity
        self.log = log
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.touch()
        self.previous_log = log.with_suffix(".previous")
        """Of the time before it was started again, once it was."""
        self.exit_code: int | None = None
        self._last_exit_code: int | None = None
        self.restarts = 0
        self._runtime = runtime
        self._image = image
        self._restart = restart
        self._process: Started | None = None
        self._start_at = 0.0
        probe = spec.readiness_probe
        self._probe = probes.Readiness(spec, probe, pod_ip, self._exec_for_probe) if probe else None

    def prepare(self, network: Path, hostname: str, binds: list[tuple[str, str, bool]], etc: dict[str, str]) -> None:
        """Makes the root file system, with the Pod's own files in its /etc."""
        root = self._runtime.prepare(self.identity, self.spec, self._image, network, hostname, binds)
        for name, text in etc.items():
            path = root / "etc" / name
            path.unlink(missing_ok=True)
            path.write_text(text)

    @property
    def running(self) -> bool:
        return self._process is not None and self.exit_code is None

    @property
    def ready(self) -> bool:
        return self.running and (self._probe is None or self._probe.ready)

    @property
    def next_probe(self) -> float:
        return self._probe.due if self._probe and self.running else float("inf")

    def pid(self) -> int | None:
        """The container's first process, as the node numbers it."""
        return self._runtime.pid(self.identity)

    def execute(self, command: list[str], files: Sequence[int]) -> Started:
        """Starts a command in it, with these standard streams. Raises: OSError where it ends."""
        return self._runtime.execute(self.identity, process_of(self.spec, command), files)

    def _exec_for_probe(self, command: list[str]) -> Started:
        process = process_of(self.spec, command)
        ours, theirs = os.pipe()
        with os.fdopen(theirs, "wb"), Path(os.devnull).open("rb") as nothing, contextlib.ExitStack() as until_started:
            output = until_started.enter_context(os.fdopen(ours, "rb"))
            started = self._runtime.execute(self.identity, process, (nothing.fileno(), theirs, theirs), output)
            until_started.pop_all()
            return started

    def advance(self, now: float) -> bool:
        """Starts it if it is time, notices its end, probes it if due. Returns whether something is under way."""
        if self._process is None:
            if now < self._start_at:
                return False
            if self.restarts:
                self._begin_log_anew()
            self._process = self._runtime.start(self.identity, self.log)
            if self._probe:
                self._probe.container_started(now)
            return True
        code = self._process.poll()
        if code is not None and self.exit_code is None:
            self.exit_code = self._last_exit_code = code if code >= 0 else 128 - code
            return self._ended(now)
        if self.exit_code is not None:
            return False
        if self._probe:
            self._probe.advance(now)
            return not self._probe.ready
        return self._runtime.pid(self.identity) is None

    def _ended(self, now: float) -> bool:
        again = self._restart == "Always" or (self._restart == "OnFailure" and self.exit_code != 0)
        if again:
            back_off = _FIRST_BACK_OFF * 2 ** (self.restarts - 1) if self.restarts else 0.0
            self._start_at = now + min(back_off, _LONGEST_BACK_OFF)
            self.restarts += 1
            self._process = None
            self._runtime.forget(self.identity)
            self.exit_code = None
        return again

    def _begin_log_anew(self) -> None:
        """What ran before keeps its log, under another name; whoever has the file open learns that it is away."""
        shutil.copyfile(self.log, self.previous_log)
        empty = self.log.with_suffix(".new")
        empty.touch()
        empty.replace(self.log)

    def terminate(self) -> None:
        """Asks it to end (SIGTERM to its first process)."""
        self._signal(signal.SIGTERM)

    def wait_or_kill(self, deadline: float) -> None:
        """Waits until it ended, until `deadline`; then ends it."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        pid = self.pid()
        if pid is not None and self.running:
            os.kill(pid, number)

    def remove(self) -> None:
        """Takes its bundle away."""
        self._runtime.remove(self.identity)

    def status(self) -> ContainerStatus:
        return ContainerStatus(
            state="running" if self.running else "waiting" if self.exit_code is None else "exited",
            exit_code=self._last_exit_code,
            restarts=self.restarts,
            ready=self.ready,
            probe=self._probe.last_seen if self._probe else "",
        )
