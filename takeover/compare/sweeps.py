"""What changed between two Envoys' sweeps: what they take of the same variants, and what they do with those."""

from collections.abc import Iterator

from takeover.compare import breakdowns
from takeover.compare.kinds import Change
from takeover.compare.observations import observation_changes, warning_changes
from takeover.model.document import Document, Observation, Variant

_BROKEN = {"ended": "ends", "hangs": "hangs"}
_GOES_ON = "goes on"


def variants(document: Document) -> list[Variant]:
    """Those of a document; none where no sweep was made."""
    return document.sweep.variants if document.sweep else []


def probe_name(variant: Variant, probe: str) -> str:
    """How a probe of a variant is called among others."""
    return f"{variant.name}: {probe}"


def names(variant: Variant) -> list[str]:
    """Where a difference of it can be seen: of itself, and of its probes."""
    return [variant.name, *(probe_name(variant, each.name) for each in variant.probes)]


def broken(variant: Variant) -> str:
    """How Envoy broke down; empty if it went on."""
    how = _BROKEN.get(variant.state, "")
    return f"{how} ({variant.error.partition(':')[0]})" if how else ""


def finding(variant: Variant) -> Change | None:
    """An Envoy that broke down, as a finding by itself."""
    told = broken(variant)
    return (
        Change(breakdowns.KIND, variant.scenario, variant.name, "Envoy", _GOES_ON, told, variant.error)
        if told
        else None
    )


def sweep_changes(was: Variant, now: Variant) -> Iterator[Change]:
    """The changes between what two Envoys made of the same variant; none where one does not always do the same."""
    if "unstable" in (was.state, now.state):
        return
    before, after = broken(was), broken(now)
    where = (now.scenario, now.name)
    if before or after:
        detail = now.error if after else was.error
        yield Change(breakdowns.KIND, *where, "Envoy", before or _GOES_ON, after or _GOES_ON, detail)
    elif was.state != now.state:
        kind = "config-accepted" if now.state == "taken" else "config-rejected"
        yield Change(kind, *where, "config", was.state, now.state, now.error or was.error)
    elif was.error != now.error:
        yield Change("warning", *where, "the config's error", was.error, now.error)
    if was.state == now.state == "taken":
        for each in warning_changes(was.warnings, now.warnings):
            yield Change(each.kind, *where, each.what, each.was, each.now)
        seen = {each.name: each.observation for each in was.probes}
        for probe in now.probes:
            yield from _probe_changes(now, probe.name, seen.get(probe.name), probe.observation)


def _probe_changes(variant: Variant, probe: str, was: Observation | None, now: Observation) -> Iterator[Change]:
    if was is not None:
        for each in observation_changes(was, now):
            yield Change(each.kind, variant.scenario, probe_name(variant, probe), each.what, each.was, each.now)
