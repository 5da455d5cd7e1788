"""What the tests of a run need deployed, each read once while they are collected: many tests need the same."""

from typing import TypeAlias

from takeover.run.deployment_key import DeploymentKey
from takeover.run.plan import Plan
from takeover.scenario.edits import Edit
from takeover.scenario.loader import Scenario

Content: TypeAlias = tuple[str, tuple[str, ...], str]


class Contents:
    """The scenarios as sabotages and tests edit them."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._read: dict[Content, Scenario] = {}

    def of(self, key: DeploymentKey) -> Scenario:
        """What is deployed for that key. Raises: BadInputError, each time."""
        content = content_of(key)
        if content not in self._read:
            self._read[content] = self._plan.scenario_of(key)
        return self._read[content]

    def edited(self, name: str, edits: tuple[Edit, ...]) -> Scenario:
        """The scenario of that name with those edits. Raises: BadInputError, each time."""
        content = name, (), repr(edits)
        if content not in self._read:
            self._read[content] = self._plan.library.scenario(name).edited(edits)
        return self._read[content]

    def has(self, key: DeploymentKey) -> bool:
        """Whether it was read, and is as it should be."""
        return content_of(key) in self._read

    def clear(self) -> None:
        """All is collected: what is deployed is read anew, and the rest need not be held until the end of the run."""
        self._read.clear()


def content_of(key: DeploymentKey) -> Content:
    """What two keys have in common that deploy the same, for whichever test and Envoy."""
    return key.scenario, key.bases, key.edits_text
