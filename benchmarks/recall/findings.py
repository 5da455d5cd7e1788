"""What differs between two Envoys that follow each other, each change once, with all places where it shows."""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from packaging.version import Version

from benchmarks.recall.areas import Asked
from benchmarks.recall.runs import as_one
from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.compare.comparison import compare
from takeover.model.document import Document
from takeover.model.repeats import whole
from takeover.model.versions import version_of
from takeover.store import documents as store
from takeover.store import together

Probe = tuple[str, str]
"""A scenario, and the name of a probe, test or config there."""

Read = Callable[[], Document]
"""Reads results of one version."""

Runs = tuple[Read, ...]
"""Results of one version, the latest last."""

Home = tuple[str, int]
"""A scenario, and a port there: mostly one listener."""


@dataclass(frozen=True)
class Pair:
    """Two versions between which none was tested."""

    old: Version
    new: Version

    def holds(self, version: Version) -> bool:
        """Whether what came with that version shows between them."""
        return self.old < version <= self.new

    def __str__(self) -> str:
        return f"{self.old} → {self.new}"


@dataclass
class Finding:
    """A change, wherever it shows.

    Args:
        ids: of the differences as `takeover compare` lists them.
        places: where it shows → what was asked there.
    """

    pair: Pair
    kind: str
    what: str
    was: str | None
    now: str | None
    ids: list[str] = field(default_factory=list)
    places: dict[Probe, Asked] = field(default_factory=dict)

    @cached_property
    def apart(self) -> dict[Home, "Finding"]:
        """The change behind each listener by itself: what is alike in two places may have two causes."""
        found: dict[Home, Finding] = {}
        for (scenario, probe), asked in self.places.items():
            home = scenario, asked.port
            one = found.setdefault(home, Finding(self.pair, self.kind, self.what, self.was, self.now, self.ids))
            one.places[scenario, probe] = asked
        return found


class Results:
    """Stored results of many versions, from folders of runs of one version or of several.

    Raises: BadInputError for a folder without results, and where there is one version alone.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = [_results(each) for each in folders]
        self.versions = sorted({version for runs in self._folders for version in runs})
        if len(self.versions) < 2:
            raise BadInputError(
                f"{', '.join(map(display_path, folders))}: results of {self.versions[0]} alone: name those of another"
                " version, too"
            )
        self.asked: dict[Probe, Asked] = {}
        self._read = functools.lru_cache(maxsize=2)(_read)  # a pair's newer one is the next one's older one
        self.remarks: dict[Pair, list[str]] = {}

    @property
    def pairs(self) -> list[Pair]:
        """The neighbours, the oldest first."""
        return [Pair(old, new) for old, new in zip(self.versions, self.versions[1:], strict=False)]

    def findings(self) -> dict[Pair, list[Finding]]:
        """What differs between neighbours, but for what is unstable, each where it first shows.

        Fills `asked`, all that was asked, and `remarks`: what must be known to trust it.
        """
        return where_they_first_show({pair: list(self._differing(pair)) for pair in self.pairs})

    def _differing(self, pair: Pair) -> Iterable[Finding]:
        found: dict[tuple[str, str, str | None, str | None], Finding] = {}
        for old, new in self._compared(pair):
            for each in self._findings(pair, self._read(old), self._read(new)):
                known = found.setdefault((each.kind, each.what, each.was, each.now), each)
                known.places |= each.places
                known.ids += [name for name in each.ids if name not in known.ids]
        return found.values()

    def _compared(self, pair: Pair) -> list[tuple[Runs, Runs]]:
        """The results of every run of both, and those of runs of one version alone."""
        both: list[tuple[Runs, Runs]] = [
            ((runs[pair.old],), (runs[pair.new],)) for runs in self._folders if {pair.old, pair.new} <= runs.keys()
        ]
        alone = [runs for runs in self._folders if len(runs) == 1 or not both]
        old, new = (tuple(runs[each] for runs in alone if each in runs) for each in (pair.old, pair.new))
        return [*both, (old, new)] if old and new else both

    def _findings(self, pair: Pair, old: Document, new: Document) -> Iterator[Finding]:
        asked = _asked(old) | _asked(new)
        self.asked |= asked
        comparison = compare({str(pair.old): lambda: old, str(pair.new): lambda: new})
        compared = f"{comparison.compared[str(pair.new)]} of {comparison.total} probes and tests compared"
        self.remarks.setdefault(pair, []).extend([compared, *comparison.remarks])
        for each in comparison.differences:
            finding = Finding(pair, each.kind, each.what, each.was, each.now, [each.id])
            for place in each.places:
                key = (place.scenario, place.probe)
                finding.places[key] = asked.get(key, Asked())
            yield finding


def where_they_first_show(findings: Mapping[Pair, Sequence[Finding]]) -> dict[Pair, list[Finding]]:
    """The findings, the oldest pair's first, each place only where its change first shows: again is not new."""
    shown: set[tuple[str, str, str | None, str | None, Probe]] = set()
    kept: dict[Pair, list[Finding]] = {}
    for pair, found in findings.items():
        kept[pair] = []
        for each in found:
            keys = {place: (each.kind, each.what, each.was, each.now, place) for place in each.places}
            places = {place: asked for place, asked in each.places.items() if keys[place] not in shown}
            shown.update(keys.values())
            if places:
                kept[pair].append(replace(each, places=places))
    return kept


def _results(folder: Path) -> dict[Version, Read]:
    """The results in a folder: kept together there; of its latest run, of the run that it is, or the folder itself."""
    if together.is_there(folder):
        kept = together.Together(folder)
        return {version: functools.partial(kept.document, name) for name in kept.names if (version := version_of(name))}
    inner = next(
        (each for each in (folder / "latest" / store.RESULTS, folder / store.RESULTS) if each.is_dir()), folder
    )
    found: dict[Version, Read] = {
        version: functools.partial(store.read, each)
        for each in sorted(inner.glob("*.json"))
        if (version := version_of(each.stem))
    }
    if not found:
        raise BadInputError(f"{display_path(folder)}: holds no results of an Envoy: name a run's folder")
    return found


def _read(runs: Runs) -> Document:
    return as_one([each() for each in runs])


def _asked(document: Document) -> dict[Probe, Asked]:
    return {
        (each.scenario, each.probe): Asked(
            each.request.protocol,
            whole(each.request.path or ""),
            each.request.to.port,
            each.request.tls is not None,
            each.request,
            each.observation.status,
        )
        for each in document.probes
    }
