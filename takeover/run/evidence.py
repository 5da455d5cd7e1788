"""Attaches to every result what the witnesses said, as plain data, for whoever makes reports of the results."""

from collections.abc import Generator
from typing import Any

import pytest

from takeover.evidence.trace import Path, text
from takeover.run.scenes import SCENE


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Sets `report.evidence` of a test with a scene: for each watched block, in order, its list of hops.

    Likewise `report.measurements`, and `report.expected`: for each block the path that an assertion missed, or None.
    An attribute of JSON's types travels from xdist's workers with the report, and stays out of JUnit's XML.
    """
    report = yield
    if call.when == "call" and SCENE in item.stash:
        scene = item.stash[SCENE]
        blocks = [seen.hops for seen in scene.watched_blocks]
        report.__dict__["evidence"] = blocks
        report.__dict__["measurements"] = list(scene.measurements)
        if report.failed:
            report.__dict__["expected"] = [seen.path.expected for seen in scene.watched_blocks]
            report.sections += [
                (f"hops of watched block {number}", text(each)) for number, each in enumerate(blocks, 1)
            ]
    return report


def pytest_assertrepr_compare(op: str, left: Any, right: Any) -> None:
    """Remembers which path was wanted where another one was seen: that tells where it broke off."""
    if op == "==" and isinstance(left, Path) and isinstance(right, list):
        left.expected = list(right)
