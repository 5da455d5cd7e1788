"""`--write-docs`: the page of each scenario, from the suites as pytest collects them and from the manifests."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from takeover.base.paths import display_path
from takeover.run.deployment_key import KEY
from takeover.scenario.library import Library


def write(folder: Path, library: Library, items: Iterable[pytest.Item]) -> None:
    """Writes the pages of the scenarios that were collected, if any were."""
    from takeover.report.documentation import Suite
    from takeover.report.documentation import write as write_pages

    suites: dict[tuple[str, str], Suite] = {}
    for item in items:
        if KEY in item.stash and isinstance(item, pytest.Function):
            file = display_path(item.path)
            key = (item.stash[KEY].scenario, file)
            suite = suites.setdefault(key, Suite(*key, item.module.__doc__ or "", Counter()))
            suite.tests[item.originalname] += 1
    if suites:
        write_pages(folder, library, list(suites.values()))
