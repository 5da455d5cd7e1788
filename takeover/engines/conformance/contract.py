"""What the tests of every part of the contract share: two scenarios, and one of them deployed."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from takeover.engines.contract import Container, Deployment, Engine
from takeover.model.release import Release
from takeover.scenario.edits import Edit
from takeover.scenario.library import Library
from takeover.scenario.loader import Scenario

_SCENARIOS = Path(__file__).parent / "scenarios"
WORKSHOP = _SCENARIOS / "workshop"


def workshop_scenario() -> Scenario:
    """The scenario with everything in it that an engine must be able to do."""
    return Library(WORKSHOP.parent).scenario(WORKSHOP.name)


def crew_scenario() -> Scenario:
    """The scenario of the Deployment `web` with its Service, and the Pod `client` with the container `main`."""
    return Library(_SCENARIOS).scenario("crew")


def single(edits: Iterable[Edit] = ()) -> Scenario:
    """The scenario of one Pod, `app` with the containers `before` (init) and `main`, changed by edits."""
    return Library(_SCENARIOS).scenario("single").edited(edits)


class Contract:
    """The beginning of a class of tests, which says what they need."""

    @pytest.fixture(scope="class")
    @classmethod
    def workshop(cls, engine: Engine, envoy: Release) -> Iterator[Deployment]:
        """The scenario with everything in it, shared: a test leaves it as it found it."""
        deployment = engine.deploy(workshop_scenario(), envoy)
        yield deployment
        deployment.delete()

    @pytest.fixture
    def main(self, workshop: Deployment) -> Container:
        """The container in which most happens."""
        return workshop.pod("tools").container("main")
