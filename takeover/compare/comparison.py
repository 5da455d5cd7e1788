"""The differences between several Envoys' documents: each change once, with the first Envoy that has it."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping

import msgspec

from takeover.compare.documents import Reach, document_changes
from takeover.compare.kinds import BY_NAME, Change, rank
from takeover.model.document import Document


class Place(msgspec.Struct, frozen=True, order=True):
    """Where a difference was seen: in which probe, test or config, and in which Envoys."""

    scenario: str
    probe: str
    envoys: tuple[str, ...]
    detail: str = ""


class Difference(msgspec.Struct):
    """What the first Envoy does and others do otherwise.

    Args:
        id: from what changed and in which probe, not from versions: the same tomorrow.
        was: for the first Envoy; None: nothing.
        now: for those that differ.
        places: all probes (tests, configs) where it was seen; of what is about the binary, one without a name.
        envoys: those that have it, in the order in which they were named; the first one is where it began.
        versions: theirs, as the binaries report them.
        without: those that were looked at in all these places, and do not have it.
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
    without: list[str] = []
    accepted: str = ""

    @property
    def scenarios(self) -> list[str]:
        """In which scenarios."""
        return list(dict.fromkeys(place.scenario for place in self.places))


class Comparison(msgspec.Struct):
    """What came of comparing documents with the first of them.

    Args:
        baseline: the first Envoy's name.
        envoys: all names in order.
        differences: sorted by how much they can hurt.
        remarks: what a reader must know to trust it: a document that is not complete, what could not be compared.
        compared: for each of the others how many tests and probes were compared.
        total: how many tests and probes there are in all.
        known: versions that are known to exist, beside those that were compared.
    """

    baseline: str
    envoys: list[str]
    differences: list[Difference]
    remarks: list[str]
    compared: dict[str, int]
    total: int
    known: list[str]

    def failing(self, kinds: Iterable[str]) -> list[Difference]:
        """The differences of these kinds that nobody accepted."""
        return [each for each in self.differences if each.kind in kinds and not each.accepted]


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
    remarks = _remarks(first, baseline)
    reaches = {first: Reach.of(baseline)}
    for label, read in others:
        other = read()
        reaches[label] = Reach.of(other)
        remarks += _remarks(label, other) + _left_out((first, reaches[first]), (label, reaches[label]))
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
        difference.places = [
            Place(*place, tuple(names), details[name, *place]) for place, names in sorted(seen_in[name].items())
        ]
        difference.without = [
            label for label, reach in reaches.items() if label not in difference.envoys and _saw(reach, difference)
        ]
    return Comparison(
        first,
        list(documents),
        sorted(found.values(), key=_order),
        remarks,
        {label: len(reaches[first].observed & reaches[label].observed) for label, _ in others},
        len(frozenset().union(*(each.known for each in reaches.values()))),
        list(known),
    )


def _saw(reach: Reach, difference: Difference) -> bool:
    """Whether a document of that reach would have shown the difference. What finds a kind of one's own is asked all."""
    is_own = BY_NAME[difference.kind].find is not None
    return is_own or all(reach.looked_at(place.scenario, place.probe) for place in difference.places)


def identity(change: Change) -> str:
    """Eight hexadecimal digits of a hash: of kind, what, was and is; of the probe, too, where kinds keep them apart."""
    probe = "" if BY_NAME[change.kind].merges_probes else change.probe
    content = json.dumps([change.kind, probe, change.what, change.was, change.now])
    return hashlib.sha256(content.encode()).hexdigest()[:8]


def _order(difference: Difference) -> tuple[int, int, list[Place], str]:
    """By kind, then what is in most places."""
    return rank(difference.kind), -len(difference.places), difference.places, difference.what


def _remarks(label: str, document: Document) -> list[str]:
    if document.complete:
        return []
    ended = sum(each.state != "not-run" for each in document.tests)
    return [f"{label}: the run was stopped: {ended} of {len(document.tests)} tests ended"]


def _left_out(old: tuple[str, Reach], new: tuple[str, Reach]) -> list[str]:
    return [
        f"not compared: {count} tests or probes that {name} has and {other} has not"
        for (name, has), (other, lacks) in ((old, new), (new, old))
        if (count := len(has.observed - lacks.observed))
    ]
