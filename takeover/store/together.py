"""Results of several Envoys in `REPORTS/together`: of their probes only what not all of them did alike.

So a repository can hold tens of thousands of probes of many Envoys: `envoys.json`, and `probes/SCENARIO.json` for each
scenario. They can be compared with each other alone.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import UNSET
from msgspec.structs import asdict, replace

from takeover.base import atomic
from takeover.base.errors import BadInputError
from takeover.base.paths import display_path, file_name
from takeover.compare.alike import without_alike
from takeover.compare.stability import Aspect, aspects
from takeover.model.document import Document, Observation, ProbeResult, RepeatedProbe, UnstableAspect
from takeover.model.json import decoder, encode
from takeover.model.together import FORM, Seen, SharedEnvoys, SharedProbe, SharedScenario, Shortened
from takeover.store.publishing import in_lines, without_times

FOLDER = "together"
_ENVOYS = "envoys.json"
_PROBES = "probes"
_File = TypeVar("_File", SharedEnvoys, SharedScenario)
_Key = tuple[str, str]


def is_there(folder: Path) -> bool:
    """Whether results are kept together there."""
    return (folder / _ENVOYS).is_file()


class Together:
    """What is kept in a folder. Raises: BadInputError for one that cannot be read, or has nothing."""

    def __init__(self, folder: Path) -> None:
        if not is_there(folder):
            raise BadInputError(f"nothing is kept in {display_path(folder)}: takeover publish --together puts it there")
        self.folder = folder
        kept = _decoded(folder / _ENVOYS, SharedEnvoys)
        self._runs, self._expected = kept.runs, kept.scenarios
        self._envoys = {each.envoy.name: each for each in kept.envoys}
        self._scenarios: list[SharedScenario] | None = None

    @property
    def names(self) -> list[str]:
        """The Envoys, the oldest first."""
        return list(self._envoys)

    def remark(self) -> str:
        """What a reader must know to trust it."""
        made = f"most made {self._runs + 1} times" if self._runs else "most made once, so that some of it is chance"
        return f"kept together in {display_path(self.folder)}: the probes of {len(self._envoys)} Envoys, {made}"

    def check(self, names: Iterable[str]) -> None:
        """Raises: BadInputError for one that is not there, or is named twice."""
        named: set[str] = set()
        for name in names:
            if name not in self._envoys:
                there = ", ".join(self._envoys)
                raise BadInputError(f"no results of {name} in {display_path(self.folder)}; there are {there}")
            if name in named:
                raise BadInputError(f"{name} is named twice")
            named.add(name)

    def document(self, name: str) -> Document:
        """An Envoy's document, its observations without what all that made a probe did alike.

        Raises: BadInputError for a file that cannot be read.
        """
        if self._scenarios is None:
            files = sorted((self.folder / _PROBES).glob("*.json"))
            scenarios = [_decoded(file, SharedScenario) for file in files]
            if len(files) != self._expected:
                told = (
                    f"{len(files)} scenarios of {self._expected} are there: takeover publish --together makes them anew"
                )
                raise BadInputError(f"{display_path(self.folder)}: {told}")
            self._scenarios = scenarios
        probes: list[ProbeResult] = []
        repeated: list[RepeatedProbe] = []
        for each in self._scenarios:
            for probe in each.probes:
                seen = next((of.observation for of in probe.seen if not of.envoys or name in of.envoys), None)
                if seen is None:
                    continue
                probes.append(ProbeResult(each.scenario, probe.probe, probe.request, seen))
                if times := probe.again.get(name, self._runs):
                    unstable = probe.unstable.get(name, [])
                    repeated.append(RepeatedProbe(each.scenario, probe.probe, times, unstable))
        return replace(self._envoys[name], probes=probes, repeated=repeated or UNSET)


def keep(documents: Iterable[Document], folder: Path) -> Iterator[Path]:
    """Writes the results of several Envoys, in place of what was there; yields each file.

    Args:
        documents: of the oldest Envoy first. The first of each is kept; what its others have otherwise is of chance,
            and said to be. In memory are those that are kept, and one more.

    Raises: BadInputError where they are of one Envoy alone, and for a folder that cannot be written to.
    """
    envoys: dict[str, _Made] = {}
    for document in documents:
        name = document.envoy.name
        if name in envoys:
            envoys[name].compare(document)
        else:
            envoys[name] = _Made(document)
    if len(envoys) < 2:
        raise BadInputError(f"--together: name results of another Envoy, too, not only of {', '.join(envoys)}")
    scenarios = _scenarios(envoys)
    counts = Counter(times for probes in scenarios.values() for each in probes for times in each.again.values())
    further = max(sorted(counts), key=lambda times: counts[times], default=0)
    for each in itertools.chain.from_iterable(scenarios.values()):
        each.again = {name: times for name, times in each.again.items() if times != further}
    try:
        (folder / _PROBES).mkdir(parents=True, exist_ok=True)
        (folder / _ENVOYS).unlink(missing_ok=True)  # without it nothing is there, until all is
        for path in (folder / _PROBES).glob("*.json"):
            path.unlink()
        taken: set[str] = set()
        for scenario, probes in sorted(scenarios.items()):
            name = file_name(scenario)
            while name in taken:  # of two names that are written alike
                name += "-"
            taken.add(name)
            path = folder / _PROBES / f"{name}.json"
            atomic.write(path, in_lines({"scenario": scenario, "probes": probes}))
            yield path
        path = folder / _ENVOYS
        atomic.write(
            path,
            in_lines(
                {
                    "form": FORM,
                    "runs": further,
                    "scenarios": len(scenarios),
                    "envoys": [each.header for each in envoys.values()],
                }
            ),
        )
        yield path
    except OSError as error:
        raise BadInputError(f"cannot write to {display_path(folder)}: {error.strerror}") from error


class _Made:
    """What one Envoy did, by the document that is kept, and what of that was otherwise in its further runs."""

    def __init__(self, kept: Document) -> None:
        self.header = replace(without_times(kept), probes=[], binary=None, repeated=UNSET, removed=UNSET)
        self.probes = {(each.scenario, each.probe): each for each in kept.probes}
        repeated = {(each.scenario, each.probe): each for each in kept.repeated or ()}
        self.again = Counter({key: each.times for key, each in repeated.items()})
        self._otherwise = {
            key: Counter({Aspect(of.kind, of.what): of.otherwise for of in each.unstable})
            for key, each in repeated.items()
        }

    def compare(self, other: Document) -> None:
        """Takes in what a further run has otherwise."""
        for each in other.probes:
            key = (each.scenario, each.probe)
            kept = self.probes.get(key)
            # A probe may have become another one between two runs.
            if kept is not None and kept.request == each.request:
                self.again[key] += 1
                self._otherwise.setdefault(key, Counter()).update(aspects(kept.observation, each.observation))

    def unstable(self, key: _Key) -> list[UnstableAspect]:
        """What of that probe was not always the same."""
        found = self._otherwise.get(key, Counter())
        return [UnstableAspect(each.kind, each.what, found[each]) for each in sorted(found)]


def _scenarios(envoys: Mapping[str, _Made]) -> dict[str, list[SharedProbe]]:
    """Each scenario's probes, in the order of the newest Envoy that made them, with how often each was made again."""
    newest: dict[_Key, ProbeResult] = {}
    for each in reversed([*envoys.values()]):
        newest = {**each.probes, **newest}
    scenarios: dict[str, list[SharedProbe]] = {}
    for key, result in newest.items():
        # Of another revision of the project a probe of that name may be another one.
        made = {
            name: each
            for name, each in envoys.items()
            if key in each.probes and each.probes[key].request == result.request
        }
        probe = SharedProbe(
            result.probe,
            result.request,
            _told({name: each.probes[key].observation for name, each in made.items()}, len(envoys)),
            {name: each.again[key] for name, each in made.items()},
            {name: unstable for name, each in made.items() if (unstable := each.unstable(key))},
        )
        scenarios.setdefault(result.scenario, []).append(probe)
    return scenarios


def _told(made: Mapping[str, Observation], envoys: int) -> list[Seen]:
    """What was seen, each once, with who did so."""
    who: dict[bytes, list[str]] = {}
    for name, observation in made.items():
        who.setdefault(encode(observation), []).append(name)
    distinct = [made[names[0]] for names in who.values()]
    together: dict[bytes, Seen] = {}  # what differs in nothing that is compared is the same
    for short, names in zip(without_alike(distinct), who.values(), strict=True):
        one = together.setdefault(encode(short), Seen(Shortened(**asdict(short)), []))
        one.envoys += names
    seen = list(together.values())
    return [Seen(seen[0].observation)] if len(seen) == 1 and len(made) == envoys else seen


def _decoded(path: Path, kind: type[_File]) -> _File:
    try:
        return decoder(kind).decode(path.read_bytes())
    except OSError as error:
        raise BadInputError(f"{display_path(path)}: cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInputError(f"{display_path(path)}: {error}; takeover publish --together makes it anew") from error
