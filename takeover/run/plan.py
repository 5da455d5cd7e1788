"""What a run is to do: made of the options before anything is collected, and never changed."""

import fnmatch
import functools
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from takeover.base import paths
from takeover.base.errors import BadInputError, TakeoverError
from takeover.base.paths import given_path
from takeover.base.runner import runner
from takeover.compare.accepted import Acceptance, read_accepted
from takeover.compare.kinds import failing
from takeover.engines import choose
from takeover.engines.choose import EngineOptions
from takeover.engines.contract import Engine, SharedEngine
from takeover.engines.images import ENVOY
from takeover.engines.kind.cluster import KindOptions
from takeover.envoy.releases import resolve
from takeover.model.release import Release
from takeover.run import combinations
from takeover.run.checking import conduct_of
from takeover.run.deployment_key import DeploymentKey
from takeover.run.options import SABOTAGE_DISTINCT, project_folder, reports_folder
from takeover.run.probe_groups import ProbeGroups
from takeover.run.reading import groups_of, library_of, observes
from takeover.run.roles import Role, role_of
from takeover.scenario.library import Library
from takeover.scenario.loader import Scenario
from takeover.scenario.sabotage import FILE as SABOTAGE_FILE
from takeover.scenario.sabotage import Sabotage, read_sabotages
from takeover.store.documents import check

if TYPE_CHECKING:
    from takeover.check.conduct import Conduct

Tell = Callable[[str], None]

_FROM_CONTROLLER = "takeover"  # in a worker's input: what its controller found out, as data of built-in types

_NO_NAME = "pytest-kind"  # of a cluster, where none was given


@dataclass(frozen=True)
class Plan:
    """Everything that the options say.

    Args:
        role: of this process.
        library: the scenarios, and how their Envoys get their configuration.
        engine: where the scenarios run.
        releases: the Envoys by their names, in the order in which they were named.
        keep: whether the scenarios are held after the tests.
        groups: with probes, the groups of each scenario; None without.
        sabotages: with --sabotage, those that were chosen; None without.
        sabotage_distinct: whether two that are caught alike fail the run.
        swept: with --sweep, the scenarios whose configurations are its bases.
        within: how many seconds it asks for; None: until all was asked.
        keeps_results: whether this is a run of the suites as they are, whose results are kept.
        reports: where.
        failing_kinds: the kinds of differences that fail the run.
        accepted: the differences that do not.
        docs: with --write-docs, where pages are written instead of running anything.
        conduct: of a check, what it knows besides; None in its workers.
        called: the library's folder, and what messages call it, if not as it is.
        scenarios: the folder of scenarios, where the option named one, as it did.
        program: what runs the project's tests, seen from where this run began.
    """

    role: Role
    library: Library
    engine: EngineOptions
    releases: Mapping[str, Release]
    keep: bool
    groups: ProbeGroups | None
    sabotages: tuple[Sabotage, ...] | None
    sabotage_distinct: bool
    swept: tuple[str, ...] | None
    within: float | None
    keeps_results: bool
    reports: Path
    failing_kinds: frozenset[str]
    accepted: tuple[Acceptance, ...]
    docs: Path | None
    conduct: "Conduct | None" = None
    called: tuple[str, str] | None = None
    scenarios: str = ""
    program: str = "pytest"

    @property
    def hears_reports(self) -> bool:
        """Whether the reports of all tests come to this process."""
        return self.role != "worker"

    @property
    def arguments(self) -> list[str]:
        """The words of a command line that deploy in the same place and way again."""
        delivery = self.library.delivery
        return [
            *self.engine.arguments,
            *self._of_scenarios,
            *([] if delivery == "static" else ["--delivery", delivery]),
        ]

    @property
    def _of_scenarios(self) -> list[str]:
        # With the sign: pytest looks beside what it takes for a path of tests for its configuration.
        return [f"--scenarios={self.scenarios}"] if self.scenarios else []

    @property
    def program_again(self) -> str:
        """What runs tests of the same scenarios again, as words of a shell."""
        return shlex.join([self.program, *self._of_scenarios])

    def command(self, *words: str, release: str | None) -> str:
        """The command line that runs `words` again, in the same place and way, and holds what it made.

        Args:
            release: the Envoy, by its name; None for what needs none.
        """
        item = self.releases[release].chosen_by if release is not None else ""
        envoy = [f"--envoy={item}"] if item else []
        return shlex.join([self.program, *words, *self.arguments, *envoy, "--keep"])

    def scenario_of(self, key: DeploymentKey) -> Scenario:
        """What is deployed for that key. Raises: BadInputError."""
        return self.library.scenario(key.scenario, key.bases).edited(key.edits)

    def make_engine(self, tell: Tell) -> Engine:
        """The engine, ready to deploy. Raises: BadInputError for what this machine or the options lack."""
        return choose.engine(self.engine, list(self.releases.values()), tell)

    def for_worker(self, engine: Callable[[], Engine]) -> dict[str, Any]:
        """What a worker need not find out again: the releases; what the engine made for the whole run."""
        releases = [{**msgspec.structs.asdict(each), "path": str(each.path)} for each in self.releases.values()]
        made = None
        if choose.is_shared(self.engine.name):
            shared = engine()
            assert isinstance(shared, SharedEngine)
            made = shared.for_workers()
        return {_FROM_CONTROLLER: {"releases": releases, "made": made, "called": self.called}}


def make_plan(config: pytest.Config, tell: Tell) -> Plan:
    """The plan of this process.

    Args:
        tell: takes a line for the user about what takes time.

    Raises: pytest.UsageError, one line, for an option or a file that is wrong.
    """
    option = config.option
    combinations.check(config)
    from_controller = getattr(config, "workerinput", {}).get(_FROM_CONTROLLER)
    conduct = conduct_of(config)
    called = _called(conduct, from_controller)
    try:
        library = library_of(config)
        releases = _releases(option.envoy, from_controller, tell)
        engine = _engine_options(option, from_controller)
        _check_one_image_is_one_envoy(engine, releases)
        reports = reports_folder(config)
        keeps_results = not option.collectonly and option.sabotage is None
        if keeps_results and from_controller is None:
            check(reports)
        return Plan(
            role=role_of(config),
            library=library,
            engine=engine,
            releases={each.name: each for each in releases},
            keep=option.keep,
            groups=groups_of(library, option.markexpr) if observes(config, several=len(releases) > 1) else None,
            sabotages=_chosen_sabotages(library, option.sabotage, is_tried=from_controller is not None),
            sabotage_distinct=bool(config.getini(SABOTAGE_DISTINCT)),
            swept=_swept(library, option.sweep),
            within=option.within,
            keeps_results=keeps_results,
            reports=reports,
            failing_kinds=failing(option.fail_on),
            accepted=read_accepted(
                given_path(option.accepted, "--accepted") if option.accepted else None, project_folder(config)
            ),
            docs=_docs(option.write_docs),
            conduct=conduct,
            called=called,
            scenarios=option.scenarios or "",
            program=runner(config.invocation_params.dir),
        )
    except TakeoverError as error:
        raise pytest.UsageError(str(error)) from None


def _docs(given: str | None) -> Path | None:
    """Raises: BadInputError for a folder that nobody named: README.md there would be another one's."""
    if given == "":
        raise BadInputError("--write-docs=: give the folder: --write-docs=DIR")
    return None if given is None else given_path(given, "--write-docs")


def _called(conduct: "Conduct | None", from_controller: Any) -> tuple[str, str] | None:
    """What messages call the library's folder; told to them, too."""
    called: tuple[str, str] | None = None
    if conduct is not None:
        called = str(conduct.library), conduct.CALLED
    elif from_controller is not None:
        called = from_controller["called"]
    if called is not None:
        paths.call(Path(called[0]), called[1])
    return called


def _swept(library: Library, pattern: str | None) -> tuple[str, ...] | None:
    if pattern is None:
        return None
    names = library.names()
    if not pattern:
        if not (found := tuple(each for each in names if library.scenario(each).swept)):
            raise BadInputError("--sweep: no scenario says `swept: true` in scenario.yaml; name some: --sweep=NAME")
    elif not (found := tuple(each for each in names if fnmatch.fnmatch(each, pattern))):
        raise BadInputError(f"--sweep={pattern}: no scenario has this name; there are {', '.join(names)}")
    return found


def _releases(selection: str | None, from_controller: Any, tell: Tell) -> list[Release]:
    if from_controller is not None:
        return [Release(**{**each, "path": Path(each["path"])}) for each in from_controller["releases"]]
    return resolve(selection, tell)


def _engine_options(option: Any, from_controller: Any) -> EngineOptions:
    kubeconfig: str | None = getattr(option, "kubeconfig", None)
    name = option.engine or "local"
    choose.require(name)
    images = _images(option.image)
    choose.require_use_for(name, _given(option))
    kind = None
    if name == "kind":
        kind = KindOptions(
            name=option.cluster_name,
            keep=option.keep_cluster,
            image=option.kind_image,
            kind=option.kind_bin,
            kubectl=option.kind_kubectl_bin,
            kubeconfig=kubeconfig,
        )
    return EngineOptions(
        name,
        images,
        option.kube_context,
        Path(kubeconfig) if kubeconfig else None,
        kind,
        from_controller["made"] if from_controller is not None else None,
    )


def _given(option: Any) -> list[str]:
    """The options of engines that somebody gave."""
    names = {name: name.removeprefix("--").replace("-", "_") for names in choose.OPTIONS.values() for name in names}
    return [name for name, place in names.items() if getattr(option, place, None) not in (None, [], False, _NO_NAME)]


def _check_one_image_is_one_envoy(engine: EngineOptions, releases: list[Release]) -> None:
    """Raises: BadInputError where one image stands for several Envoys: it would be compared with itself."""
    image = engine.images.get(ENVOY)
    if image and not choose.runs_binary(engine.name) and len({each.sha256 for each in releases}) > 1:
        names = ", ".join(each.name for each in releases)
        raise BadInputError(
            f"--image {ENVOY}={image}: one image is not several Envoys ({names}): run each with its image, and compare "
            "the results (takeover compare)"
        )


def _images(options: list[str]) -> dict[str, str]:
    images = {}
    for option in options:
        role, separator, reference = option.partition("=")
        if not separator or not role or not reference:
            raise BadInputError(f"--image {option}: give it as ROLE=REFERENCE, for instance nginx=nginx:1.27")
        images[role] = reference
    return images


def _chosen_sabotages(library: Library, pattern: str | None, *, is_tried: bool) -> tuple[Sabotage, ...] | None:
    """Those that the pattern names; None without --sabotage. Scenarios that have none are not read for that."""
    if pattern is None:
        return None
    matches = functools.partial(fnmatch.fnmatch, pat=pattern)
    scenarios = map(library.scenario, library.names_with(SABOTAGE_FILE))
    found = [each for scenario in scenarios for each in read_sabotages(scenario, is_tried=is_tried)]
    chosen = tuple(each for each in found if matches(each.label) or matches(each.name))
    if not chosen:
        raise BadInputError(f"--sabotage={pattern}: no sabotage has this name (paths go before --sabotage)")
    return chosen
