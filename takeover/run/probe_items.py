"""The items of `--probes`: each scenario's groups of probes, and each Envoy's inventory, where its binary runs.

With several Envoys they are there anyway.

An item makes one group of probes on its deployment. It fails only where something could not be observed, or an Envoy
broke down, which is a finding of each Envoy: whether what was seen has changed is for the comparison of two to say.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from takeover.base.errors import BadInputError, DeploymentError, LostError, TakeoverError
from takeover.base.paths import display_path
from takeover.compare import breakdowns
from takeover.compare.accepted import accepts_breakdown
from takeover.compare.detail import breakdown_told
from takeover.engines import choose
from takeover.inventory.corpus import has_corpus, taken
from takeover.inventory.release import inventory_of
from takeover.model.document import Inventory, ProbeResult
from takeover.model.release import Release
from takeover.model.removed import Removed
from takeover.probes.observing import NotObservedError, Observer, not_started
from takeover.probes.probe import Group
from takeover.probes.probe_file import FILE
from takeover.run import scenario_mark, terminal
from takeover.run.checking import conduct_of
from takeover.run.deployment_key import KEY, LONG, DeploymentKey
from takeover.run.plan import Plan
from takeover.run.probe_groups import ATLAS, MARK, is_of_everything, item_name
from takeover.run.record import record_of
from takeover.run.scenes import Scenes
from takeover.run.versions import OWN_SUPPORT
from takeover.scenario.library import Library

OBSERVATIONS: pytest.StashKey[list[ProbeResult]] = pytest.StashKey()
REMOVED: pytest.StashKey[list[Removed]] = pytest.StashKey()
INVENTORY: pytest.StashKey[Inventory] = pytest.StashKey()

_CONFIG = 3
"""To have a config validated takes as long as about so many probes."""


def add_probes(session: pytest.Session, items: list[pytest.Item], plan: Plan, scenes: Scenes) -> None:
    """Adds the probes of the scenarios that whole files of the suites are run for, before -m and -k select.

    A run of everything has those of all scenarios, also of one for which nobody wrote a suite.

    Raises: pytest.UsageError, one line, for a file of probes that is wrong.
    """
    if plan.groups is None or any("::" in argument for argument in session.config.args):
        return  # somebody wants a single test
    scenarios = {scenario_mark.read(each).name for each in items if scenario_mark.is_there(each)}
    with_configs: Iterable[str] = scenarios
    try:
        if is_of_everything(session.config):
            scenarios |= set(plan.groups)
            with_configs = plan.library.names()
        keyword = session.config.option.keyword
        named = (each for each in sorted(scenarios) if plan.groups.may_be_chosen(each, keyword, plan.releases))
        found = [group for name in named for group in plan.groups[name]]
        chapters = plan.groups.chapters()
        with_configs = sorted(name for name in with_configs if plan.groups.is_chosen(name))
    except BadInputError as error:
        raise pytest.UsageError(str(error)) from None
    for chapter in sorted(chapters):
        session.config.addinivalue_line("markers", f"{chapter}: a chapter of the scenarios")
    for release in plan.releases.values():
        items += [ProbeItem.of(session, plan, group, release.name, scenes) for group in found]
        # The inventory is of a file: where an image runs, it could be of another Envoy than the one that is tested.
        if scenarios and choose.runs_binary(plan.engine.name):
            items.append(InventoryItem.of(session, plan.library, release, with_configs))
            if has_corpus(plan.library) and is_of_everything(session.config):
                items.append(CorpusItem.of(session, plan.library, release, with_configs))


class ProbesLeftOut:
    """Says at a run's end whose probes were asked for and are not in it: those of scenarios that no test is for."""

    def __init__(self, plan: Plan) -> None:
        self._library = plan.library
        self._groups: Mapping[str, tuple[Group, ...]] = plan.groups or {}
        self._observed: set[str] = set()

    @staticmethod
    def is_wanted(config: pytest.Config) -> bool:
        """Whether all probes were asked for: by --probes, and without a selection."""
        option = config.option
        is_part = option.markexpr not in ("", MARK) or option.keyword or option.collectonly
        # A check has no other suites, and says itself why a probe was not made.
        return bool(option.probes) and not is_part and conduct_of(config) is None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Takes in which scenarios there are probes of."""
        subject = record_of(report).subject
        if subject is not None and f"{FILE}::" in subject.name:
            self._observed.add(subject.scenario)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
        """One line. None of their files is read for it: to read all of the atlas takes minutes on a busy machine."""
        if exitstatus == pytest.ExitCode.USAGE_ERROR:  # something could not be read, which was told
            return
        left_out = {*self._groups} - self._observed
        if left_out:
            left = ", ".join(sorted(self._named(left_out)))
            told = f"probes not observed, as this run has no whole file of tests for them: {left}"
            terminal.write(terminalreporter, f"{told} (a run of all suites observes them)")

    def _named(self, left: Iterable[str]) -> Iterator[str]:
        """The scenarios by their names; those in a folder of the library, of which there are many, by its name."""
        folders = {name: self._library.folder_of(name).parent for name in left}
        for folder, number in Counter(folders.values()).items():
            if folder != self._library.folder:
                yield f"{folder.name} ({number} scenarios)"
        yield from (name for name, folder in folders.items() if folder == self._library.folder)


class FindingsError(AssertionError):
    """What a group's item fails with: a paragraph for each finding."""


class ProbeItem(pytest.Item):
    """A group of probes on one Envoy release."""

    group: Group
    weight: int
    plan: Plan
    scenes: Scenes

    @classmethod
    def of(cls, session: pytest.Session, plan: Plan, group: Group, release: str, scenes: Scenes) -> "ProbeItem":
        """The item for that group, which stands where the group is written."""
        scenario = plan.library.scenario(group.scenario)
        name = item_name(group.name, release)
        item: ProbeItem = cls.from_parent(session, name=name, nodeid=f"{display_path(scenario.folder / FILE)}::{name}")
        item.group = group
        item.weight = len(group.probes)
        item.plan = plan
        item.scenes = scenes
        edits = group.edits
        item.stash[KEY] = DeploymentKey(group.scenario, edits, repr(edits), release, 0, item.nodeid, group.bases)
        item.stash[LONG] = True
        if group.supports is not None:
            item.stash[OWN_SUPPORT] = (f"group {group.name}", group.supports)
        item.extra_keyword_matches.add(group.scenario)  # -k 'SCENARIO and GROUP'
        for mark in filter(None, (scenario.chapter, MARK)):
            item.add_marker(mark)
        return item

    def runtest(self) -> None:
        """Observes. Raises: FindingsError for what broke down, and what could not be observed."""
        try:
            scene = self.scenes.deployed(self)
        except pytest.fail.Exception as failed:
            if isinstance(error := failed.__context__, DeploymentError):
                self.stash[OBSERVATIONS] = self._not_started(error)
            raise
        observer, said = Observer(scene, self.group), list[str]()
        try:
            observer.observe()
            if self.plan.keep:
                observer.renew()  # whoever enters it finds an Envoy
        except LostError:
            raise
        except (NotObservedError, TakeoverError) as error:
            said.append(str(error))
        finally:
            self.stash[OBSERVATIONS] = observer.results
            self.stash[REMOVED] = observer.removals.found
        if findings := [*self._breakdowns(observer.results), *said]:
            raise FindingsError("\n".join(findings))

    def _not_started(self, error: DeploymentError) -> list[ProbeResult]:
        """The group's first probe, where the deployment did not come up because of an Envoy."""
        scenario = self.plan.scenario_of(self.stash[KEY])
        return not_started(self.group, scenario.envoys, error)

    def _breakdowns(self, results: Iterable[ProbeResult]) -> Iterator[str]:
        """What broke down under the probes and is not accepted, a paragraph each."""
        release = self.plan.releases[self.stash[KEY].release]
        where = {f"{self.group.name}/{each.name}": each.where for each in self.group.probes}
        for each in results:
            broken = breakdowns.of(each.observation)
            if broken is None or breakdowns.KIND not in self.plan.failing_kinds:
                continue
            if not accepts_breakdown(self.plan.accepted, each, release):
                yield f"{where[each.probe]}: {breakdown_told(each, broken)}"

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """A few lines for what is no fault of the program."""
        if isinstance(excinfo.value, FindingsError | TakeoverError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the group is written."""
        file, _, line = self.group.where.rpartition(":")
        return Path(file), int(line) - 1, self.name


class InventoryItem(pytest.Item):
    """What one Envoy release by itself is: which configs it loads, what its binary holds."""

    NAME: ClassVar = "facts"
    MARKS: ClassVar[tuple[str, ...]] = (MARK,)

    library: Library
    envoy: Release
    release: str
    weight: int
    scenarios: Sequence[str]

    @classmethod
    def of(
        cls, session: pytest.Session, library: Library, release: Release, scenarios: Sequence[str]
    ) -> "InventoryItem":
        """The item for that release, and for the configs of those scenarios."""
        name = item_name(cls.NAME, release.name)
        item: InventoryItem = cls.from_parent(session, name=name, nodeid=f"{display_path(library.folder)}::{name}")
        item.library, item.envoy, item.release = library, release, release.name
        item.scenarios = scenarios
        item.weight = _CONFIG * len(scenarios)
        for mark in cls.MARKS:
            item.add_marker(mark)
        return item

    def runtest(self) -> None:
        """Asks the binary. Raises: TakeoverError when it does not answer."""
        self.stash[INVENTORY] = inventory_of(self.envoy, self.library, self.scenarios)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """One line for what is no fault of the program."""
        return str(excinfo.value) if isinstance(excinfo.value, TakeoverError) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The folder of the configs."""
        return self.library.folder, None, self.name


class CorpusItem(InventoryItem):
    """Which configurations of the library's corpus one Envoy release takes."""

    NAME: ClassVar = "corpus"
    MARKS: ClassVar[tuple[str, ...]] = (MARK, ATLAS)

    def runtest(self) -> None:
        """Offers them. Raises: TakeoverError when the binary does not answer."""
        self.stash[INVENTORY] = Inventory(taken(self.envoy.path, self.library))
