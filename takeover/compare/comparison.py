"""The differences between several Envoys' documents: each change once, with the first Envoy that has it."""

import hashlib
import json
import shlex
from collections.abc import Callable, Iterable, Mapping

import msgspec
from msgspec.structs import replace

from takeover.compare import remarks
from takeover.compare.documents import Reach, document_changes, neither_supports, other_requests, untried_changes
from takeover.compare.hidden import Hidden, hidden
from takeover.compare.kinds import BY_NAME, Change, rank
from takeover.compare.stability import share
from takeover.model.document import Document, RepeatedProbe


class Place(msgspec.Struct, frozen=True, order=True):
    """Where a difference was seen: in which probe, test or config, and in which Envoys.

    Args:
        without: the Envoys that were looked at there, and do not have it.
    """

    scenario: str
    probe: str
    envoys: tuple[str, ...]
    detail: str = ""
    without: tuple[str, ...] = ()


class Difference(msgspec.Struct):
    """What the first Envoy does and others do otherwise.

    Args:
        id: from what changed and in which probe, not from versions: the same tomorrow.
        was: for the first Envoy; None: nothing.
        now: for those that differ.
        places: all probes (tests, configs) where it was seen; of what is about the binary, one without a name.
        envoys: those that have it, in the order in which they were named; the first one is where it began.
        versions: theirs, as the binaries report them.
        accepted: why it is accepted; empty if it is not.
    """

    id: str
    kind: str
    what: str
    was: str | None
    now: str | None
    places: list[Place]
    envoys: list[str]
    versions: list[str]
    accepted: str = ""

    @property
    def without(self) -> list[str]:
        """The Envoys that were looked at in all these places, and do not have it."""
        first, *others = (place.without for place in self.places)
        return [each for each in first if all(each in names for names in others)]

    @property
    def scenarios(self) -> list[str]:
        """In which scenarios."""
        return list(dict.fromkeys(place.scenario for place in self.places))


class Unstable(msgspec.Struct):
    """What looked like a difference, but is not always the same on one Envoy alone.

    Args:
        difference: as it looked, with the places where it is unstable.
        otherwise: in how many repeats of one Envoy's probe it was not as at first.
        times: how many repeats there were.
    """

    difference: Difference
    otherwise: int
    times: int

    @property
    def share(self) -> str:
        """How often it was otherwise, in words."""
        return f"otherwise in {self.otherwise} of {self.times} repeats on the same Envoy"


class Comparison(msgspec.Struct):
    """What came of comparing documents with the first of them.

    Args:
        baseline: the first Envoy's name.
        envoys: all names in order.
        versions: name → what the binary reports.
        differences: sorted by how much they can hurt.
        remarks: what a reader must know to trust it: a document that is not complete, what could not be compared.
        compared: for each of the others how many tests and probes were compared.
        total: how many tests and probes there are in all.
        is_whole: whether all of them were compared, but for tests that the Envoys do not support.
        untried: what such tests could show between Envoys that do.
        known: versions that are known to exist, beside those that were compared.
        unstable: what is no difference, though it looked like one; likewise sorted.
        hidden: for each of the others what each rule of normalisation took out of its observations and the first's.
        called: name → how a command is to call its results, where that is not the name.
        where: further words by which a command finds the results.
        program: what runs the project's tests, as words of a shell.
    """

    baseline: str
    envoys: list[str]
    versions: dict[str, str]
    differences: list[Difference]
    remarks: list[str]
    compared: dict[str, int]
    total: int
    known: list[str]
    unstable: list[Unstable] = []
    hidden: list[Hidden] = []
    called: dict[str, str] = {}
    where: list[str] = []
    program: str = "pytest"
    is_whole: bool = True
    untried: list[Change] = []

    @property
    def looked_at(self) -> list[str]:
        """The others that could be compared with the first one at all: of the rest nothing is known."""
        differing = {name for each in self.differences for name in each.envoys}
        return [each for each in self.envoys[1:] if self.compared[each] or each in differing]

    @property
    def results(self) -> str:
        """How a command, in a shell, is told which results to take: all of them."""
        return shlex.join([*(self.called.get(each, each) for each in self.envoys), *self.where])

    def results_of(self, difference: Difference) -> str:
        """How a command, in a shell, is told which results to take: those of both sides."""
        both = (self.called.get(each, each) for each in (self.baseline, difference.envoys[0]))
        return shlex.join([*both, *self.where])

    def failing(self, kinds: Iterable[str]) -> list[Difference]:
        """The differences of these kinds that nobody accepted."""
        return [each for each in self.differences if each.kind in kinds and not each.accepted]

    def told_and_counted(self, kinds: Iterable[str]) -> tuple[list[Difference], list[Difference]]:
        """The differences to tell one by one, and those of which only their number is told.

        Args:
            kinds: those that fail: what does is told, whatever its kind.
        """
        failing = {each.id for each in self.failing(kinds)}
        told: list[Difference] = []
        counted: list[Difference] = []
        for each in self.differences:
            is_counted = BY_NAME[each.kind].only_counted and each.id not in failing
            (counted if is_counted else told).append(each)
        return told, counted

    def unstable_of(self, difference: Difference) -> Unstable | None:
        """How often it was otherwise on one Envoy; None for what is a difference indeed."""
        return next((each for each in self.unstable if each.difference is difference), None)

    def set_apart(self, repeated: Mapping[str, Iterable[RepeatedProbe]]) -> None:
        """Takes what is unstable out of the differences: where one Envoy is, two cannot be compared.

        Of a difference that is unstable in one probe only those places stay at which it was found to be stable.

        Args:
            repeated: of each Envoy that was compared the probes that were made again.
        """
        probes: dict[tuple[str, str], list[tuple[str, RepeatedProbe]]] = {}
        for name, found in repeated.items():
            for probe in found:
                probes.setdefault((probe.scenario, probe.probe), []).append((name, probe))

        def of_both(place: Place) -> list[RepeatedProbe]:
            """What was made again by those between which the difference is there: others tell nothing of it."""
            made = probes.get((place.scenario, place.probe), ())
            return [probe for name, probe in made if name in (self.baseline, *place.envoys)]

        stable: list[Difference] = []
        for each in self.differences:
            shares = {place: share(each, of_both(place)) for place in each.places}
            otherwise = sum(found[0] for found in shares.values())
            times = sum(found[1] for found in shares.values() if found[0])
            left = [place for place, found in shares.items() if not found[0] and (found[1] or not otherwise)]
            if left:
                stable.append(self._only(each, left))
            if otherwise:
                apart = self._only(each, [place for place in each.places if place not in left])
                self.unstable.append(Unstable(apart, otherwise, times))
        self.differences = sorted(stable, key=_order)

    def _only(self, difference: Difference, places: list[Place]) -> Difference:
        """The difference at some of its places."""
        if places == difference.places:
            return difference
        envoys = [name for name in self.envoys if any(name in place.envoys for place in places)]
        versions = list(dict.fromkeys(self.versions[name] for name in envoys))
        return replace(difference, places=places, envoys=envoys, versions=versions)


def compare(documents: Mapping[str, Callable[[], Document]], known: Iterable[str] = ()) -> Comparison:
    """Compares each document with the first one. They are read one at a time: two are in memory, however many.

    Args:
        documents: what each is called, mostly the Envoy's name, and what reads it.
        known: other versions that are known to exist: one between two that are compared was not looked at.

    Raises: what reading one raises.
    """
    (first, read_first), *others = documents.items()
    baseline = read_first()
    found: dict[str, Difference] = {}
    seen_in: dict[str, dict[tuple[str, str], list[str]]] = {}
    details: dict[tuple[str, str, str], str] = {}
    told = remarks.of_one(first, baseline)
    taken_out: list[Hidden] = []
    asked_otherwise: dict[str, set[tuple[str, str]]] = {}
    uncompared: dict[str, set[tuple[str, str]]] = {}
    untried: list[Change] = []
    not_supported: dict[str, int] = {}
    reaches = {first: Reach.of(baseline)}
    repeated, versions = {first: baseline.repeated or []}, {first: baseline.envoy.version}
    for label, read in others:
        other = read()
        reaches[label] = Reach.of(other)
        taken_out += hidden(label, baseline.removed or [], other.removed or [])
        repeated[label], versions[label] = other.repeated or [], other.envoy.version
        told += remarks.of_one(label, other)
        told += remarks.of_two((first, baseline), (label, other), reaches[first], reaches[label])
        asked_otherwise[label] = {*other_requests(baseline, other)}
        neither = neither_supports(baseline, other)
        not_supported[label] = len(neither)
        uncompared[label] = asked_otherwise[label].union(neither)
        untried += untried_changes(baseline, other)
        for change in document_changes(baseline, other):
            name = identity(change)
            difference = found.setdefault(
                name, Difference(name, change.kind, change.what, change.was, change.now, [], [], [])
            )
            place = (change.scenario, change.probe)
            where = seen_in.setdefault(name, {}).setdefault(place, [])
            details.setdefault((name, *place), change.detail)
            for names, value in (
                (where, label),
                (difference.envoys, label),
                (difference.versions, other.envoy.version),
            ):
                if value not in names:
                    names.append(value)
    for name, difference in found.items():
        for place, names in sorted(seen_in[name].items()):
            without = tuple(
                label
                for label, reach in reaches.items()
                if label not in names
                and place not in asked_otherwise.get(label, ())
                and _saw(reach, difference.kind, *place)
            )
            difference.places.append(Place(*place, tuple(names), details[name, *place], without))
    comparison = Comparison(
        first,
        list(documents),
        versions,
        sorted(found.values(), key=_order),
        told,
        {label: len((reaches[first].observed & reaches[label].observed) - uncompared[label]) for label, _ in others},
        len(frozenset().union(*(each.known for each in reaches.values()))),
        list(known),
        hidden=taken_out,
    )
    comparison.is_whole = all(
        count + not_supported[label] == comparison.total for label, count in comparison.compared.items()
    )
    comparison.untried = untried
    comparison.set_apart(repeated)
    return comparison


def _saw(reach: Reach, kind: str, scenario: str, probe: str) -> bool:
    """Whether a document of that reach would have shown it there. What finds a kind of one's own is asked all."""
    return BY_NAME[kind].find is not None or reach.looked_at(scenario, probe)


def identity(change: Change) -> str:
    """Eight hexadecimal digits of a hash: of kind, what, was and is; of the probe, too, where kinds keep them apart."""
    probe = "" if BY_NAME[change.kind].merges_probes else change.probe
    content = json.dumps([change.kind, probe, change.what, change.was, change.now])
    return hashlib.sha256(content.encode()).hexdigest()[:8]


def _order(difference: Difference) -> tuple[int, int, list[Place], str]:
    """By kind, then what is in most places."""
    return rank(difference.kind), -len(difference.places), difference.places, difference.what
