"""The parts of a run, made and registered in one place and in one order, each given what it needs."""

import contextlib
import functools
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from takeover.base.errors import BadInputError
from takeover.base.visible import visible
from takeover.engines import choose
from takeover.engines.contract import Engine
from takeover.envoy.pinned import is_pinned
from takeover.model.release import Release
from takeover.run import live, terminal
from takeover.run.annotations import Annotations
from takeover.run.checking import Redaction
from takeover.run.chosen import ChosenTests, ChosenTestsTeller
from takeover.run.collection import Collection
from takeover.run.conclusion import Conclusion
from takeover.run.contents import Contents
from takeover.run.deployment_key import KEY, DeploymentKey
from takeover.run.early_end import EarlyEnd
from takeover.run.execution import Execution
from takeover.run.interrupt import Interrupts
from takeover.run.keep import Keep
from takeover.run.overdue import Overdue
from takeover.run.plan import Plan, make_plan
from takeover.run.probe_items import ProbesLeftOut
from takeover.run.record import Seam, record_of
from takeover.run.removal import Removal
from takeover.run.repeats import Repeats
from takeover.run.reporting import Reporting
from takeover.run.results import Results
from takeover.run.sabotage import Sabotages
from takeover.run.safe_text import SafeText
from takeover.run.scene_pool import ScenePool
from takeover.run.scenes import Scenes
from takeover.run.scopes import Scopes
from takeover.run.sweep_items import Sweeps
from takeover.run.workers import Workers
from takeover.scene import Scene

_AHEAD_BY_FILES = 2
"""Each file that an Envoy watches takes an instance of inotify, of which a user has 128 where nobody gave more."""


def wire(config: pytest.Config) -> None:
    """Makes the plan and the parts of this process.

    The order: of the hooks of one name, those of a part that stands earlier are called earlier, and its wrappers lie
    around those of later ones. All come before pytest's own and other plugins', but for hooks that say `trylast`.

    Raises: pytest.UsageError, one line, for an option or a file that is wrong.
    """
    reporter = config.pluginmanager.get_plugin("terminalreporter")

    def tell(*lines: str) -> None:
        if reporter is not None:
            terminal.write(reporter, *lines)

    plan = make_plan(config, tell)
    pool = ScenePool(functools.partial(plan.make_engine, tell), functools.partial(_deploy, plan), plan.keep)
    scenes = Scenes(pool, _AHEAD_BY_FILES if plan.library.delivery == "file" else None)
    contents = Contents(plan)
    sabotages = Sabotages(plan, contents, plan.sabotages) if plan.sabotages is not None else None
    sweeps = Sweeps(plan, tell) if plan.swept is not None else None
    scopes = Scopes(plan, [each.label for each in plan.sabotages or ()])

    redaction = Redaction(plan.conduct.redacted) if plan.conduct is not None else None

    parts: list[object] = [EarlyEnd(config), Seam(), SafeText(config)]
    parts += [redaction] if redaction is not None else []
    if plan.keep and reporter is not None:
        parts.append(Keep(pool, reporter))
    parts += [scenes, Collection(plan, scenes, contents, sabotages, scopes, sweeps)]
    parts += [Execution(plan, scenes, sabotages)]
    parts += [each for each in (sabotages, sweeps) if each is not None]
    if plan.hears_reports:
        results = Results(plan) if plan.keeps_results else None
        # Letters may stand on the line, of which the reporter does not know with xdist.
        repeats = Repeats(plan, lambda: pool.engine, lambda line: tell("", line), redaction)
        conclusion = Conclusion(plan, results, repeats) if results is not None else None
        if results is not None:
            parts.append(ChosenTests(results.expect, scopes.learn, repeats.expect))
            if reporter is not None and live.somebody_looks_on(config):
                parts.append(live.Live(config, reporter, results, plan.library))
        if reporter is not None and Annotations.are_wanted():
            parts.append(Annotations(reporter))
        parts.append(Reporting(plan, results, conclusion, sabotages))
        if ProbesLeftOut.is_wanted(config):
            parts.append(ProbesLeftOut(plan))
    elif (teller := ChosenTestsTeller.of(config)) is not None:
        parts.append(teller)
    workers = Workers(plan, scopes, lambda: pool.engine, tell) if plan.role == "controller" else None
    parts += [workers] if workers is not None else []
    parts += [Beginning(plan, scenes), Removal(config, pool, workers)]
    parts += [] if config.option.keep else [Overdue()]  # who keeps what runs decides how long

    for part in reversed(parts):  # the last one that is registered is called first
        config.pluginmanager.register(part, f"takeover-{type(part).__name__}")
    # There since before this began; now around all others.
    config.pluginmanager.register(config.pluginmanager.unregister(name=Interrupts.NAME), Interrupts.NAME)


def _deploy(plan: Plan, engine: Engine, key: DeploymentKey) -> Scene:
    scene = Scene.deploy(engine, plan.releases[key.release], plan.scenario_of(key))
    if key.begin is not None:
        scene.begin(key.begin)
    return scene


class Beginning:
    """What is said first, and what is checked first."""

    def __init__(self, plan: Plan, scenes: Scenes) -> None:
        self._plan = plan
        self._scenes = scenes

    def pytest_report_header(self) -> list[str]:
        """Says which binaries are tested, and where."""
        runs_binary = choose.runs_binary(self._plan.engine.name)
        lines = [
            f"envoy: {each.name} " + (_binary(each) if runs_binary else "(an image's)")
            for each in self._plan.releases.values()
        ]
        lines = [*map(visible, lines), f"engine: {self._plan.engine.name}"]
        if self._plan.library.delivery != "static":
            lines.append(f"delivery: {self._plan.library.delivery}")
        return [*lines, *_root_file_system(self._plan.engine.name)]

    def pytest_report_collectionfinish(self, items: list[pytest.Item]) -> list[str]:
        """Says what the Envoys' configs of the scenarios in use lack, and gets added."""
        names = dict.fromkeys(item.stash[KEY].scenario for item in items if KEY in item.stash)
        return self._supplied(names)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Says so where other processes have collected: only now it is known which scenarios were in use."""
        if self._plan.role == "controller":
            reports = [each for kind in ("passed", "failed") for each in terminalreporter.getreports(kind)]
            subjects = [record_of(each).subject for each in reports if isinstance(each, pytest.TestReport)]
            names = dict.fromkeys(each.scenario for each in subjects if each is not None and each.scenario)
            for line in self._supplied(names):
                terminal.write(terminalreporter, line)

    def _supplied(self, names: Iterable[str]) -> list[str]:
        lines, fields = list[str](), dict[str, None]()
        for name in names:
            with contextlib.suppress(BadInputError):  # one that cannot be read ends the run, and is told then
                scenario = self._plan.library.scenario(name)
                lines += (visible(f"supplied: {each}") for each in scenario.supplied)
                fields |= dict.fromkeys(choose.without_effect(self._plan.engine.name, scenario))
        if fields:
            lines.append(visible(f"without effect on this engine: {', '.join(fields)}"))
        return lines

    def pytest_sessionstart(self) -> None:
        """With xdist the controller checks the machine, once, before its workers begin."""
        if self._plan.role == "controller":
            self._scenes.check_engine()


def _binary(release: Release) -> str:
    pinned = "" if is_pinned(release.sha256) else ", not pinned"
    return f"(commit {release.commit}, {release.build}, sha256 {release.sha256}{pinned})"


def _root_file_system(engine: str) -> list[str]:
    if not choose.makes_root_file_system(engine):
        return []
    told = choose.root_file_system(engine)
    if told is None:
        return [f"root file system: {choose.in_place_of_root_file_system(engine)}"]
    days = told.age_days(datetime.now(UTC))
    return [f"root file system: {told.suite}, {days} {'day' if days == 1 else 'days'} old"]
