"""`--sabotage`: the suites against scenarios that are wrong on purpose, each of which some test must catch.

Every test that uses a scenario is multiplied by the scenario's sabotages, whose edits come before the test's own. A
test whose assertion fails has caught its sabotage; the sabotage's other tests are then left out. The tests know
nothing of it.
"""

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import pytest

from takeover.base.errors import BadInputError, LostError
from takeover.run import scenario_mark
from takeover.run.contents import Contents
from takeover.run.deployment_key import ON_DEMAND, cost_of
from takeover.run.plan import Plan
from takeover.run.reason import Comparison, reason
from takeover.run.record import Record, SabotageOutcome
from takeover.run.sabotage_alike import caught_alike
from takeover.run.sabotage_trial import SabotageTrial, Verdict, table
from takeover.run.scenes import NOT_DEPLOYED, SCENE
from takeover.run.subject import own_name, parameters_of, without
from takeover.run.versions import known_failure, unsupported
from takeover.scenario.edits import Edit
from takeover.scenario.sabotage import Sabotage

TRIAL: pytest.StashKey[SabotageTrial] = pytest.StashKey()
"""On every multiplied test: the trial that it is part of."""


class Sabotages:
    """What --sabotage does to tests and their reports."""

    def __init__(self, plan: Plan, contents: Contents, sabotages: Sequence[Sabotage]) -> None:
        self._plan = plan
        self._contents = contents
        self._sabotages = sabotages
        self._trials: dict[tuple[str, str], SabotageTrial] = {}
        self._fits: dict[tuple[str, str], bool] = {}
        self._compared: Comparison | None = None

    def multiply(self, metafunc: pytest.Metafunc) -> None:
        """Multiplies a test by the sabotages of all scenarios that its marks name."""
        scenarios = _marked_scenarios(metafunc)
        fitting = [each for each in self._sabotages if each.scenario in scenarios]
        metafunc.fixturenames.append("sabotage")
        metafunc.parametrize("sabotage", fitting, ids=[each.label for each in fitting])

    @pytest.hookimpl(wrapper=True)
    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> Generator[None, object, object]:
        """Leaves out, of a test that is parametrized with scenarios, each with the sabotages of another one.

        No test is made of them then: it would be most of all that are made.
        """
        generated = yield
        own = next((mark for mark in metafunc.definition.own_markers if mark.name == scenario_mark.NAME), None)
        around = metafunc.definition.get_closest_marker(scenario_mark.NAME)

        def is_of_its_scenario(call: Any) -> bool:
            sabotage = call.params.get("sabotage")
            mark = own or next((each for each in call.marks if each.name == scenario_mark.NAME), around)
            name = scenario_mark.named(mark) if mark is not None else None
            return not isinstance(sabotage, Sabotage) or name is None or sabotage.scenario == name

        metafunc._calls[:] = filter(is_of_its_scenario, metafunc._calls)
        return generated

    def keep_fitting(self, items: list[pytest.Item]) -> None:
        """Keeps the tests that fit their sabotage, before pytest selects."""
        items[:] = [item for item in items if self._joins(item)]

    def arrange(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        """Puts cheap tests first and a verdict at each sabotage's end, after pytest has selected.

        A sabotage that no test fits is a finding, one whose tests are deselected is not.
        """
        selected: dict[SabotageTrial, list[pytest.Item]] = {
            trial: [] for trial in self._trials.values() if not trial.tests
        }
        for item in items:
            selected.setdefault(item.stash[TRIAL], []).append(item)
        items.clear()
        for trial, of_trial in selected.items():
            tests = _in_turn(of_trial)
            # Later ones are likely not to be needed: their deployments are not made ahead.
            for test in tests[1:]:
                test.stash[ON_DEMAND] = True
            items += [*tests, Verdict.of(session, trial, self._plan)]

    def edits_before(self, item: pytest.Item) -> tuple[Edit, ...]:
        """The edits that come before those of the test's mark."""
        return item.stash[TRIAL].sabotage.edits if TRIAL in item.stash else ()

    def _joins(self, item: pytest.Item) -> bool:
        """Whether the test takes part in a trial; if so it is prepared."""
        parameters = parameters_of(item)
        sabotage, release = parameters.get("sabotage"), str(parameters.get("envoy_release"))
        if not isinstance(sabotage, Sabotage):
            return False
        mark = scenario_mark.read(item)
        if mark.name != sabotage.scenario or self._is_declared(item, sabotage, release):
            return False
        trial = self._trials.setdefault((sabotage.label, release), SabotageTrial(sabotage, release))
        if not self._goes_with(sabotage, mark.edits):
            trial.unfit.append(_told_name(item, trial))
            return False
        trial.tests += 1
        item.stash[TRIAL] = trial
        return True

    def _goes_with(self, sabotage: Sabotage, edits: tuple[Edit, ...]) -> bool:
        """Whether a test's own edits still find their places. Most tests have the same ones: none."""
        asked = sabotage.label, repr(edits)
        if asked not in self._fits:
            try:
                self._contents.edited(sabotage.scenario, (*sabotage.edits, *edits))
                self._fits[asked] = True
            except BadInputError:
                self._fits[asked] = False
        return self._fits[asked]

    def _is_declared(self, item: pytest.Item, sabotage: Sabotage, release: str) -> bool:
        """Whether the test does not run on that release or fails there anyway: it could catch nothing."""
        envoy = self._plan.releases[release]
        scenario = self._plan.library.scenario(sabotage.scenario)
        if unsupported(scenario.supports, envoy, self._plan):
            return True
        return known_failure(scenario, own_name(item), envoy.version) is not None

    def leaves_out(self, item: pytest.Item) -> bool:
        """Whether the test's sabotage is decided."""
        return TRIAL in item.stash and item.stash[TRIAL].is_decided

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Leaves out the tests of a sabotage that is decided, without a report: most tests are such."""
        if not self.leaves_out(item):
            self._compared = None
            return None
        # What the one before has left for this one goes, if the next one has no use for it.
        item.session._setupstate.teardown_exact(nextitem)
        return True

    def note_compared(self, op: str, left: object, right: object) -> None:
        """Remembers what an assertion compares that fails."""
        self._compared = Comparison(op, left, right)

    def judge(
        self,
        item: pytest.Item,
        call: pytest.CallInfo[None],
        report: pytest.TestReport,
        record: Record,
        loss: LostError | None,
    ) -> None:
        """Takes in what the test made of the sabotage: its failure is no failure of the run."""
        if isinstance(item, Verdict):
            record.sabotage = item.outcome
        trial = item.stash.get(TRIAL, None)
        if trial is None:
            return
        record.sabotaged = True
        if report.skipped:
            return
        if loss is not None:
            trial.ended.append((_told_name(item, trial), "the loss of what it ran on"))
            return
        test, raised = _told_name(item, trial), call.excinfo
        if call.when == "setup" and NOT_DEPLOYED in item.stash:
            self._take_no_start(trial, item)
        elif call.when != "call":
            return
        elif raised is None:
            trial.survived.append(test)
        elif raised.errisinstance(AssertionError):
            trial.caught_by = test
            trial.reason = reason(raised, item.path, self._compared, item.stash[SCENE])
        else:
            trial.ended.append((test, raised.typename))
        report.outcome, report.longrepr = "passed", None

    def _take_no_start(self, trial: SabotageTrial, item: pytest.Item) -> None:
        """Blames the sabotage, unless it may be that only the test's own edits do not go with it."""
        if scenario_mark.read(item).edits:
            trial.unfit.append(_told_name(item, trial))
            trial.start = item.stash[NOT_DEPLOYED]
        else:
            trial.broken = item.stash[NOT_DEPLOYED]

    def lines(self, outcomes: Sequence[SabotageOutcome]) -> Iterator[str]:
        """Which test caught which sabotage and why, in the order of the files."""
        yield from table(self._in_order(outcomes))

    def failing(self, outcomes: Sequence[SabotageOutcome]) -> Iterator[pytest.TestReport]:
        """A failed test for each group that is caught alike, where the project asks for it."""
        places = {each.label: each.where for each in self._sabotages}
        for each in caught_alike(self._in_order(outcomes)) if self._plan.sabotage_distinct else ():
            yield each.report(places[each.labels[-1]])

    def _in_order(self, outcomes: Sequence[SabotageOutcome]) -> list[SabotageOutcome]:
        order = {(each.scenario, each.name): place for place, each in enumerate(self._sabotages)}
        return sorted(outcomes, key=lambda each: order[each.scenario, each.name])


def _in_turn(tests: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Cheap ones first; of these the first case of each function, then the second ones: functions differ more."""
    cases: Counter[str] = Counter()
    turns: dict[pytest.Item, int] = {}
    for each in tests:
        function = each.nodeid.partition("[")[0]
        turns[each] = cases[function]
        cases[function] += 1
    return sorted(tests, key=lambda each: (cost_of(each), turns[each]))


def _marked_scenarios(metafunc: pytest.Metafunc) -> set[str]:
    """The scenarios of the test's own marks and of its parameters'."""
    marks = list(metafunc.definition.iter_markers(scenario_mark.NAME))
    for parametrized in metafunc.definition.iter_markers("parametrize"):
        given = [*parametrized.args[1:2], parametrized.kwargs.get("argvalues", ())]
        for value in given[0]:
            marks += [mark for mark in getattr(value, "marks", ()) if mark.name == scenario_mark.NAME]
    return {name for mark in marks if (name := scenario_mark.named(mark)) is not None}


def _told_name(item: pytest.Item, trial: SabotageTrial) -> str:
    """The test's name without the parts that the sabotage and the release put into it."""
    return without(without(item.name, trial.sabotage.label), f"envoy-{trial.release}")
