"""What scenario.yaml declares of Envoys: unsupported tests do not run and are told of, known failures must fail."""

from collections.abc import Collection, Iterable, Iterator

import pytest

from takeover.base.errors import BadInputError
from takeover.engines import choose
from takeover.inventory.extensions import lacking
from takeover.model.release import Release
from takeover.run import scenario_mark
from takeover.run.deployment_key import KEY, ON_DEMAND
from takeover.run.plan import Plan
from takeover.run.record import record_of
from takeover.run.subject import own_name
from takeover.run.whole import has_all_tests
from takeover.scenario.declared import KnownFailure, Support
from takeover.scenario.loader import Scenario

UNSUPPORTED: pytest.StashKey[str] = pytest.StashKey()
"""On a test that its Envoy is not supported for: what is, or what that has not, and why."""

OWN_SUPPORT: pytest.StashKey[tuple[str, Support]] = pytest.StashKey()
"""On an item that says itself which Envoys it supports, beside its scenario: who says so, and what."""


def unsupported(supports: Support | None, release: Release, plan: Plan) -> str:
    """What is supported, if that is not this Envoy; empty if it is.

    What an Envoy has is asked of its binary, where that is what runs: an image may have been built otherwise. One that
    does not tell is taken for one that has all: the tests will say what is wrong with it.
    """
    if supports is None:
        return ""
    if (told := supports.refuses(release.version)) or not supports.extensions:
        return told
    if not choose.runs_binary(plan.engine.name):
        return ""
    missing = lacking(release, supports.extensions)
    return supports.misses(missing[0]) if missing else ""


def undelivered(scenario: Scenario) -> str:
    """That the run's way of delivery is none for the scenario; empty if it is."""
    what = scenario.not_delivered
    return what and f"is not tested with --delivery {scenario.library.delivery}: {what}"


def known_failure(scenario: Scenario, test: str, version: str) -> KnownFailure | None:
    """Why the test of that name fails on that version, if that is known."""
    return next((each for each in scenario.known_failures if version in each.envoy and each.is_about(test)), None)


def check_known_failures(session: pytest.Session, items: Collection[pytest.Item], plan: Plan) -> None:
    """Refuses a known failure of no test, which can be told where all tests are there. Raises: pytest.UsageError."""
    tests: dict[str, set[str]] = {}
    for item in items:
        if scenario_mark.is_there(item):
            tests.setdefault(scenario_mark.read(item).name, set()).add(own_name(item))
    for name, of_scenario in tests.items():
        try:
            known_failures = plan.library.known_failures(name)
        except BadInputError as error:
            raise pytest.UsageError(str(error)) from None
        for known in known_failures:
            if not any(known.is_about(each) for each in of_scenario) and has_all_tests(session, items):
                raise pytest.UsageError(f"{known.where}: no test of {name} is called {known.test}")


def mark_by_version(items: Iterable[pytest.Item], plan: Plan) -> None:
    """Marks the tests, once it is known what each of them needs."""
    for item in items:
        if KEY not in item.stash:
            continue
        key = item.stash[KEY]
        scenario, release = plan.library.scenario(key.scenario), plan.releases[key.release]
        who, own = item.stash.get(OWN_SUPPORT, ("", None))
        if told := unsupported(scenario.supports, release, plan) or undelivered(scenario):
            item.stash[UNSUPPORTED] = told
        elif told := unsupported(own, release, plan):
            item.stash[UNSUPPORTED] = f"{who} {told}"
        if told:
            item.stash[ON_DEMAND] = True
        elif known := known_failure(scenario, own_name(item), release.version):
            # A scenario that does not come up fails by pytest.fail; any other error is none that was known.
            failures = (AssertionError, pytest.fail.Exception)
            item.add_marker(pytest.mark.xfail(reason=known.reason, strict=True, raises=failures))


def skip_if_unsupported(item: pytest.Item) -> None:
    """Leaves out what is not supported."""
    if what := item.stash.get(UNSUPPORTED, None):
        pytest.skip(f"unsupported: {item.stash[KEY].scenario} {what}")


def declared_lines(reporter: pytest.TerminalReporter) -> Iterator[str]:
    """What did not run because a scenario does not support it, and what failed as was known."""
    counted: dict[str, int] = {}
    for report in reporter.getreports("skipped"):
        record = record_of(report)
        if record.unsupported and (subject := record.subject) is not None:
            told = f"unsupported on Envoy {subject.release}: {subject.scenario} {record.unsupported}"
            counted[told] = counted.get(told, 0) + 1
    yield from (f"{told} ({count} tests)" for told, count in counted.items())
    for report in reporter.getreports("xfailed"):
        about = record_of(report).subject
        if about is not None:
            yield ": ".join(filter(None, (f"known failure on Envoy {about.release}", about.name, report.wasxfail)))
