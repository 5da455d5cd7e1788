"""`--probes`: beside the suites, observes each scenario's probes and each Envoy's facts. Several Envoys do so anyway.

An item makes one group of probes on its deployment. It fails only where something could not be observed: whether what
was seen has changed is for the comparison of two Envoys to say.
"""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from takeover.base.errors import BadInputError, TakeoverError
from takeover.base.paths import display_path
from takeover.evidence.snapshots import UnrestError
from takeover.inventory.release import facts_of
from takeover.probes.observing import Observation, Observer
from takeover.probes.probe import Group, Probe
from takeover.probes.probe_file import FILE, read_probes
from takeover.run.run import RUN, Need
from takeover.run.scenes import NEED, deployed, scenario_of
from takeover.scenario.loader import MANIFESTS, Scenario, names

MARK = "probes"
"""Marks the items of this plugin: -m probes runs them alone."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declares the option beside the others."""
    parser.getgroup("envoy-takeover").addoption(
        "--probes",
        action="store_true",
        help="beside the suites, observe the scenarios' probes (several Envoys do so anyway); -m probes: nothing else",
    )


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Reads every probe before anything is collected."""
    if RUN not in config.stash:
        return
    if config.option.sabotage is not None:
        if config.option.probes:
            raise pytest.UsageError("--probes observes the scenarios as they are: leave out --sabotage")
        return
    if config.option.probes or len(config.stash[RUN].releases) > 1:
        try:
            groups = {name: read_probes(Scenario.named(name)) for name in names()}
        except BadInputError as error:
            raise pytest.UsageError(str(error)) from None
        config.pluginmanager.register(_Probes(groups), "takeover-probes")


class _Probes:
    """The hooks of a run with probes."""

    def __init__(self, groups: dict[str, tuple[Group, ...]]) -> None:
        self._groups = groups

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        """Adds the probes of the scenarios that whole files of the suites are run for, before -m and -k select."""
        if any("::" in argument for argument in session.config.args):
            return  # somebody wants a single test
        scenarios = {scenario_of(each)[0] for each in items if each.get_closest_marker("scenario")}
        for release in session.config.stash[RUN].releases:
            found = [group for name in sorted(scenarios) for group in self._groups[name]]
            items += [ProbeItem.of(session, group, release) for group in found]
            items += [FactsItem.of(session, release)] if scenarios else []


class ProbeItem(pytest.Item):
    """A group of probes on one Envoy release."""

    group: Group
    probes: tuple[Probe, ...]

    @classmethod
    def of(cls, session: pytest.Session, group: Group, release: str) -> "ProbeItem":
        """The item for that group, which stands where the group is written."""
        scenario = Scenario.named(group.scenario)
        name = f"{group.name}[envoy-{release}]"
        item: ProbeItem = cls.from_parent(session, name=name, nodeid=f"{display_path(scenario.folder / FILE)}::{name}")
        item.group = group
        item.probes = group.probes
        item.stash[NEED] = Need(group.scenario, group.edits, repr(group.edits), release, 0, item.nodeid, group.parts)
        item.extra_keyword_matches.add(group.scenario)  # -k 'SCENARIO and GROUP'
        for mark in (scenario.chapter, MARK):
            item.add_marker(mark)
        return item

    def runtest(self) -> None:
        """Observes. Raises: what keeps a probe from being observed."""
        self.stash[OBSERVATIONS] = Observer(deployed(self), self.group).observe()

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """One line for what is no fault of the program."""
        if isinstance(excinfo.value, UnrestError | TakeoverError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the group is written."""
        file, _, line = self.group.where.rpartition(":")
        return Path(file), int(line) - 1, self.name


OBSERVATIONS: pytest.StashKey[list[Observation]] = pytest.StashKey()
FACTS: pytest.StashKey[dict[str, Any]] = pytest.StashKey()


class FactsItem(pytest.Item):
    """What one Envoy release by itself is: which configs it loads, what its binary holds."""

    release: str

    @classmethod
    def of(cls, session: pytest.Session, release: str) -> "FactsItem":
        """The item for that release."""
        name = f"facts[envoy-{release}]"
        item: FactsItem = cls.from_parent(session, name=name, nodeid=f"{display_path(MANIFESTS)}::{name}")
        item.release = release
        item.add_marker(MARK)
        return item

    def runtest(self) -> None:
        """Asks the binary. Raises: TakeoverError when it does not answer."""
        self.stash[FACTS] = facts_of(self.config.stash[RUN].releases[self.release])

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """One line for what is no fault of the program."""
        return str(excinfo.value) if isinstance(excinfo.value, TakeoverError) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The folder of the configs."""
        return MANIFESTS, None, self.name


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Sets `report.observations` and `report.facts`: attributes of JSON's types travel from xdist's workers."""
    report = yield
    if call.when == "call":
        if OBSERVATIONS in item.stash:
            report.__dict__["observations"] = item.stash[OBSERVATIONS]
            del item.stash[OBSERVATIONS]  # the item stays until the end of the run
        if FACTS in item.stash:
            report.__dict__["facts"] = item.stash[FACTS]
            del item.stash[FACTS]
    return report
