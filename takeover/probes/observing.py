"""Observes a group's probes: whatever becomes of an Envoy meanwhile, what was observed of each is told."""

from collections.abc import Iterable

from msgspec import UNSET
from msgspec.structs import replace

from takeover.base.errors import DeploymentError, LostError, TakeoverError
from takeover.evidence.snapshots import UnrestError
from takeover.model.document import Breakdown, Observation, ProbeResult, StreamAnswer
from takeover.model.logs import as_written
from takeover.net.http1 import Answer
from takeover.probes.attendance import LONGEST_LINE, MOST_LINES
from takeover.probes.normal_form import Normaliser
from takeover.probes.own_words import own_words_without_chance
from takeover.probes.probe import Group, Probe
from takeover.probes.removals import Removals
from takeover.probes.stretch import Observed, Stretch
from takeover.scenario.places import EnvoyPlace
from takeover.scene import Scene


class NotObservedError(UnrestError):
    """Probes could not be observed: a line for each cause. What could be is in `Observer.results`."""


class Observer:
    """Observes the probes of one group on its deployment.

    Where an Envoy breaks down or does not come to rest under a probe, its Pod is made anew for those that follow: a
    limit's bucket is full again then.

    Attributes:
        results: what was observed so far, in order.
        removals: what the rules of normalisation took out of that.
    """

    def __init__(self, scene: Scene, group: Group, removals: Removals | None = None) -> None:
        self._scene = scene
        self._group = group
        self._spent: list[str] = []
        self.results: list[ProbeResult] = []
        self.removals = Removals() if removals is None else removals

    def observe(self) -> list[ProbeResult]:
        """What each probe sent and what was observed of it, in order.

        Raises: NotObservedError at the end, if that holds for not all of them.
        """
        left, faults = list(self._group.probes), list[str]()
        while left:
            stretch = Stretch(self._scene, self._group)
            try:
                self.renew()
                left = left[stretch.observe(left) :]
            except LostError:  # whatever was observed of it, and would be, says nothing of Envoy
                raise
            except (TakeoverError, UnrestError) as error:
                faults.append(str(error))
                break
            finally:
                # A Pod that is made anew has another address.
                normaliser = Normaliser(self._scene.deployment, self.removals)
                self.results += [self._result(each, normaliser) for each in stretch.observed]
                self._spent += stretch.spent
                faults += stretch.faults
        if faults:
            raise NotObservedError("\n".join(faults))
        return self.results

    def renew(self) -> None:
        """Makes the Pods anew whose Envoy cannot be probed any more. Raises: DeploymentError."""
        for pod in dict.fromkeys(self._spent):
            self._scene.restart(pod)
        self._spent.clear()

    def _result(self, observed: Observed, normaliser: Normaliser) -> ProbeResult:
        answer = observed.exchange.answer if observed.exchange is not None else Answer()
        normal = normaliser.observation(
            Observation(
                answer.status,
                answer.reason,
                answer.protocol,
                answer.headers,
                answer.body.decode("latin-1"),
                observed.end,
                answer.interim,
                answer.trailers,
                [
                    {"envoy": name} | as_written(line) if name else as_written(line)
                    for name, lines in observed.entries.items()
                    for line in lines
                ],
                dict(sorted(observed.moved.items())),
                observed.warnings,
                stream_end=answer.stream_end or UNSET,
                frames=UNSET if answer.frames is None else answer.frames,
                streams=[_stream(number, each) for number, each in answer.streams.items()] or UNSET,
                messages=UNSET if answer.messages is None else [each.decode("latin-1") for each in answer.messages],
                tls=UNSET if observed.tls is None else observed.tls,
                others=observed.others or UNSET,
                gauges=UNSET if observed.gauges is None else dict(sorted(observed.gauges.items())),
                upstream=UNSET if observed.upstream is None else observed.upstream,
            ),
            of_admin=observed.probe.to.port in {each.admin_port for each in self._scene.envoys},
            of_several=observed.probe.connections > 1,
        )
        if observed.breakdown is not None:
            log = [normaliser.own_words(line) for line in observed.breakdown.log]
            normal.breakdown = replace(observed.breakdown, why=normaliser.own_words(observed.breakdown.why), log=log)
        result = _result(self._group, observed.probe, normal)
        self.removals.end(result.scenario, result.probe)
        return result


def _stream(number: int, answer: Answer) -> StreamAnswer:
    body = answer.body.decode("latin-1")
    return StreamAnswer(number, answer.status, answer.headers, body, answer.trailers, answer.stream_end)


def not_started(group: Group, envoys: Iterable[EnvoyPlace], error: DeploymentError) -> list[ProbeResult]:
    """What is observed of a group whose deployment does not come up: that its first probe finds no Envoy.

    Nothing, if it is not because of an Envoy.
    """
    if error.container not in {f"{each.pod}/{each.container}" for each in envoys}:
        return []
    log = error.details.get(f"log of {error.container}", "").splitlines()[-MOST_LINES:]
    lines = [own_words_without_chance(line[:LONGEST_LINE]) for line in log]
    broken = Breakdown(error.container, "not-started", error.exit_code, own_words_without_chance(str(error)), lines)
    return [_result(group, group.probes[0], Observation(None, end="refused", breakdown=broken))]


def _result(group: Group, probe: Probe, observation: Observation) -> ProbeResult:
    return ProbeResult(group.scenario, f"{group.name}/{probe.name}", probe.request_in_parts, observation)
