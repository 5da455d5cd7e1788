"""A difference that fails a run is a report of pytest, as `takeover.run.added_reports` hands them out."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from takeover.base.errors import BadInputError
from takeover.compare.comparison import Comparison, Place
from takeover.compare.detail import example, in_short
from takeover.compare.listing import line
from takeover.probes.probe_file import FILE as PROBES
from takeover.run.added_reports import failed
from takeover.run.plan import Plan
from takeover.scenario.scenario_file import FILE


def reports_of(comparison: Comparison, plan: Plan, root: Path) -> Iterator[pytest.TestReport]:
    """A failed test for each difference that fails the run.

    Args:
        root: pytest's; places in files are seen from there.
    """
    for each in comparison.failing(plan.failing_kinds):
        name = f"{each.kind}-{each.id}"
        place = _file(example(each), plan, root), None, name
        yield failed(f"differences::{name}", place, line(comparison, each), in_short(comparison, each))


def _file(place: Place, plan: Plan, root: Path) -> str:
    """The file in which what differs is written; empty for what is about the binary."""
    if "::" in place.probe:
        return place.probe.partition("::")[0]
    try:
        folder = plan.library.scenario(place.scenario).folder
    except BadInputError:
        return ""
    file = folder / (PROBES if "/" in place.probe else FILE)
    return str(file.relative_to(root) if file.is_relative_to(root) else file)
