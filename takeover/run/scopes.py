"""Which tests go to the same worker of xdist, so that they share a deployment there.

xdist's own way, the mark `xdist_group`, writes into the tests' ids, which pytest 9 no longer lets it do.
"""

from collections import Counter
from collections.abc import Collection, Mapping

import pytest

from takeover.run.chosen import Chosen, subjects
from takeover.run.deployment_key import KEY
from takeover.run.plan import Plan
from takeover.run.roles import OURS
from takeover.run.subject import release_of

SCOPE: pytest.StashKey[str] = pytest.StashKey()
"""On the items of a worker: those of the same scope go to the same worker, one after the other."""

SHARED_OUT_BY = "takeover-dist"
"""In a worker's input: the controller's --dist; in a worker, xdist says "no"."""
_TEST, _DEPLOYMENT = 2, 10  # each takes as long as about so many probes


class Scopes:
    """Tells by a test's id which tests it goes with.

    Args:
        labels: of the run's sabotages: the ids of multiplied tests and of verdicts name one in their brackets.
    """

    def __init__(self, plan: Plan, labels: Collection[str]) -> None:
        self._releases = list(plan.releases)
        self._is_worker = plan.role == "worker"
        self._labels = labels
        self._of_one_scenario: frozenset[str] = frozenset()

    def learn(self, chosen: Chosen) -> None:
        """Takes in which tests there are: each process of a run that needs scopes has to know of the same ones."""
        self._of_one_scenario = folders_of_one_scenario({name: each.scenario for name, each in chosen.items()})

    def of(self, nodeid: str) -> str:
        """The scope of that test."""
        return group(nodeid, self._labels, self._releases, self._of_one_scenario)

    def put_long_ones_first(self, items: list[pytest.Item]) -> None:
        """What takes long comes first for each Envoy: at the end workers wait for each other only shortly."""
        self.learn(subjects(items))
        groups = {item: self.of(item.nodeid) for item in items}
        weights: Counter[str] = Counter()
        for item in items:
            weights[groups[item]] += _TEST + getattr(item, "weight", 0)
        for deployed, _ in {(groups[item], item.stash[KEY]) for item in items if KEY in item.stash}:
            weights[deployed] += _DEPLOYMENT
        order = {name: place for place, name in enumerate(self._releases)}
        items.sort(key=lambda item: (order.get(release_of(item) or "", -1), -weights[groups[item]]))

    def note(self, items: list[pytest.Item]) -> None:
        """Lets a worker know which tests are its own."""
        if self._is_worker and items and getattr(items[0].config, "workerinput", {}).get(SHARED_OUT_BY) == OURS:
            for item in items:
                item.stash[SCOPE] = self.of(item.nodeid)


def folders_of_one_scenario(scenarios: Mapping[str, str]) -> frozenset[str]:
    """The folders whose files are all of one scenario, which each worker that has one of them would deploy.

    Args:
        scenarios: of the tests by their ids.
    """
    found: dict[str, set[str]] = {}
    for nodeid, scenario in scenarios.items():
        found.setdefault(_folder(nodeid), set()).add(scenario)
    if len(found) == 1:
        return frozenset()  # or one worker would have all there is
    return frozenset(folder for folder, of in found.items() if len(of) == 1)


def _folder(nodeid: str) -> str:
    return nodeid.partition("::")[0].rpartition("/")[0]


def group(
    nodeid: str, labels: Collection[str], releases: Collection[str], folders: Collection[str] = frozenset()
) -> str:
    """What the tests of one group have in common: file or sabotage, and the release that the id names.

    Args:
        nodeid: the test's.
        labels: of the run's sabotages.
        releases: of the run, by their names.
        folders: those whose files stay together.
    """
    file, _, name = nodeid.partition("::")
    if _folder(nodeid) in folders:
        file = _folder(nodeid)
    case = name.partition("[")[2].removesuffix("]")
    label = _named(case, labels)
    release = _named(case, [f"envoy-{each}" for each in releases])
    return f"{label or file} {release}"


def _named(case: str, words: Collection[str]) -> str:
    """The longest of the words that is a part of a case's id, between hyphens; empty if none is.

    Not its first part: the parameters of a fixture come before it.
    """
    return max((each for each in words if f"-{each}-" in f"-{case}-"), key=len, default="")
