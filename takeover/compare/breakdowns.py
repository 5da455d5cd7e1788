"""An Envoy that breaks down under a probe: the kind `crash`, a finding also where every Envoy does so."""

from collections.abc import Iterator

from msgspec import UNSET

from takeover.compare.kinds import Change
from takeover.model.document import Breakdown, Observation, ProbeResult

KIND = "crash"
_GOES_ON = "goes on"


def change(scenario: str, probe: str, was: Breakdown | None, now: Breakdown | None) -> Change | None:
    """What became of the Envoys, on both sides; None where both go on."""
    told = now or was
    if told is None:
        return None
    before, after = (_GOES_ON if each is None else str(each) for each in (was, now))
    return Change(KIND, scenario, probe, f"Envoy {told.envoy}", before, after, told.why)


def of(observation: Observation) -> Breakdown | None:
    """How an Envoy broke down under it."""
    return None if observation.breakdown is UNSET else observation.breakdown


def of_both(was: ProbeResult, now: ProbeResult) -> Iterator[Change]:
    """The same breakdown on both sides: no difference, and yet nothing that may pass unsaid."""
    before, after = of(was.observation), of(now.observation)
    if before is not None and after is not None and str(before) == str(after):
        found = change(now.scenario, now.probe, before, after)
        assert found is not None
        yield found
