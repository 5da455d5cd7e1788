"""Makes a group's probes, one after the other, and tells for each everything that was visible of it."""

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from takeover.envoy.used_stats import UsedStats
from takeover.evidence import quiescence
from takeover.evidence.counters import Stats, difference
from takeover.evidence.snapshots import DEADLINE, UnrestError
from takeover.model.document import Observation, ProbeResult
from takeover.model.logs import as_written, json_lines
from takeover.net.http1 import Answer
from takeover.net.raw import End
from takeover.net.stream import ByteStream
from takeover.probes.normal_form import Normaliser
from takeover.probes.probe import Group, Place, Probe
from takeover.probes.protocols.contract import Exchange
from takeover.scene import Scene

_LONGEST_WAIT = 0.02  # seconds between two looks: there are hundreds of probes
_WARNING = re.compile(r"\[[^\]]*\]\[\d+\]\[(warning|error|critical)\]")
_STACK = "[envoy_bug] [./source/common/common/assert.h"  # the addresses of a stack trace
_BEGUN, _ENDED = ".upstream_cx_total", ".upstream_cx_destroy"
_UPSTREAM = re.compile(r"^cluster\.(.+)\.upstream_cx_active$")
# What to do about it, by what Envoy still has.
_FOR_REQUESTS = f"have the group's edits give what it waits for a timeout below {DEADLINE:g} s"
_FOR_CLIENTS = f"have the group's edits give the listener and its filters timeouts below {DEADLINE:g} s"
_FOR_UPSTREAMS = (
    "only what a base.yaml names as control ends its connections when asked (bases/hostile does): have the group's "
    "edits lead the cluster there, or let the cluster end its own by max_requests_per_connection: 1"
)
_FOR_MOVING = "have the group's edits take out what goes on by itself, for instance a health check"
_FOR_LOG = "each HTTP connection manager and TCP proxy needs an access log, each request one entry in it"


@dataclass
class _Observed:
    """What was observed of a probe at once; its log entries are read when all probes are over."""

    probe: Probe
    exchange: Exchange | None
    end: End
    moved: dict[str, int]
    warnings: list[str]
    entries_before: int
    entries_after: int


class Observer:
    """Observes the probes of one group on its deployment.

    A probe begins and ends when Envoy is at rest and has no connection, neither with clients nor with
    upstreams: what is seen of one does not hang on which other probes there are (but for the limits' buckets).
    """

    def __init__(self, scene: Scene, group: Group) -> None:
        self._scene = scene
        self._group = group
        self._container = scene.envoy_container
        self._counters = UsedStats(scene.connect_to_admin())
        controls = scene.deployment.scenario.controls
        self._controls: list[ByteStream] = [scene.pod(each.pod).forward(each.port) for each in controls]

    def observe(self) -> list[ProbeResult]:
        """What each probe sent and what was observed of it, in order.

        Raises: UnrestError when Envoy does not come to rest after one, with the probe's place.
        """
        with contextlib.ExitStack() as stack:
            stack.callback(self._counters.close)
            for each in self._controls:
                stack.callback(each.close)
            stats, log = self._rest(f"before the first probe of {self._of_group()}"), self._container.logs()
            observed = []
            for probe in self._group.probes:
                observed.append(self._one(probe, stats, len(log)))
                stats, log = self._last_stats, self._last_log
            entries = self._entries(observed[-1].entries_after)
        normaliser = Normaliser(self._scene.deployment)
        return [self._result(each, entries, normaliser) for each in observed]

    def _one(self, probe: Probe, before: Stats, log_length: int) -> _Observed:
        exchange: Exchange | None = None
        end: End
        try:
            stream = self._scene.connect(probe.pod, self._address(probe.to), probe.to.port, probe.container)
        except ConnectionRefusedError:
            end = "refused"
        except ConnectionResetError:
            end = "reset"
        else:
            with contextlib.closing(stream):
                exchange = probe.protocol.exchange(probe, stream)
                exchange.run()
                if exchange.end == "open":
                    if not exchange.answer.has_no_end:
                        self._no_request_under_way(probe)
                    exchange.look_for_the_end()
                end = exchange.end
        self._last_stats = self._rest(f"after the probe {probe.name} ({probe.where}) of {self._of_group()}")
        self._last_log = self._container.logs()
        return _Observed(
            probe,
            exchange,
            end,
            difference(before, self._last_stats),
            [line for line in self._last_log[log_length:].splitlines() if _WARNING.match(line) and _STACK not in line],
            quiescence.log_entries(before),
            quiescence.log_entries(self._last_stats),
        )

    def _address(self, place: Place) -> str:
        match place.kind:
            case "service":
                return self._scene.service_ip(place.name)
            case "pod":
                return self._scene.pod(place.name).ip
            case _:
                return place.name

    def _no_request_under_way(self, probe: Probe) -> None:
        """Waits until Envoy has done with the request; one that is not answered by its deadline it may still have."""

        def under_way() -> str:
            return "a request" if quiescence.requests(self._counters.now()) else ""

        quiescence.waited_for(under_way, probe.within, _LONGEST_WAIT)

    def _rest(self, when: str) -> Stats:
        """Waits until Envoy has no connection and no counter moves; ends what it has with upstreams that do so."""

        def of_clients() -> str:
            stats = self._counters.now()
            if known := quiescence.connections(stats):
                return f"Envoy has {known} connections with clients; {_FOR_CLIENTS}"
            under_way = quiescence.under_way(stats)
            return f"{under_way}; {_FOR_REQUESTS}" if under_way else ""

        self._waited_for(of_clients, when)
        self._end_upstreams()
        found: list[Stats] = [self._counters.now()]

        def all_of_it() -> str:
            found.append(self._counters.now())
            if active := _active(found[-1]):
                self._end_upstreams()  # one may have come about, or been accepted, only now
                return f"Envoy has connections with upstreams ({active}); {_FOR_UPSTREAMS}"
            if ending := _ending(found[-1]):
                return f"Envoy has not yet counted the end of connections with upstreams ({ending}); {_FOR_UPSTREAMS}"
            if moving := difference(found[-2], found[-1]):
                return f"counters still move ({_listed(moving)}); {_FOR_MOVING}"
            return ""

        self._waited_for(all_of_it, when)
        return found[-1]

    def _end_upstreams(self) -> None:
        """Lets the upstreams that do so when asked end every connection that they have."""
        for each in self._controls:
            each.send(b"end\n")
            each.receive(64)

    def _of_group(self) -> str:
        return f"{self._group.scenario} {self._group.name}"

    def _waited_for(self, look: Callable[[], str], when: str) -> None:
        """Waits until `look`, which tells what is missing and what to do about it, tells nothing."""
        if missing := quiescence.waited_for(look, DEADLINE, _LONGEST_WAIT):
            raise UnrestError(f"{when}: not at rest after {DEADLINE:g} s; last seen: {missing}")

    def _entries(self, number: int) -> list[str]:
        """The lines of Envoy's access log since its start, once the `number` is there of which its counters tell."""
        lines: list[str] = []

        def missing() -> str:
            lines[:] = json_lines(self._container.followed_logs())
            if len(lines) == number:
                return ""
            return f"Envoy's access log has {len(lines)} entries, its counters tell of {number}; {_FOR_LOG}"

        self._waited_for(missing, f"after the last probe of {self._of_group()} ({self._group.where})")
        return lines

    def _result(self, observed: _Observed, entries: list[str], normaliser: Normaliser) -> ProbeResult:
        answer = observed.exchange.answer if observed.exchange is not None else Answer()
        observation = Observation(
            answer.status,
            answer.reason,
            answer.protocol,
            answer.headers,
            answer.body.decode("latin-1"),
            observed.end,
            answer.interim,
            answer.trailers,
            list(map(as_written, entries[observed.entries_before : observed.entries_after])),
            dict(sorted(observed.moved.items())),
            observed.warnings,
        )
        return ProbeResult(
            self._group.scenario,
            f"{self._group.name}/{observed.probe.name}",
            observed.probe.request_in_parts,
            normaliser.observation(observation),
        )


def _active(stats: Stats) -> str:
    """Clusters with connections, and how many; empty if there are none."""
    return _listed({found[1]: value for name, value in stats.items() if value and (found := _UPSTREAM.match(name))})


def _ending(stats: Stats) -> str:
    """Clusters with connections that are no longer active, but whose end is not counted yet: it is a moment later."""
    begun = {name.removesuffix(_BEGUN): value for name, value in stats.items() if name.endswith(_BEGUN)}
    ended = {each: stats.get(f"{each}{_ENDED}", 0) for each in begun}
    return _listed({each: begun[each] - ended[each] for each in begun if begun[each] > ended[each]})


def _listed(counted: Stats) -> str:
    return ", ".join(f"{name}: {value}" for name, value in counted.items())
