"""With `-n`: which tests go to the same worker of xdist, so that they share a deployment there.

On this machine, unless -n says otherwise, several Envoys are tested by two workers for each core (tests also wait), and
all suites on one Envoy by one for each core. A part of the suites is over before workers would be there.

xdist's own way, the mark `xdist_group`, writes into the tests' ids, which pytest 9 no longer lets it do.
"""

import gc
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from takeover.run.run import RUN
from takeover.run.scenes import NEED, SCOPE
from takeover.run.subject import release_of
from takeover.run.trial import LABELS

_MOST_FOR_ONE = 4  # the suites of one Envoy are too few for more
_OURS = "load"  # --dist, as -n sets it
_TEST, _DEPLOYMENT = 2, 10  # each takes as long as about so many probes


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Stands for -n where there is enough to do for all cores."""
    if hasattr(config, "workerinput"):
        return  # this is such a worker
    option = config.option
    is_said = config.getoption("numprocesses", 0) is not None or option.tx or option.dist != "no"
    one_process = option.keep or option.usepdb or option.collectonly or option.engine != "local"
    if not is_said and not one_process and (number := _worth_their_start(config)) > 1:
        option.numprocesses = number
    option.loadscopereorder = option.sabotage is not None  # see below: what takes long is not what has most tests


def _worth_their_start(config: pytest.Config) -> int:
    option = config.option
    cores: int = config.hook.pytest_xdist_auto_num_workers(config=config)
    if option.envoy and ("," in option.envoy or option.envoy == "all"):
        return cores * 2
    suites = {Path(config.rootpath, each).resolve() for each in config.getini("testpaths")}
    is_whole = not option.markexpr and not option.keyword and {Path(each).resolve() for each in config.args} == suites
    is_read = option.verbose > 0 or option.capture == "no"  # in the article's order, or while it happens
    return min(cores, _MOST_FOR_ONE) if is_whole and not is_read else 0


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """With workers, what takes long comes first for each Envoy: at the end they wait for each other only shortly."""
    yield
    if not hasattr(config, "workerinput") or config.option.sabotage is not None:
        return
    releases = list(config.stash[RUN].releases)
    groups = {item: _group_in(config, item.nodeid) for item in items}
    weights: Counter[str] = Counter()
    for item in items:
        weights[groups[item]] += _TEST + len(getattr(item, "probes", ()))
    for deployed, _ in {(groups[item], item.stash[NEED]) for item in items if NEED in item.stash}:
        weights[deployed] += _DEPLOYMENT
    order = {name: place for place, name in enumerate(releases)}
    items.sort(key=lambda item: (order.get(release_of(item) or "", -1), -weights[groups[item]]))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Lets a worker know which tests are its own. And what is there now stays until the end: it is no garbage."""
    config = session.config
    if hasattr(config, "workerinput") and config.getoption("dist") == _OURS:
        for item in session.items:
            item.stash[SCOPE] = _group_in(config, item.nodeid)
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object | None:
    """Keeps tests of one file and Envoy together, with --sabotage those of one sabotage; unless --dist asks else."""
    if config.getoption("dist") != _OURS:
        return None
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist is not typed
        def _split_scope(self, nodeid: str) -> str:
            return _group_in(config, nodeid)

    return Scheduling(config, log)


def _group_in(config: pytest.Config, nodeid: str) -> str:
    labels: tuple[str, ...] = config.stash.get(LABELS, ())
    return group(nodeid, labels, config.stash[RUN].releases)


def group(nodeid: str, labels: Collection[str], releases: Collection[str]) -> str:
    """What the tests of one group have in common: file or sabotage, and the release that the id names."""
    file, _, name = nodeid.partition("::")
    case = name.partition("[")[2]
    label = _start(case, [f"{each}-" for each in labels])
    release = _start(case.removeprefix(label), [f"envoy-{each}" for each in releases])
    return f"{label or file} {release}"


def _start(text: str, starts: list[str]) -> str:
    """The longest of `starts` that `text` begins with, empty if there is none."""
    return max((each for each in starts if text.startswith(each)), key=len, default="")
