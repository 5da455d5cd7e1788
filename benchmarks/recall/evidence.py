"""How much a difference speaks for a documented change: by the technical terms of both, the rare ones most."""

import functools
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.recall import terms
from benchmarks.recall.areas import NAMELESS, Asked
from benchmarks.recall.configured import Settings
from benchmarks.recall.findings import Finding, Home, Pair, Probe
from benchmarks.recall.terms import Terms

Met = Callable[[str, str], Settings]
"""What of Envoy's configuration the probe of a scenario meets."""

# What a list's words of how to see a change may call a kind of difference.
_CALLED = {
    "security-header": "header",
    "connection": "connection closed close reset",
    "tls": "TLS handshake",
    "route": "route host",
    "upstream": "seen by the upstream",
    "frame": "frames",
    "log-field": "access log",
    "config-rejected": "config rejected",
    "config-accepted": "config accepted",
}
_OF_STATISTICS = re.compile(r"^/stats\b")
_TECHNICAL = re.compile(r"[\w-]+: [\w./-]+|\S*(?:\d|[_%/=<>^$]|[A-Za-z]-[a-z]|[A-Z][A-Z]|[a-z][A-Z])\S*")
_PLAIN = 0.5
"""How much a word counts that is as any other, or names the area: that is looked for in its places already."""

_VERSION = re.compile(r"\bv?\d+\.\d+(?:\.(?:\d+|x))?\b(?!\w)")
_NOTE = re.compile(r"\(guard gone[^)]*\)|already in \d|also in \d|CVE-[\d-]+", re.IGNORECASE)


@dataclass(frozen=True)
class Wanted:
    """A term of a documented change.

    Args:
        weight: 1 of a technical one, with a digit, a sign or a capital inside; less of a word as any other.
    """

    parts: tuple[str, ...]
    weight: float


def wanted(area: str, words: str) -> Mapping[str, Wanted]:
    """The terms of an area's name, and of a change's words but for their numbers of versions and their notes."""
    words = _VERSION.sub(" ", _NOTE.sub(" ", words))
    found = {term: Wanted(parts, _PLAIN) for term, parts in terms.of_all([area, words]).items()}
    return found | {term: Wanted(parts, 1.0) for term, parts in terms.of_all(_TECHNICAL.findall(words)).items()}


@dataclass(frozen=True)
class Shown:
    """A difference behind one listener, and its terms.

    Args:
        own: of what changed there.
        around: of what its probes send, and of the configuration that they meet.
        weight: how much `around` counts: 1 for what shows behind one listener alone, 0 for what shows behind all.
    """

    finding: Finding
    own: frozenset[str]
    around: frozenset[str]
    weight: float


@dataclass(frozen=True)
class Score:
    """How much a difference speaks for a change: the sum over the terms that they share.

    Args:
        own: what those add that are of what changed.
    """

    value: float
    own: float
    terms: tuple[tuple[str, float], ...]

    def __str__(self) -> str:
        told = [f"{term} {value:.2f}" for term, value in self.terms if value >= 0.01]
        return f"{self.value:.2f}: {', '.join(told) or 'no term in common'}"


class Evidence:
    """Knows the terms of all that was asked and found, and how rare each is: 1 behind one listener alone, 0 behind all.

    Args:
        asked: all probes, also those that show no difference.
    """

    def __init__(self, findings: Mapping[Pair, Sequence[Finding]], asked: Mapping[Probe, Asked], met: Met) -> None:
        self._met = met
        self._sent: dict[Probe, frozenset[str]] = {}
        self._settings: dict[Settings, frozenset[str]] = {}
        homes: dict[Home, set[str]] = {}
        for probe, each in asked.items():
            homes.setdefault((probe[0], each.port), set()).update(self._around(probe, each))
        self._homes = max(len(homes), 2)
        self.shown = {pair: [one for each in found for one in self._apart(each)] for pair, found in findings.items()}
        changed: dict[Home, set[str]] = {}
        for found in self.shown.values():
            for one in found:
                (probe, each), *_ = one.finding.places.items()
                changed.setdefault((probe[0], each.port), set()).update(one.own)
                homes.setdefault((probe[0], each.port), set()).update(one.around)
        self._of_change, self._of_place = self._rarity(changed.values()), self._rarity(homes.values())

    def _rarity(self, listeners: Iterable[set[str]]) -> dict[str, float]:
        counts = Counter(term for each in listeners for term in each)
        return {term: max(0.0, 1 - math.log(count) / math.log(self._homes)) for term, count in counts.items()}

    def score(self, wanted: Mapping[str, Wanted], shown: Shown) -> Score:
        """How much it speaks for a change with these terms: a term counts by what it says beyond its parts.

        One that changed counts by how few listeners it ever changed behind, one around it by how few have it.
        """
        own, around = shown.own, shown.around
        counts = {term: self._of_change[term] for term in wanted if term in own}
        for term in wanted:
            if term in around:
                counts[term] = max(counts.get(term, 0.0), shown.weight * self._of_place[term])
        found: dict[str, float] = {}
        for term, value in counts.items():
            beyond = value - sum(counts.get(each, 0.0) for each in wanted[term].parts)
            if beyond > 0:
                found[term] = beyond * wanted[term].weight
        return Score(
            sum(found.values()),
            sum(value for term, value in found.items() if term in own),
            tuple(sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))),
        )

    def _apart(self, finding: Finding) -> Iterable[Shown]:
        apart = finding.apart.values()
        weight = 1 - math.log(max(len(apart), 1)) / math.log(self._homes)
        for each in apart:
            counts = Counter(term for probe, asked in each.places.items() for term in self._around(probe, asked))
            around = frozenset(term for term, count in counts.items() if 2 * count > len(each.places))
            yield Shown(each, frozenset(self._own(each)), around, max(weight, 0.0))

    def _own(self, finding: Finding) -> Terms:
        if finding.kind in NAMELESS:
            return terms.of_text("statistic")
        found = {**terms.of_text(_CALLED.get(finding.kind, finding.kind)), **terms.of_text(finding.what)}
        if not all(_OF_STATISTICS.match(each.path) for each in finding.places.values()):
            found |= _changed(finding.was, finding.now)
        if finding.kind in ("log-field", "route"):
            for each in finding.places:
                found |= terms.of_operators(self._met(*each), finding.what)
        return found

    def _around(self, probe: Probe, asked: Asked) -> frozenset[str]:
        if probe not in self._sent:
            sent = frozenset(terms.of_request(asked.request) if asked.request else ())
            met = self._met(*probe)
            if met not in self._settings:
                self._settings[met] = frozenset(terms.of_settings(met))
            self._sent[probe] = sent | self._settings[met]
        return self._sent[probe] | {str(asked.status)}  # it may be another one in each version


@functools.lru_cache(maxsize=1 << 12)  # one change shows behind many listeners
def _changed(was: str | None, now: str | None) -> Terms:
    return terms.of_change(was, now)
