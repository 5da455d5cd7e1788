"""Which deployment a test needs: by its mark, its parameters, and what a sabotage changes."""

from dataclasses import dataclass, field

import pytest

from takeover.run import scenario_mark
from takeover.run.scenario_mark import Begin
from takeover.scenario.edits import Edit


@dataclass(frozen=True)
class DeploymentKey:
    """Names a deployment. Tests with equal keys share one.

    Args:
        edits_text: what tells one set of edits from another (their values cannot be hashed).
        repeat: which of the run's repeats it is for: each deploys anew.
        only_for: the test that wants a deployment of its own, or the word of those that share one apart; empty for
            one that all share.
        bases: what is deployed beside the scenario (folders of manifests/bases).
        begin: what is begun as soon as it is deployed.
    """

    scenario: str
    edits: tuple[Edit, ...] = field(compare=False)
    edits_text: str
    release: str
    repeat: int
    only_for: str
    bases: tuple[str, ...] = ()
    begin: Begin | None = field(default=None, compare=False)

    @property
    def is_changed(self) -> bool:
        """Whether what it deploys may be other than the scenario: edited, or left by a test that has it for itself."""
        return bool(self.edits or self.only_for)


KEY: pytest.StashKey[DeploymentKey] = pytest.StashKey()
"""On every item that needs a deployment."""

ON_DEMAND: pytest.StashKey[bool] = pytest.StashKey()
"""On an item whose deployment is not to be made ahead, because the item may be left out."""

LONG: pytest.StashKey[bool] = pytest.StashKey()
"""On an item that takes seconds. Where workers share the cores, its deployment is not made ahead: others fill them
meanwhile, and an Envoy that waits for its turn takes of what they have."""


def cost_of(item: pytest.Item) -> tuple[bool, bool, bool, bool]:
    """Orders tests by what they cost a sabotage: one deployment for all, for some (edits), for each; seconds.

    Thousands of requests cost more than a deployment.
    """
    mark = scenario_mark.read(item)
    return mark.many, mark.fresh, bool(mark.edits) and not mark.fresh, mark.begin is not None


def key_of(item: pytest.Item, release: str, repeat: int, edits_before: tuple[Edit, ...]) -> DeploymentKey:
    """The key for a test on that Envoy.

    Args:
        edits_before: a sabotage's, which come before the mark's own.
    """
    mark = scenario_mark.read(item)
    edits = (*edits_before, *mark.edits)
    # What is sabotaged is deployed as seldom as can be: nothing needs to begin early there.
    word = "" if edits_before else mark.apart
    only_for = item.nodeid if mark.fresh else word
    return DeploymentKey(mark.name, edits, repr(edits), release, repeat, only_for, begin=mark.begin)
