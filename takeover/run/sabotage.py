"""`--sabotage`: runs the suites against scenarios that are wrong on purpose, each of which some test must catch.

Every test that uses a scenario is multiplied by the scenario's sabotages, whose edits come before the test's own. A
test whose assertion fails has caught its sabotage; the sabotage's other tests are then left out. The tests know
nothing of it.
"""

import fnmatch
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from takeover.base.errors import BadInputError
from takeover.run.run import RUN
from takeover.run.scenes import EDITS_BEFORE, NOT_DEPLOYED, ON_DEMAND, is_fresh, parameters_of, scenario_of
from takeover.run.states import known_failure, own_name, unsupported
from takeover.run.subject import without
from takeover.run.trial import LABELS, PROPERTY, Trial, Verdict, table
from takeover.scenario.loader import Scenario, names
from takeover.scenario.sabotage import Sabotage, read_sabotages

TRIAL: pytest.StashKey[Trial] = pytest.StashKey()
"""On every multiplied test: the trial that it is part of."""

_UNDER = "under sabotage"  # marks the reports of multiplied tests


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declares the option beside the others."""
    parser.getgroup("envoy-takeover").addoption(
        "--sabotage",
        nargs="?",
        const="*",
        metavar="NAME",
        help="run the suites against the scenarios' sabotages (of that name, or SCENARIO/NAME; * stands for anything): "
        "each must be caught by a test",
    )


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Reads every sabotage before anything is collected."""
    pattern = config.option.sabotage
    if pattern is None or config.option.help or config.option.markers:
        return
    try:
        found = [each for name in names() for each in read_sabotages(Scenario.named(name))]
    except BadInputError as error:
        raise pytest.UsageError(str(error)) from None
    chosen = [each for each in found if fnmatch.fnmatch(each.label, pattern) or fnmatch.fnmatch(each.name, pattern)]
    if not chosen:
        raise pytest.UsageError(f"--sabotage={pattern}: no sabotage has this name (paths go before --sabotage)")
    config.stash[LABELS] = tuple(each.label for each in chosen)
    config.pluginmanager.register(_Sabotages(chosen), "takeover-sabotages")


class _Sabotages:
    """The hooks of a run with --sabotage."""

    def __init__(self, sabotages: list[Sabotage]) -> None:
        self._sabotages = sabotages
        self._trials: dict[tuple[str, str], Trial] = {}
        self._outcomes: list[dict[str, Any]] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Multiplies a test by the sabotages of all scenarios that its marks name."""
        if "scene" not in metafunc.fixturenames:
            return
        scenarios = _marked_scenarios(metafunc)
        fitting = [each for each in self._sabotages if each.scenario in scenarios]
        metafunc.fixturenames.append("sabotage")
        metafunc.parametrize("sabotage", fitting, ids=[each.label for each in fitting])

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> Iterator[None]:
        """Keeps the tests that fit their sabotage, cheap ones first, and puts a verdict at each sabotage's end."""
        items[:] = [item for item in items if self._joins(item)]
        # A sabotage that no test fits is a finding, one whose tests are deselected is not.
        selected: dict[Trial, list[pytest.Item]] = {trial: [] for trial in self._trials.values() if not trial.tests}
        yield
        for item in items:
            selected.setdefault(item.stash[TRIAL], []).append(item)
        items.clear()
        for trial, tests in selected.items():
            tests.sort(key=_cost)
            # Later ones are likely not to be needed: their deployments are not made ahead.
            for test in tests[1:]:
                test.stash[ON_DEMAND] = True
            items += [*tests, Verdict.of(session, trial)]

    def _joins(self, item: pytest.Item) -> bool:
        """Whether the test takes part in a trial; if so it is prepared."""
        parameters = parameters_of(item)
        sabotage, release = parameters.get("sabotage"), str(parameters.get("envoy_release"))
        if not isinstance(sabotage, Sabotage):
            return False
        name, edits = scenario_of(item)
        if name != sabotage.scenario or self._is_declared(item, sabotage, release):
            return False
        trial = self._trials.setdefault((sabotage.label, release), Trial(sabotage, release))
        try:
            Scenario.named(name).edited((*sabotage.edits, *edits))
        except BadInputError:
            trial.unfit.append(_told_name(item, trial))
            return False
        trial.tests += 1
        item.stash[TRIAL] = trial
        item.stash[EDITS_BEFORE] = sabotage.edits
        item.user_properties.append((_UNDER, sabotage.label))
        return True

    @staticmethod
    def _is_declared(item: pytest.Item, sabotage: Sabotage, release: str) -> bool:
        """Whether the test does not run on that release or fails there anyway: it could catch nothing."""
        version = item.config.stash[RUN].releases[release].version
        scenario, test = Scenario.named(sabotage.scenario), without(own_name(item), sabotage.label)
        return bool(unsupported(scenario, version) or known_failure(scenario, test, version))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Leaves out the tests of a sabotage that is decided."""
        if TRIAL in item.stash and item.stash[TRIAL].is_decided:
            pytest.skip("decided")

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Takes in what the test made of the sabotage: its failure is no failure of the run."""
        report = yield
        trial = item.stash.get(TRIAL, None)
        if trial is None or report.skipped:
            return report
        test, raised = _told_name(item, trial), call.excinfo
        if call.when == "setup" and NOT_DEPLOYED in item.stash:
            self._take_no_start(trial, item)
        elif call.when != "call":
            return report
        elif raised is None:
            trial.survived.append(test)
        elif raised.errisinstance(AssertionError):
            trial.caught_by = test
        else:
            trial.ended.append((test, raised.typename))
        report.outcome, report.longrepr = "passed", None
        return report

    def _take_no_start(self, trial: Trial, item: pytest.Item) -> None:
        """Blames the sabotage, unless it may be that only the test's own edits do not go with it."""
        if scenario_of(item)[1]:
            trial.unfit.append(_told_name(item, trial))
            trial.start = item.stash[NOT_DEPLOYED]
        else:
            trial.broken = item.stash[NOT_DEPLOYED]

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Says nothing of the tests themselves: the verdicts are this run's results."""
        if not report.failed and dict(report.user_properties).get(_UNDER):
            return "", "", ""
        return None

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """One line of dots: the tests of many files take turns."""
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.showfspath = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collects the verdicts, whichever process reached them."""
        outcome = dict(report.user_properties).get(PROPERTY)
        if report.when == "call" and isinstance(outcome, dict):
            self._outcomes.append(outcome)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Prints which test caught which sabotage."""
        if self._outcomes:
            terminalreporter.section("sabotage: the test that caught it")
            order = {(each.scenario, each.name): place for place, each in enumerate(self._sabotages)}
            for line in table(sorted(self._outcomes, key=lambda each: order[each["scenario"], each["name"]])):
                terminalreporter.write_line(line)


def _marked_scenarios(metafunc: pytest.Metafunc) -> set[str]:
    """The scenarios of the test's own marks and of its parameters'."""
    marks = list(metafunc.definition.iter_markers("scenario"))
    for parametrized in metafunc.definition.iter_markers("parametrize"):
        values = parametrized.kwargs.get("argvalues", parametrized.args[1:2])
        for value in values[0] if isinstance(values, tuple) else values:
            marks += [mark for mark in getattr(value, "marks", ()) if mark.name == "scenario"]
    return {mark.args[0] for mark in marks if mark.args}


def _cost(item: pytest.Item) -> tuple[bool, bool]:
    """Orders tests by what their deployment costs: one for all, one for those with the same edits, one for each."""
    return is_fresh(item), not is_fresh(item) and bool(scenario_of(item)[1])


def _told_name(item: pytest.Item, trial: Trial) -> str:
    """The test's name without the parts that the sabotage and the release put into it."""
    return without(without(item.name, trial.sabotage.label), f"envoy-{trial.release}")
