"""Every scenario of the project with a suite has sabotages, and each of them fits it and changes it."""

import pytest

from takeover.scenario.library import Library
from takeover.scenario.sabotage import read_sabotages
from tests.with_suites import WITH_SUITES


@pytest.mark.parametrize("name", WITH_SUITES)
def test_every_scenario_has_some(name: str) -> None:
    assert len(read_sabotages(Library.bundled().scenario(name))) >= (8 if name.startswith("xds-") else 20)


def test_there_are_many() -> None:
    assert sum(len(read_sabotages(Library.bundled().scenario(name))) for name in Library.bundled().names()) >= 250
