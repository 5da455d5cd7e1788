"""`--write-docs`: the page of each scenario, from the suites as pytest collects them and from the manifests."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from takeover.base.paths import display_path
from takeover.run.deployment_key import KEY
from takeover.run.plan import Plan
from takeover.run.subject import own_name


def write(folder: Path, plan: Plan, items: Iterable[pytest.Item]) -> None:
    """Writes the pages of the scenarios that were collected, if any were. Raises: BadInputError."""
    from takeover.report.documentation import Suite
    from takeover.report.documentation import write as write_pages

    suites: dict[tuple[str, str], Suite] = {}
    counted = set[tuple[str, str]]()
    for item in items:
        if KEY in item.stash and isinstance(item, pytest.Function):
            file = display_path(item.path)
            key = (item.stash[KEY].scenario, file)
            suite = suites.setdefault(key, Suite(*key, item.module.__doc__ or "", Counter()))
            # A case is one however many Envoys and repeats it is run with.
            case = (item.nodeid.removesuffix(item.name), own_name(item))
            suite.tests[item.originalname] += case not in counted
            counted.add(case)
    if suites:
        write_pages(folder, plan.library, list(suites.values()), plan.program)
