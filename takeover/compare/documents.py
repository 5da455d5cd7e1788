"""What changed from one document to another, each change by itself; and what of them can be compared at all."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar, get_args

from msgspec.structs import replace

from takeover.compare import breakdowns, sweeps
from takeover.compare.kinds import BY_NAME, Change
from takeover.compare.observations import ObservedChange, general, observation_changes, warning_changes
from takeover.model.document import (
    UNDECIDED,
    BinaryResult,
    ConfigResult,
    Document,
    Observation,
    Outcome,
    ProbeResult,
    State,
    Variant,
)

_Entry = TypeVar("_Entry", Outcome, ProbeResult, ConfigResult, Variant)
_Key = tuple[str, str]
_BINARY: _Key = ("", "")


@dataclass(frozen=True)
class Reach:
    """How much a document tells that another one can be compared with.

    Args:
        known: its tests, probes and variants, also tests that were not run.
        observed: those of them that can be compared.
        places: where a difference can be seen in it: tests, probes, configs, the binary.
    """

    known: frozenset[_Key]
    observed: frozenset[_Key]
    places: frozenset[_Key]

    @classmethod
    def of(cls, document: Document) -> "Reach":
        """That document's."""
        tests = {_key(each) for each in document.tests}
        ended = {_key(each) for each in document.tests if each.state not in UNDECIDED}
        probes = {_key(each) for each in document.probes} | {_key(each) for each in sweeps.variants(document)}
        others = {_key(each) for each in document.configs} | ({_BINARY} if document.binary else set())
        others |= {(each.scenario, name) for each in sweeps.variants(document) for name in sweeps.names(each)}
        return cls(frozenset(tests | probes), frozenset(ended | probes), frozenset(ended | probes | others))

    def looked_at(self, scenario: str, name: str) -> bool:
        """Whether a difference of the probe, test or config of that name would have been seen."""
        return (scenario, name) in self.places or ("", name) in self.places


def document_changes(old: Document, new: Document) -> Iterator[Change]:
    """All changes between what both documents have; what only one of them was asked for is not compared.

    That two Envoys break down alike is a finding of both; of one that was run twice it is none: nothing has changed.
    """
    changes = _changes(old, new)
    return changes if old.envoy != new.envoy else (each for each in changes if not _is_of_both(each))


def broken_again(old: Document, new: Document) -> list[_Key]:
    """The probes and variants under which one Envoy that was run twice broke down alike; none of two Envoys."""
    if old.envoy != new.envoy:
        return []
    found = [
        each
        for was, now in _pairs(old.probes, new.probes)
        if was.request == now.request
        for each in breakdowns.of_both(was, now)
    ]
    for pair in _pairs(sweeps.variants(old), sweeps.variants(new)):
        found += filter(_is_of_both, sweeps.sweep_changes(*pair))
    return [(each.scenario, each.probe) for each in found]


def _is_of_both(change: Change) -> bool:
    return change.kind == breakdowns.KIND and change.was == change.now


def _changes(old: Document, new: Document) -> Iterator[Change]:
    for was, now in _pairs(old.tests, new.tests):
        yield from _test_changes(was, now)
    for config_was, config_now in _pairs(old.configs, new.configs):
        yield from _config_changes(config_was, config_now)
    for variant_was, variant_now in _pairs(sweeps.variants(old), sweeps.variants(new)):
        yield from sweeps.sweep_changes(variant_was, variant_now)
    known = _known_stats(old)
    for probe_was, probe_now in _pairs(old.probes, new.probes):
        if probe_was.request != probe_now.request:
            continue
        for each in observation_changes(probe_was.observation, probe_now.observation, known):
            yield _placed(each, probe_now.scenario, probe_now.probe)
        yield from breakdowns.of_both(probe_was, probe_now)
    if old.binary and new.binary:
        yield from _binary_changes(old.binary, new.binary)
        if have_like_statistics(old, new):
            yield from _there_or_not("statistic", old.binary.stats, new.binary.stats)
    for kind in BY_NAME.values():
        if kind.find is not None:
            yield from kind.find(old, new)


def other_requests(old: Document, new: Document) -> list[_Key]:
    """The probes of both whose requests are not the same: of another revision of the project, mostly."""
    return [_key(now) for was, now in _pairs(old.probes, new.probes) if was.request != now.request]


def neither_supports(old: Document, new: Document) -> list[_Key]:
    """The tests that were tried on neither."""
    return [_key(now) for was, now in _pairs(old.tests, new.tests) if was.state == now.state == "unsupported"]


def untried_changes(old: Document, new: Document) -> Iterator[Change]:
    """All that those tests could show between two Envoys that support them."""
    states = [each for each in get_args(State) if each not in UNDECIDED]
    for was, now in _pairs(old.tests, new.tests):
        if was.state == now.state == "unsupported":
            for before, after in itertools.permutations(states, 2):
                yield from _test_changes(replace(was, state=before), replace(now, state=after))


def both_failed(old: Document, new: Document) -> list[_Key]:
    """The tests that failed on both, as where nothing could be deployed."""
    return [_key(now) for was, now in _pairs(old.tests, new.tests) if was.state == now.state == "fail"]


def config_keys(document: Document) -> frozenset[_Key]:
    """Its configs."""
    return frozenset(map(_key, document.configs))


def have_like_statistics(old: Document, new: Document) -> bool:
    """Whether the same scenarios' configs gave both binaries the statistics that they have."""
    was, now = ({each.scenario for each in of.configs if each.source == "manifest"} for of in (old, new))
    return was == now


def _known_stats(document: Document) -> frozenset[str]:
    """The statistics that the binary has, by their general names; empty if it was not asked.

    Those that name a status or a code are there only once they have moved.
    """
    if document.binary is None:
        return frozenset()
    return frozenset(map(general, document.binary.stats)) | moving_stats(document)


def moving_stats(document: Document) -> frozenset[str]:
    """The statistics that some probe moves, by their general names."""
    return frozenset(map(general, set[str]().union(*(_counted(each.observation) for each in document.probes))))


def _counted(observed: Observation) -> Iterator[str]:
    yield from observed.stats
    yield from observed.gauges or ()


def _key(entry: Outcome | ProbeResult | ConfigResult | Variant) -> _Key:
    match entry:
        case Outcome():
            return "", entry.name
        case ProbeResult():
            return entry.scenario, entry.probe
        case ConfigResult():
            return entry.scenario, entry.source
        case Variant():
            return entry.scenario, entry.name


def _pairs(old: Sequence[_Entry], new: Sequence[_Entry]) -> Iterator[tuple[_Entry, _Entry]]:
    known = {_key(each): each for each in old}
    return ((known[_key(each)], each) for each in new if _key(each) in known)


def _placed(aspect: ObservedChange, scenario: str, probe: str) -> Change:
    return Change(aspect.kind, scenario, probe, aspect.what, aspect.was, aspect.now)


def _test_changes(was: Outcome, now: Outcome) -> Iterator[Change]:
    if UNDECIDED & {was.state, now.state} or was.state == now.state:
        return
    kind = "verdict-better" if now.state == "pass" else "verdict"
    yield Change(kind, now.scenario, now.name, "test", was.state, now.state, now.reason or was.reason)


def _config_changes(was: ConfigResult, now: ConfigResult) -> Iterator[Change]:
    said = {True: "loads", False: "rejected"}
    if was.loads != now.loads:
        kind = "config-accepted" if now.loads else "config-rejected"
        detail = was.error or now.error
        # Of a corpus each reason is a difference of its own; a scenario's configs are told together.
        what = f"config ({detail})" if now.source == "corpus" else "config"
        yield Change(kind, now.scenario, now.source, what, said[was.loads], said[now.loads], detail)
    elif was.error != now.error:
        yield Change("warning", now.scenario, now.source, "the config's error", was.error, now.error)
    for each in warning_changes(was.warnings, now.warnings):
        yield _placed(each, now.scenario, now.source)


def _binary_changes(was: BinaryResult, now: BinaryResult) -> Iterator[Change]:
    for kind, olds, news in (
        ("extension", was.extensions, now.extensions),
        ("flag", was.flags, now.flags),
        ("guard", was.guards, now.guards),
    ):
        yield from _there_or_not(kind, olds, news)


def _there_or_not(kind: str, was: Sequence[str], now: Sequence[str]) -> Iterator[Change]:
    yield from (Change(f"{kind}-gone", "", "", each, "there", None) for each in sorted({*was} - {*now}))
    yield from (Change(f"{kind}-added", "", "", each, None, "there") for each in sorted({*now} - {*was}))
