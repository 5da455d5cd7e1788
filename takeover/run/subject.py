"""What a report is about: which scenario, on which Envoy, the test's name apart from that, and why it failed."""

import re
from collections.abc import Generator

import pytest

from takeover.run.scenes import NEED, parameters_of


def release_of(item: pytest.Item) -> str | None:
    """The name of the Envoy that the test runs on; None for a test without one."""
    if NEED in item.stash:
        return item.stash[NEED].release
    release: str | None = parameters_of(item).get("envoy_release", getattr(item, "release", None))
    return release


def without(name: str, part: str) -> str:
    """A test's name or id without that one of its parameters' ids."""
    shorter = re.sub(rf"(?<=\[){re.escape(part)}-|-?{re.escape(part)}", "", name, count=1)
    return shorter.removesuffix("[]")


def subject_of(item: pytest.Item) -> dict[str, str] | None:
    """`scenario` (empty for a test of the binary alone), `release` and `name`; None for a test without an Envoy."""
    release = release_of(item)
    if release is None:
        return None
    scenario = item.stash[NEED].scenario if NEED in item.stash else ""
    return {"scenario": scenario, "release": release, "name": without(item.nodeid, f"envoy-{release}")}


def failure_of(report: pytest.TestReport) -> str:
    """What made the test fail: the error's own words, where pytest has them apart from the rest."""
    crash = getattr(report.longrepr, "reprcrash", None)
    # longreprtext would begin with the worker, where there are several.
    return (crash.message if crash else str(report.longrepr)).strip()


def failure_line(report: pytest.TestReport) -> str:
    """Its first line."""
    return next(iter(failure_of(report).splitlines()), "")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
    call: pytest.CallInfo[None],  # noqa: ARG001 - pytest's own signature
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Sets `report.subject`, which travels from xdist's workers as `report.evidence` does."""
    report = yield
    if subject := subject_of(item):
        report.__dict__["subject"] = subject
    return report
