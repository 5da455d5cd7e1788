"""A stretch of a group: the probes that one Envoy takes, one after the other, until it cannot be probed any more."""

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from takeover.base.errors import TakeoverError
from takeover.envoy.used_stats import NoStatsError, UsedStats
from takeover.evidence import quiescence
from takeover.evidence.counters import Stats, difference, states
from takeover.evidence.snapshots import DEADLINE, UnrestError
from takeover.model.document import Breakdown, OtherConnection
from takeover.model.logs import TEXT, written_lines
from takeover.model.tls import TlsObserved
from takeover.net.raw import End
from takeover.net.stream import ByteStream
from takeover.probes import upstream_told
from takeover.probes.attendance import Attendance, Lost
from takeover.probes.conversing import Spoken, converse
from takeover.probes.probe import Group, Place, Probe
from takeover.probes.protocols.contract import Exchange
from takeover.probes.rest import LONGEST_WAIT, Reading, Rest
from takeover.scenario.typed_yaml import Json
from takeover.scene import Scene

REST = 1.0
"""Seconds after a probe until Envoy is at rest: it takes some hundredths of one. What is open then is told."""

_WARNING = re.compile(r"\[[^\]]*\]\[\d+\]\[(warning|error|critical)\]")
_STACK = "[envoy_bug] [./source/common/common/assert.h"  # the addresses of a stack trace
# Envoy's watchdog: a worker did not go on for 0.2 s, for 1 s (unless the config says otherwise).
_STALLED, _STUCK = "workers.watchdog_miss", "workers.watchdog_mega_miss"
_FOR_LOG = f"have each access log write to stdout, an entry a line: JSON, or text that begins with {TEXT!r}"


@dataclass
class Observed:
    """What was observed of a probe.

    Args:
        probe: which one.
        exchange: None where no connection came about.
        end: how the connection ended.
        tls: what was seen of TLS; None where there was none.
        others: of the connections that were opened before this one and kept.
        moved: the counters that moved; where Envoy does not come to rest, also what is still open. Of several Envoys
            each counter's name is followed by its Envoy's.
        gauges: those that are otherwise at rest than they were before, and what they are, named likewise; None where
            Envoy is not at rest.
        warnings: the lines of Envoy's log; of several, each after its Envoy's name.
        entries: the lines of its access log, by its name, which is empty where there is only one.
        upstream: the connections that the upstream saw; None where that is not asked.
        breakdown: how an Envoy broke down.
        counted: which entries of the whole access log are its own, by the counters; of each Envoy.
        written: what part of Envoy's whole log was written meanwhile; likewise.
    """

    probe: Probe
    exchange: Exchange | None = None
    end: End = "closed"
    tls: TlsObserved | None = None
    others: list[OtherConnection] = field(default_factory=list)
    moved: dict[str, int] = field(default_factory=dict)
    gauges: dict[str, int] | None = None
    warnings: list[str] = field(default_factory=list)
    entries: dict[str, list[str]] = field(default_factory=dict)
    upstream: list[dict[str, str]] | None = None
    breakdown: Breakdown | None = None
    counted: dict[str, slice] = field(default_factory=dict)
    written: dict[str, slice] = field(default_factory=dict)


class _LostError(Exception):
    """An Envoy broke down."""

    def __init__(self, lost: Lost) -> None:
        super().__init__()
        self.lost = lost


class Stretch:
    """Makes probes on a deployment whose Envoy knows of none before.

    A probe begins and ends when Envoy is at rest and has no connection, neither with clients nor with upstreams: what
    is seen of one does not hang on which other probes there are (but for the limits' buckets).

    Attributes:
        observed: what was observed so far, in order.
        faults: why a probe could not be observed, a line each.
        spent: the Pods whose Envoy cannot be probed any more.
    """

    def __init__(self, scene: Scene, group: Group) -> None:
        self._scene = scene
        self._group = group
        several = len(scene.envoys) > 1
        self._places = {f"{each.pod}/{each.container}" if several else "": each for each in scene.envoys}
        self._rest = Rest(self._gauges, self._counters, self._end_upstreams, self._config)
        self._controls: dict[str, ByteStream] = {}
        self._stats: Mapping[str, Stats] = {}  # of each Envoy, all of it
        self._counted: Mapping[str, Stats] = {}
        self._states: Mapping[str, Stats] = {}
        self._logs: dict[str, str] = {}
        self._asked: dict[str, UsedStats] = {}
        self.observed: list[Observed] = []
        self.faults: list[str] = []
        self.spent: list[str] = []

    def observe(self, probes: Sequence[Probe]) -> int:
        """Makes these probes until Envoy cannot be probed any more. Returns how many it made.

        Raises: UnrestError when Envoy does not come to rest before the first one, or its access log does not tell what
            its counters do; TakeoverError when a witness does not answer.
        """
        with contextlib.ExitStack() as stack:
            self._containers = {
                name: self._scene.pod(each.pod).container(each.container) for name, each in self._places.items()
            }
            self._attendance = Attendance(self._scene)
            stack.callback(self._close_asked)
            for name, place in self._places.items():
                self._asked[name] = self._attendance.ask(place)
            for each in self._scene.deployment.scenario.controls:
                name = f"{each.pod}:{each.port}"
                self._controls[name] = self._scene.pod(each.pod).forward(each.port)
                stack.callback(self._controls[name].close)
            self._begin()
            for number, probe in enumerate(probes, 1):
                lost = self._one(probe)
                if self.spent or number == len(probes):
                    self._take_entries(lost)
                    return number
        raise AssertionError("a group has probes")

    def _close_asked(self) -> None:
        for each in self._asked.values():  # those of the last connection
            each.close()

    def _begin(self) -> None:
        when = f"before the first probe of {self._of_group()}"
        try:
            read, unrest = self._rest.wait(DEADLINE, twice=True)
        except _LostError as error:
            raise TakeoverError(f"{when}: Envoy {error.lost.record()}: {error.lost.why}") from None
        if unrest:
            raise UnrestError(f"{when}: not at rest after {DEADLINE:g} s; last seen: {unrest}")
        self._upstream()  # what came before is nobody's
        self._stats = {name: each.stats for name, each in read.items()}
        self._take(read)
        self._logs = {name: each.logs() for name, each in self._containers.items()}

    def _take(self, read: Mapping[str, Reading]) -> None:
        self._counted = {name: each.counters for name, each in read.items()}
        self._states = {name: each.gauges for name, each in read.items()}

    def _one(self, probe: Probe) -> Lost | None:
        """Makes one probe. Returns what broke down under it."""
        before, observed, fault = self._stats, Observed(probe), ""
        lost = stats = None
        try:
            fault = self._converse(observed)
            read, unrest = self._rest.wait(REST)
            if unrest and _moved(_STALLED, before, {name: each.counters for name, each in read.items()}):
                read, unrest = self._rest.wait(DEADLINE)  # it has much to do, or is stuck
            stats = {name: each.stats for name, each in read.items()}
        except _LostError as error:
            lost = error.lost
        if stats is not None:
            for name, its in stats.items():
                counted = difference(self._counted[name], read[name].counters)
                moved = counted | (quiescence.open_now(its) if unrest else {})
                observed.moved |= _of(name, moved)
                if not unrest:
                    observed.gauges = (observed.gauges or {}) | _of(name, states(self._states[name], read[name].gauges))
            if unrest:
                self.spent += [each.pod for each in self._places.values()]
            if unrest and (stuck := _moved(_STUCK, before, stats)):
                why = f"a worker of Envoy does not go on; after {DEADLINE:g} s: {unrest.partition(';')[0]}"
                [name, *_] = stuck
                lost = Lost(self._places[name], "hangs", why, self._containers[name].logs())
            self._stats = stats
            self._take(read)
        logs = {
            name: lost.log if lost is not None and lost.place == place else self._containers[name].logs()
            for name, place in self._places.items()
        }
        if self._group.asks_upstream:
            observed.upstream = self._upstream()
        if lost is not None:
            begin = next(len(self._logs[name]) for name, place in self._places.items() if place == lost.place)
            observed.breakdown = lost.record(begin)
            self.spent.append(lost.place.pod)
        elif fault:
            self.faults.append(f"the probe {probe.name} ({probe.where}) of {self._of_group()}: {fault}")
            return None
        for name, log in logs.items():
            observed.counted[name] = slice(
                quiescence.written_entries(before[name]),
                quiescence.written_entries(stats[name]) if stats is not None else None,
            )
            observed.written[name] = slice(len(self._logs[name]), len(log))
            new = log[observed.written[name]].split("\n")  # the last one may have no end: where Envoy broke down
            found = [line for line in new if _WARNING.match(line) and _STACK not in line]
            observed.warnings += [f"{name}: {line}" for line in found] if name else found
        self._logs = logs
        self.observed.append(observed)
        return lost

    def _converse(self, observed: Observed) -> str:
        """Sends the probe and takes in what comes back. Returns why there was no connection, if that is no answer."""
        probe, spoken = observed.probe, list[Spoken]()
        address = self._address(probe.to)
        try:
            converse(
                probe,
                lambda: self._scene.connect(
                    probe.pod, address, probe.to.port, probe.container, source_address=probe.source_address
                ),
                lambda: self._no_request_under_way(probe),
                spoken,
            )
        finally:
            *others, last = spoken
            observed.exchange, observed.end, observed.tls = last.exchange, last.end, last.tls
            observed.others = [each.as_other() for each in others]
        return last.fault

    def _address(self, place: Place) -> str:
        match place.kind:
            case "service":
                return self._scene.service_ip(place.name)
            case "pod":
                return self._scene.pod(place.name).ip
            case _:
                return place.name

    def _gauges(self) -> Mapping[str, Stats]:
        """Those of each Envoy. Raises: _LostError."""
        return {name: self._read(name, UsedStats.gauges) for name in self._places}

    def _counters(self) -> Mapping[str, Stats]:
        return {name: self._read(name, UsedStats.counters) for name in self._places}

    def _config(self, name: str) -> Json:
        return self._attendance.config(self._places[name])

    def _read(self, name: str, read: Callable[[UsedStats], Stats]) -> Stats:
        try:
            return read(self._asked[name])
        except NoStatsError as error:
            if lost := self._attendance.verdict(self._places[name], error):
                raise _LostError(lost) from None
        self._asked[name].close()
        self._asked[name] = self._attendance.ask(self._places[name])
        return read(self._asked[name])

    def _no_request_under_way(self, probe: Probe) -> None:
        """Waits until Envoy has done with the request; one that is not answered by its deadline it may still have."""

        def under_way() -> str:
            return "a request" if any(map(quiescence.requests, self._gauges().values())) else ""

        quiescence.waited_for(under_way, probe.within, LONGEST_WAIT)

    def _end_upstreams(self) -> None:
        """Lets the upstreams that do so when asked end every connection that they have."""
        for name, control in self._controls.items():
            try:
                control.send(b"end\n")
                is_done = control.receive(64)
            except OSError as error:
                raise TakeoverError(f"{name} does not end its connections when asked: {error}") from None
            if not is_done:
                raise TakeoverError(f"{name} does not end its connections when asked: it has ended itself")

    def _upstream(self) -> list[dict[str, str]]:
        """The connections that the upstream saw since it was asked last; none where nobody wants to know."""
        controls = self._controls if self._group.asks_upstream else {}
        return [each for name, control in controls.items() for each in upstream_told.told_by(name, control)]

    def _of_group(self) -> str:
        return f"{self._group.scenario} {self._group.name}"

    def _take_entries(self, lost: Lost | None) -> None:
        """Gives each probe its lines of Envoy's access log, once those are there of which the counters tell.

        Raises: UnrestError when others are there; then each probe has those that were written meanwhile.
        """
        for name in self._places:
            self._take_entries_of(name, lost)

    def _take_entries_of(self, name: str, lost: Lost | None) -> None:
        lines: list[str] = []

        def missing() -> str:
            lines[:] = written_lines(self._containers[name].followed_logs())
            is_enough = len(lines) >= number if self.spent else len(lines) == number
            of = f"{name}: " if name else ""
            told = f"{of}Envoy's access log has {len(lines)} entries, its counters tell of {number}; {_FOR_LOG}"
            return "" if is_enough else told

        number = quiescence.written_entries(self._stats[name])
        if lost is not None and lost.place == self._places[name]:
            lines = written_lines(lost.log)  # more will not come
        elif told := quiescence.waited_for(missing, DEADLINE, LONGEST_WAIT):
            for each in self.observed:
                each.entries[name] = written_lines(self._logs[name][each.written[name]])
            raise UnrestError(
                f"after the last probe of {self._of_group()} ({self._group.where}): not at rest after {DEADLINE:g} s; "
                f"last seen: {told}"
            )
        for each in self.observed:
            each.entries[name] = lines[each.counted[name]]


def _of(name: str, counted: dict[str, int]) -> dict[str, int]:
    """By the names under which they are told: of several Envoys, with its Envoy's."""
    return {f"{each} ({name})": value for each, value in counted.items()} if name else counted


def _moved(counter: str, before: Mapping[str, Stats], after: Mapping[str, Stats]) -> list[str]:
    """The Envoys whose counter moved."""
    return [name for name, its in after.items() if its.get(counter, 0) > before[name].get(counter, 0)]
