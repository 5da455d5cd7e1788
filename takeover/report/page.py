"""What the page says, from the documents of a run: the answer, the matrix, and a section for each scenario."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from msgspec import UNSET

from takeover.base.errors import BadInputError
from takeover.compare.comparison import Difference
from takeover.model.document import UNDECIDED, Document, Outcome, State
from takeover.model.measurement import Measurement
from takeover.model.trace import Hop
from takeover.report.failure import Failure
from takeover.report.words import counted, listed
from takeover.scenario.library import Library

WORST_FIRST: tuple[State, ...] = ("fail", "not-judged", "not-run", "known-failure", "unsupported", "pass")
WORDS: dict[State, str] = {
    "pass": "passed",
    "fail": "failed",
    "known-failure": "known failure",
    "unsupported": "unsupported",
    "not-run": "not run",
    "not-judged": "not judged",
}
_MOST_NAMES = 4
SYMBOLS: dict[State, str] = {
    "pass": "✓",
    "fail": "✗",
    "known-failure": "≈",
    "unsupported": "–",
    "not-run": "○",
    "not-judged": "?",
}


@dataclass(frozen=True)
class About:
    """A scenario's name, what it shows, and the article's section and heading."""

    name: str
    title: str
    chinese: str = ""
    article: str = ""

    @classmethod
    def of(cls, library: Library, name: str) -> "About":
        """The library's scenario of that name; a document may also be of one that is no longer there."""
        try:
            found = library.scenario(name)
        except BadInputError:
            return cls(name, name or "The binary itself")
        return cls(name, found.title, found.chinese, found.article)


def in_order(library: Library, names: Iterable[str]) -> list[About]:
    """The scenarios of these names as the article has them; what it does not have comes last."""
    abouts = [About.of(library, name) for name in names]
    return sorted(abouts, key=lambda each: (each.article or "~", each.name))


def _counted(number: int, state: State) -> str:
    """Such as "2 failed" and "2 known failures"."""
    return counted(number, WORDS[state]) if state == "known-failure" else f"{number} {WORDS[state]}"


@dataclass(frozen=True)
class Cell:
    """How a scenario's tests ended on one Envoy."""

    counts: Mapping[State, int]

    @property
    def state(self) -> State:
        """The worst of its tests' states; not run, if there are none."""
        return next((each for each in WORST_FIRST if self.counts.get(each)), "not-run")

    @property
    def symbol(self) -> str:
        return SYMBOLS[self.state]

    @property
    def parts(self) -> list[str]:
        """Such as "2 failed" and "10 passed"."""
        return [_counted(self.counts[each], each) for each in WORST_FIRST if self.counts.get(each)] or ["none"]

    @property
    def text(self) -> str:
        """Such as "12 passed", or "2 failed, 10 passed"."""
        return ", ".join(self.parts)


@dataclass(frozen=True)
class TestRow:
    """A test, and its result on each Envoy (None: this Envoy's run did not have it)."""

    name: str
    outcomes: Sequence[Outcome | None]


@dataclass(frozen=True)
class Block:
    """A watched block: of which test, on which Envoy."""

    test: str
    number: int
    release: str
    hops: Sequence[Hop]


@dataclass(frozen=True)
class Measured:
    """What a test measured and judged, on which Envoy."""

    test: str
    number: int
    release: str
    measurement: Measurement


@dataclass(frozen=True)
class Section:
    """All of one scenario."""

    about: About
    cells: Sequence[Cell]
    tests: Sequence[TestRow]
    measured: Sequence[Measured]
    blocks: Sequence[Block]
    failures: Sequence[Failure]

    @property
    def state(self) -> State:
        return min((each.state for each in self.cells), key=WORST_FIRST.index)

    def passed(self, test: str) -> list[Sequence[Hop]]:
        """The blocks of that test on the first Envoy where it passed; none if it did nowhere."""
        blocks = [each for each in self.blocks if each.test == test]
        return [each.hops for each in blocks if each.release == blocks[0].release]


def sections(library: Library, documents: Sequence[Document], failures: Sequence[Failure]) -> list[Section]:
    """One for each scenario of the documents, in the article's order; what is about no scenario comes last."""
    names = dict.fromkeys(test.scenario for document in documents for test in document.tests)
    return [_section(about, documents, failures) for about in in_order(library, names)]


def _section(about: About, documents: Sequence[Document], failures: Sequence[Failure]) -> Section:
    by_release = [{test.name: test for test in document.tests if test.scenario == about.name} for document in documents]
    tests = dict.fromkeys(name for each in by_release for name in each)
    return Section(
        about,
        [Cell(Counter(test.state for test in each.values())) for each in by_release],
        [TestRow(name, [each.get(name) for each in by_release]) for name in tests],
        [
            Measured(name, number, document.envoy.name, measurement)
            for document, each in zip(documents, by_release, strict=True)
            for name, test in each.items()
            for number, measurement in enumerate(test.measurements)
        ],
        [
            Block(name, number, document.envoy.name, hops)
            for document, each in zip(documents, by_release, strict=True)
            for name, test in each.items()
            if test.state == "pass"
            for number, hops in enumerate(test.evidence)
        ],
        [each for each in failures if each.scenario == about.name],
    )


def _passes(document: Document) -> bool:
    """Whether anything passed there, and nothing is against it: otherwise nothing good is known of that Envoy."""
    states = {test.state for test in document.tests}
    return "pass" in states and not states & {"fail", "not-judged"}


def is_good(documents: Sequence[Document], failing: Sequence[Difference] = ()) -> bool:
    """Whether the run shows that Envoy takes over as it should.

    Args:
        failing: the differences between the documents that fail the run.
    """
    states = {test.state for document in documents for test in document.tests}
    return "pass" in states and not states & {"fail", *UNDECIDED} and not failing


def _named(documents: Sequence[Document]) -> str:
    """Their Envoys' names; of many only how many they are."""
    names = [each.envoy.name for each in documents]
    return f"the {len(names)} others" if len(names) > _MOST_NAMES else listed(names)


def _where(documents: Sequence[Document]) -> str:
    """Such as "on Envoy 1.36.4 and 1.40.0 (local)"; of many only how many they are."""
    names, engines = [each.envoy.name for each in documents], listed(sorted({each.engine for each in documents}))
    if len(names) > _MOST_NAMES:
        return f"on {len(names)} Envoys, {names[0]} to {names[-1]} ({engines})"
    return f"on Envoy {listed(names)} ({engines})"


def _failed(documents: Sequence[Document]) -> str:
    """On which Envoys something failed, and where it did not: one that fails says nothing against the others."""
    bad = [each for each in documents if any(test.state == "fail" for test in each.tests)]
    good = [each for each in documents if _passes(each)]
    failed = [test.scenario for each in bad for test in each.tests if test.state == "fail"]
    number = counted(sum(len(each.tests) for each in bad), "test")
    others = f"; on {_named(good)} it does" if good else ""
    return (
        f"Envoy does not take over as it should {_where(bad)}: {len(failed)} of {number} failed, "
        f"in {listed(sorted(set(failed)))}{others}{_unproved([each for each in documents if each not in bad])}"
    )


def _unproved(documents: Sequence[Document]) -> str:
    unproved = [each for each in documents if not _passes(each)]
    return f"; on {_named(unproved)} nothing is proved" if unproved else ""


def answer(documents: Sequence[Document], failing: Sequence[Difference] = ()) -> str:
    """The run in one sentence.

    Args:
        failing: the differences between the documents that fail the run.
    """
    if not documents:
        return "Nothing was run to its end, so nothing is known."
    states = Counter(test.state for document in documents for test in document.tests)
    where = _where(documents)
    scenarios = counted(len({test.scenario for each in documents for test in each.tests} - {""}), "scenario")
    number = counted(sum(states.values()), "test")
    baseline = documents[0].envoy.name
    differs = f"; {counted(len(failing), 'difference')} from Envoy {baseline} could hurt" if failing else ""
    lost = f"{counted(states['not-judged'], 'test')} could not be judged (what they ran on was lost)"
    also_lost = f"; {lost}" if states["not-judged"] else ""
    if not all(document.complete for document in documents):
        failed = f", and {states['fail']} of them failed" if states["fail"] else ""
        ran = sum(states.values()) - states["not-run"]
        return f"The run was stopped {where}: {ran} of {number} ran{failed}{also_lost}{differs}."
    if states["fail"]:
        return f"{_failed(documents)}{also_lost}{differs}."
    if states["not-judged"]:
        return f"Nothing is proved {where}: {lost}; {states['pass']} of {number} passed{differs}."
    if (checked := documents[0].checked) is not UNSET:
        left = f"; {counted(len(checked.left_out), 'part')} left out" if checked.left_out else ""
        told = differs or f"; no difference from Envoy {baseline} could hurt" * (len(documents) > 1)
        return f"{checked.file} {where}: {counted(checked.probes, 'probe')}{told}{left}."
    others = [_counted(states[each], each) for each in WORST_FIRST[1:-1] if states[each]]
    apart = f"; {listed(others)}" if others else ""
    if not states["pass"]:
        return f"Nothing is proved {where}: 0 of {number} passed{apart}{differs}."
    where = _where([each for each in documents if _passes(each)])
    told = f"{states['pass']} of {number} in {scenarios} passed{apart}{_unproved(documents)}"
    return f"Envoy takes over as it should {where}: {told}{differs}."
