"""What scenario.yaml declares of versions: unsupported tests do not run and are told of, known failures must fail."""

from collections.abc import Generator, Iterable, Iterator

import pytest

from takeover.base.errors import BadInputError
from takeover.run.run import RUN
from takeover.run.scenes import NEED, ON_DEMAND, scenario_of
from takeover.run.subject import release_of, without
from takeover.scenario.declared import KnownFailure, Support
from takeover.scenario.loader import Scenario

UNSUPPORTED: pytest.StashKey[Support] = pytest.StashKey()
"""On a test whose scenario does not support its Envoy: what it supports, and why."""


def own_name(item: pytest.Item) -> str:
    """The test's name without the Envoy."""
    return without(item.name, f"envoy-{release_of(item)}")


def unsupported(scenario: Scenario, version: str) -> Support | None:
    """What the scenario supports, if that is not this version."""
    return scenario.supports if scenario.supports and version not in scenario.supports.envoy else None


def known_failure(scenario: Scenario, test: str, version: str) -> KnownFailure | None:
    """Why the test of that name fails on that version, if that is known."""
    return next((each for each in scenario.known_failures if version in each.envoy and each.is_about(test)), None)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Marks the tests, once it is known what each of them needs."""
    _check_known_failures(config, items)
    yield
    for item in items:
        if NEED not in item.stash:
            continue
        need = item.stash[NEED]
        scenario, version = Scenario.named(need.scenario), config.stash[RUN].releases[need.release].version
        if support := unsupported(scenario, version):
            item.stash[UNSUPPORTED] = support
            item.stash[ON_DEMAND] = True
        elif known := known_failure(scenario, own_name(item), version):
            # A scenario that does not come up fails by pytest.fail; any other error is none that was known.
            failures = (AssertionError, pytest.fail.Exception)
            item.add_marker(pytest.mark.xfail(reason=known.reason, strict=True, raises=failures))


def _check_known_failures(config: pytest.Config, items: Iterable[pytest.Item]) -> None:
    """Refuses a known failure of no test, which can be told when all suites are there."""
    if not set((config.rootpath / "suites").glob("**/test_*.py")) <= {item.path for item in items}:
        return
    tests: dict[str, set[str]] = {}
    for item in items:
        if item.get_closest_marker("scenario"):
            tests.setdefault(scenario_of(item)[0], set()).add(own_name(item))
    for name, of_scenario in tests.items():
        try:
            known_failures = Scenario.named(name).known_failures
        except BadInputError as error:
            raise pytest.UsageError(str(error)) from None
        for known in known_failures:
            if not any(known.is_about(each) for each in of_scenario):
                raise pytest.UsageError(f"{known.where}: no test of {name} is called {known.test}")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leaves out what is not supported."""
    if support := item.stash.get(UNSUPPORTED, None):
        pytest.skip(f"unsupported: {item.stash[NEED].scenario} {support}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
    call: pytest.CallInfo[None],  # noqa: ARG001 - pytest's own signature
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Sets `report.unsupported`, which travels from xdist's workers."""
    report = yield
    if support := item.stash.get(UNSUPPORTED, None):
        report.__dict__["unsupported"] = str(support)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says what did not run because a scenario does not support it, and what failed as was known."""
    counted: dict[str, int] = {}
    for report in terminalreporter.getreports("skipped"):
        if support := getattr(report, "unsupported", None):
            subject = report.subject
            told = f"unsupported on Envoy {subject['release']}: {subject['scenario']} {support}"
            counted[told] = counted.get(told, 0) + 1
    known = [
        f"known failure on Envoy {report.subject['release']}: {report.subject['name']}: {report.wasxfail}"
        for report in terminalreporter.getreports("xfailed")
        if hasattr(report, "subject")
    ]
    if counted or known:
        terminalreporter.section("declared in scenario.yaml")
        for line in [*(f"{told} ({count} tests)" for told, count in counted.items()), *known]:
            terminalreporter.write_line(line)
