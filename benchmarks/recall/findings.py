"""What differs between two Envoys that follow each other, each change once, with all places where it shows."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from packaging.version import Version

from benchmarks.recall.areas import Asked
from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.compare.comparison import compare
from takeover.model.document import Document
from takeover.model.repeats import whole
from takeover.model.versions import version_of
from takeover.store import documents as store


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


Home = tuple[Pair, str, int, str]
"""A pair of versions, a scenario, a port there, and what kind of thing changed."""

# What one cause mostly changes together is one thing.
_ALIKE = {
    "header": ("security-header", "header", "body", "status", "route", "verdict", "verdict-better", "log-field"),
    "connection": ("connection", "frame", "tls", "crash"),
    "statistic": ("statistic", "statistic-added", "statistic-gone"),
}
_THING = {kind: thing for thing, kinds in _ALIKE.items() for kind in kinds}


@dataclass
class Finding:
    """A change, wherever it shows.

    Args:
        ids: of the differences as `takeover compare` lists them.
        places: scenario, and probe, test or config → what was asked there.
    """

    pair: Pair
    kind: str
    what: str
    was: str | None
    now: str | None
    ids: list[str] = field(default_factory=list)
    places: dict[tuple[str, str], Asked] = field(default_factory=dict)

    @cached_property
    def home(self) -> Home:
        """Where it shows most. What differs there in one way has one cause, and shows one documented change."""
        ports = Counter((scenario, asked.port) for (scenario, _), asked in self.places.items())
        (scenario, port), _ = min(ports.items(), key=lambda pair: (-pair[1], pair[0]))
        return self.pair, scenario, port, _THING.get(self.kind, self.kind)


class Results:
    """Stored results of many versions, from one folder or from several.

    Raises: BadInputError for a folder without two versions.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = [_files(each) for each in folders]
        self.versions = sorted({version for files in self._folders for version in files})

    @property
    def pairs(self) -> list[Pair]:
        """The neighbours, the oldest first."""
        return [Pair(old, new) for old, new in zip(self.versions, self.versions[1:], strict=False)]

    def findings(self, pair: Pair) -> list[Finding]:
        """What differs between the two, but for what is unstable; from every folder that has both."""
        found: dict[tuple[str, str, str | None, str | None], Finding] = {}
        for files in self._folders:
            if pair.old in files and pair.new in files:
                for each in _findings(pair, files[pair.old], files[pair.new]):
                    key = (each.kind, each.what, each.was, each.now)
                    known = found.setdefault(key, each)
                    known.places |= each.places
                    known.ids += [name for name in each.ids if name not in known.ids]
        return list(found.values())

    def is_compared(self, pair: Pair) -> bool:
        """Whether some folder has both."""
        return any(pair.old in files and pair.new in files for files in self._folders)


def _files(folder: Path) -> dict[Version, Path]:
    inner = folder / store.RESULTS
    files = sorted((inner if inner.is_dir() else folder).glob("*.json"))
    found = {version: each for each in files if (version := version_of(each.stem))}
    if len(found) < 2:
        raise BadInputError(f"{display_path(folder)}: holds no results of two versions of Envoy: name a run's folder")
    return found


def _findings(pair: Pair, old_file: Path, new_file: Path) -> Iterator[Finding]:
    old, new = store.read(old_file), store.read(new_file)
    comparison = compare({"old": lambda: old, "new": lambda: new})
    asked = _asked(old) | _asked(new)
    for each in comparison.differences:
        finding = Finding(pair, each.kind, each.what, each.was, each.now, [each.id])
        for place in each.places:
            key = (place.scenario, place.probe)
            finding.places[key] = asked.get(key, Asked())
        yield finding


def _asked(document: Document) -> dict[tuple[str, str], Asked]:
    return {
        (each.scenario, each.probe): Asked(
            each.request.protocol,
            whole(each.request.path or ""),
            each.request.to.port,
            each.request.tls is not None,
        )
        for each in document.probes
    }
