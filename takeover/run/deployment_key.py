"""Which deployment a test needs: by its mark, its parameters, and what a sabotage changes.

`@pytest.mark.scenario(NAME, *EDITS)`: the tests around it with the same scenario and edits share one deployment.
`@pytest.mark.scenario(NAME, *EDITS, fresh=True)`: this test gets a deployment of its own.
`@pytest.mark.scenario(NAME, *EDITS, apart=WORD)`: it shares one with those alone that say the same word.
`begin=FUNCTION` besides: FUNCTION is called with the scene as soon as that is deployed, which may be while others are
tested: what takes seconds has then begun when the test asks for `scene.begun(FUNCTION)`.
`many=True` besides: the test sends thousands of requests; with --sabotage, others are asked first.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from takeover.scenario.edits import Edit

if TYPE_CHECKING:  # a controller needs no scenes, and their imports take their time
    from takeover.scene import Scene

Begin: TypeAlias = Callable[["Scene"], Any]


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


def _mark_of(item: pytest.Item) -> pytest.Mark:
    mark = item.get_closest_marker("scenario")
    if mark is None or not mark.args:
        raise pytest.UsageError(f"{item.nodeid}: say which scenario it is for: @pytest.mark.scenario(NAME)")
    return mark


def has_scenario(item: pytest.Item) -> bool:
    """Whether the item's marks name a scenario."""
    return item.get_closest_marker("scenario") is not None


def scenario_of(item: pytest.Item) -> tuple[str, tuple[Edit, ...]]:
    """The scenario that the test's mark names, and the mark's edits."""
    name, *edits = _mark_of(item).args
    return name, tuple(edits)


def is_fresh(item: pytest.Item) -> bool:
    """Whether the test gets a deployment of its own."""
    return bool(_mark_of(item).kwargs.get("fresh"))


def cost_of(item: pytest.Item) -> tuple[bool, bool, bool, bool]:
    """Orders tests by what they cost a sabotage: one deployment for all, for some (edits), for each; seconds.

    Thousands of requests cost more than a deployment.
    """
    mark = _mark_of(item)
    is_edited = bool(mark.args[1:]) and not is_fresh(item)
    return bool(mark.kwargs.get("many")), is_fresh(item), is_edited, bool(mark.kwargs.get("begin"))


def key_of(item: pytest.Item, release: str, repeat: int, edits_before: tuple[Edit, ...]) -> DeploymentKey:
    """The key for a test on that Envoy.

    Args:
        edits_before: a sabotage's, which come before the mark's own.
    """
    name, own_edits = scenario_of(item)
    edits = (*edits_before, *own_edits)
    mark = _mark_of(item)
    # What is sabotaged is deployed as seldom as can be: nothing needs to begin early there.
    word = "" if edits_before else mark.kwargs.get("apart", "")
    only_for = item.nodeid if is_fresh(item) else word
    return DeploymentKey(name, edits, repr(edits), release, repeat, only_for, begin=mark.kwargs.get("begin"))
