"""Where several Envoys differ in a probe, each makes it again: what one alone does now and then is no difference."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from takeover.base.errors import TakeoverError
from takeover.compare import breakdowns
from takeover.compare.comparison import Comparison, Place
from takeover.compare.kinds import BY_NAME
from takeover.compare.stability import aspects, unstable_aspects
from takeover.engines.contract import Engine
from takeover.model.document import Observation, RepeatedProbe
from takeover.model.removed import Removed
from takeover.probes.deployed import observed_anew
from takeover.probes.observing import NotObservedError
from takeover.probes.probe import Group, Probe
from takeover.probes.probe_file import FILE
from takeover.probes.removals import Removals
from takeover.run.checking import Redaction
from takeover.run.chosen import Chosen
from takeover.run.plan import Plan
from takeover.store import bounds
from takeover.store import documents as store

_TIMES = 3
"""How often a probe is made on one deployment: of what is so in half of the cases, it shows seven in eight."""
_MOST_PLACES = 5
"""In how many probes a change is made again that is one difference, wherever it is seen."""


@dataclasses.dataclass(frozen=True)
class _Job:
    """The probes of a group to be made again on one Envoy.

    Args:
        first: what was observed of each in the run, by its name.
    """

    release: str
    group: Group
    first: Mapping[str, Observation]

    def __str__(self) -> str:
        return f"{self.group.scenario} {self.group.name} on {self.release}"

    @property
    def probes(self) -> list[Probe]:
        return [each for each in self.group.probes if each.name in self.first]


class Repeats:
    """Makes them, on deployments of their own, in the process that hears the reports.

    Args:
        engine: gives the run's engine.
        tell: takes a line for the user.
        redaction: of a check, what leaves secrets out: of what was observed first, they are out.
    """

    def __init__(
        self, plan: Plan, engine: Callable[[], Engine], tell: Callable[[str], None], redaction: Redaction | None = None
    ) -> None:
        self._redaction = redaction
        self._plan = plan
        self._engine = engine
        self._tell = tell
        self.removed: dict[str, list[Removed]] = {}
        """For each Envoy what the rules of normalisation took out when probes were made again."""

    def expect(self, chosen: Chosen) -> None:
        """Reads the probes that may be made again, while their files are as whoever makes them has read them."""
        if len(self._plan.releases) > 1 and self._plan.groups is not None:
            for scenario in {each.scenario for each in chosen.values() if f"{FILE}::" in each.name}:
                _ = self._plan.groups[scenario]

    def made(self, comparison: Comparison, documents: Mapping[str, Path]) -> dict[str, list[RepeatedProbe]]:
        """For each Envoy the probes that were made again, those that the comparison tells of; where that failed, none.

        Each is made on the first Envoy, and on the first one that differs there. Likewise those of which a rule of
        normalisation may have hidden something.

        Args:
            documents: what was compared, each of a whole run.

        Raises: BadInputError for a document that cannot be read.
        """
        jobs = list(self._jobs(comparison, documents))
        if not jobs:
            return {}
        engine = self._engine()
        numbers: Counter[str] = Counter()
        for job in jobs:
            numbers[job.release] += len(job.first)
        told = ", ".join(f"{number} on {release}" for release, number in numbers.items())
        self._tell(f"probes made again, to see what one Envoy alone does otherwise: {told}")
        made: dict[str, list[RepeatedProbe]] = {}
        jobs.sort(key=lambda job: -len(job.first))  # at the end threads wait for each other only shortly
        with ThreadPoolExecutor(engine.concurrency.probed, "again") as pool:
            results = pool.map(lambda job: self._repeated(engine, job), jobs)
            for job, (found, remarks) in zip(jobs, results, strict=True):
                made.setdefault(job.release, []).extend(found)
                comparison.remarks += [f"{job}: {each}" for each in remarks]
        return {release: probes for release, probes in made.items() if probes}

    def _jobs(self, comparison: Comparison, documents: Mapping[str, Path]) -> Iterator[_Job]:
        groups: Mapping[str, tuple[Group, ...]] = self._plan.groups or {}
        for release, places in _wanted(comparison).items():
            first: dict[tuple[str, str], dict[str, Observation]] = {}
            for each in store.read(documents[release]).probes:
                if (each.scenario, each.probe) in places:
                    group, _, name = each.probe.partition("/")
                    first.setdefault((each.scenario, group), {})[name] = each.observation
            for scenario in sorted({each for each, _ in first}):
                for found in groups[scenario]:
                    if (scenario, found.name) in first:
                        yield _Job(release, found, first[scenario, found.name])

    def _repeated(self, engine: Engine, job: _Job) -> tuple[list[RepeatedProbe], list[str]]:
        """Its probes, and what to remark: why they could not be made again, what became of an Envoy then."""
        try:
            return self._judged(engine, job)
        except (TakeoverError, NotObservedError, OSError) as error:
            return [], [f"could not be made again: {(str(error).splitlines() or [repr(error)])[0]}"]

    def _judged(self, engine: Engine, job: _Job) -> tuple[list[RepeatedProbe], list[str]]:
        """Whether each does as it did.

        They are made without those that came before. Where one then does otherwise, that alone may be why: those
        before have used up a limit. So it is done once more just so, and once with all that came before; only what
        differs between two that were made alike is of chance.
        """
        alone = self._observed(engine, job, job.probes, _TIMES)
        suspects = [name for name in alone if any(aspects(job.first[name], each) for each in alone[name])]
        repeats = {name: list(found) for name, found in alone.items()}
        unlike: dict[str, list[tuple[Observation, Observation]]] = {}
        if suspects:
            again = self._observed(engine, job, job.probes, _TIMES)
            last = max(place for place, each in enumerate(job.group.probes) if each.name in suspects)
            as_before = self._observed(engine, job, job.group.probes[: last + 1], 1)
            for name in suspects:
                repeats[name] += again[name] + as_before[name]
                unlike[name] = [
                    *zip(alone[name], again[name], strict=True),
                    *((job.first[name], each) for each in as_before[name]),
                ]
        broken = {
            f"when {name} was made again, Envoy {found.envoy} {found}"
            for name in repeats
            for each in repeats[name]
            if (found := breakdowns.of(each))
        }
        probes = [
            RepeatedProbe(
                job.group.scenario,
                f"{job.group.name}/{name}",
                len(repeats[name]),
                unstable_aspects(job.first[name], repeats[name], unlike.get(name, ())),
            )
            for name in alone
        ]
        return probes, sorted(broken)

    def _observed(self, engine: Engine, job: _Job, probes: Sequence[Probe], times: int) -> dict[str, list[Observation]]:
        """What is observed of them on a fresh deployment, one after the other, all so many times."""
        group = dataclasses.replace(job.group, probes=tuple(probes) * times)
        release = self._plan.releases[job.release]
        found: dict[str, list[Observation]] = {each.name: [] for each in probes}
        names: Iterable[str] = (each.name for each in group.probes)
        removals = Removals()
        results = observed_anew(engine, release, self._plan.library, group, removals=removals)
        for name, each in zip(names, results, strict=True):
            told = each if self._redaction is None else self._redaction.entry(each)
            found[name].append(bounds.probe(told).observation)  # as it is in a document
        redacted = self._redaction.entry if self._redaction is not None else lambda each: each
        self.removed.setdefault(job.release, []).extend(map(redacted, removals.found))
        return found


def _wanted(comparison: Comparison) -> dict[str, set[tuple[str, str]]]:
    """Which probes of which Envoys are made again."""
    wanted: dict[str, set[tuple[str, str]]] = {}
    for hidden in comparison.hidden:
        for release in (comparison.baseline, hidden.envoy) if hidden.wanted else ():
            wanted.setdefault(release, set()).update(hidden.wanted)
    known: set[Place] = set()
    for difference in comparison.differences:
        if difference.kind == breakdowns.KIND:
            continue  # a finding, however seldom it is
        places = difference.places
        if BY_NAME[difference.kind].merges_probes:
            # Those that others need anyway come first.
            places = sorted(places, key=lambda place: place not in known)[:_MOST_PLACES]
        known.update(places)
        for place in places:
            for release in (comparison.baseline, place.envoys[0]):
                wanted.setdefault(release, set()).add((place.scenario, place.probe))
    return wanted
