"""What a test is about: which scenario, on which Envoy, its name apart from that; and why it failed."""

import re
from typing import Any

import pytest

from takeover.run.deployment_key import KEY
from takeover.run.record import Subject
from takeover.scenario.sabotage import Sabotage

# As pytest writes below a comparison what a value in it was asked of.
_WHERE = re.compile(r"^ *\+  (where .+ = \w+\(.*\))$", re.MULTILINE)

REPEAT = "__pytest_repeat_step_number"
"""The parameter by which pytest-repeat multiplies a test (--count)."""
_LAST_REPEAT = re.compile(r"(?:(?<=\[)|-)\d+-\d+(?=\]$)")
"""The id of one, NUMBER-OF, which is a test's last."""


def parameters_of(item: pytest.Item) -> dict[str, Any]:
    """What the test is parametrized with."""
    return item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}


def release_of(item: pytest.Item) -> str | None:
    """The name of the Envoy that the test runs on; None for a test without one."""
    if KEY in item.stash:
        return item.stash[KEY].release
    release: str | None = parameters_of(item).get("envoy_release", getattr(item, "release", None))
    return release


def without(name: str, part: str) -> str:
    """A test's name or id without that one of its parameters' ids."""
    shorter = re.sub(rf"(?<=\[){re.escape(part)}-|-?{re.escape(part)}", "", name, count=1)
    return shorter.removesuffix("[]")


def own_name(item: pytest.Item) -> str:
    """The test's name as its own file has it: without the sabotage, the Envoy and the repeat."""
    parameters = parameters_of(item)
    name = without(item.name, f"envoy-{release_of(item)}")
    if isinstance(sabotage := parameters.get("sabotage"), Sabotage):
        name = without(name, sabotage.label)
    if REPEAT in parameters:
        name = _LAST_REPEAT.sub("", name).removesuffix("[]")
    return name


def subject_of(item: pytest.Item) -> Subject | None:
    """None for a test without an Envoy."""
    release = release_of(item)
    if release is None:
        return None
    scenario = item.stash[KEY].scenario if KEY in item.stash else ""
    return Subject(scenario, release, without(item.nodeid, f"envoy-{release}"))


def failure_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    """What made the test fail: the error's own words, where pytest has them apart from the rest."""
    crash = getattr(report.longrepr, "reprcrash", None)
    # longreprtext would begin with the worker, where there are several.
    return (crash.message if crash else str(report.longrepr)).strip()


def failure_line(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Its first line, and of an assertion what a value in it was asked of: that may name the header that is missing."""
    message = failure_of(report)
    asked = _WHERE.search(message)
    return " ".join([*message.splitlines()[:1], *([asked[1]] if asked else [])])
