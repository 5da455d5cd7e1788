"""Engines by name. Each is imported only when it is chosen: what one needs, the others do not.

An engine of one's own is registered before a run is configured, for instance by a conftest.py:

    from takeover.engines import choose

    choose.register("mine", lambda options, releases, tell: MyEngine(options.images))

`takeover.engines.contract.Engine` is what it must offer; the classes of `takeover.engines.conformance` test it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from takeover.base.errors import BadInputError
from takeover.engines.contract import Engine
from takeover.model.release import Release
from takeover.model.root_file_system import RootFileSystem
from takeover.scenario.loader import Scenario

if TYPE_CHECKING:
    from takeover.engines.kind.cluster import KindOptions


DEFAULT_CLUSTER_NAME = "pytest-kind"
"""As pytest-kind has it."""


@dataclass(frozen=True)
class EngineOptions:
    """What a run says of its engine.

    Args:
        name: one of `names()`.
        images: role → image reference, in the place of the manifests' own.
        kube_context: the kubeconfig's context for `kubernetes`; None for its current one.
        kubeconfig: its file; None for KUBECONFIG or ~/.kube/config.
        kind: what pytest-kind's options say, for `kind`.
        from_controller: in a worker of a run, what `for_workers` of its controller's engine gave; else None.
    """

    name: str
    images: Mapping[str, str]
    kube_context: str | None = None
    kubeconfig: Path | None = None
    kind: "KindOptions | None" = None
    from_controller: Any = None

    @property
    def arguments(self) -> list[str]:
        """The words of a command line that choose the same engine again."""
        given = {"--kube-context": self.kube_context, "--kubeconfig": self.kubeconfig}
        if self.kind is not None:
            given |= {
                "--cluster-name": self.kind.name if self.kind.name != DEFAULT_CLUSTER_NAME else None,
                "--kind-image": self.kind.image,
                "--kind-bin": self.kind.kind,
                "--kind-kubectl-bin": self.kind.kubectl,
            }
        words = ["--engine", self.name]
        for option, value in given.items():
            words += [] if value is None else [option, str(value)]
        for role, reference in self.images.items():
            words += ["--image", f"{role}={reference}"]
        return words


Make = Callable[[EngineOptions, Sequence[Release], Callable[[str], None]], Engine]
"""Makes an engine: of the run's options, for the Envoys that it will deploy; a line for the user goes to the last."""


@dataclass(frozen=True)
class _Registered:
    make: Make
    shared: bool
    takes: frozenset[str] | None
    runs_binary: bool
    root_file_system: Callable[[], RootFileSystem | None] | None
    in_its_place: Callable[[], str]
    without_effect: Callable[[Scenario], list[str]] | None


_ENGINES: dict[str, _Registered] = {}


OPTIONS = {
    "images": ("--image",),
    "kube_context": ("--kube-context",),
    "kubeconfig": ("--kubeconfig",),
    "kind": ("--cluster-name", "--keep-cluster", "--kind-image", "--kind-bin", "--kind-kubectl-bin"),
}
"""Fields of `EngineOptions` that not every engine has a use for, and the options of a run that fill them."""


def register(
    name: str,
    make: Make,
    *,
    shared: bool = False,
    takes: Collection[str] | None = None,
    runs_binary: bool = False,
    root_file_system: Callable[[], RootFileSystem | None] | None = None,
    in_its_place: Callable[[], str] = lambda: "none yet",
    without_effect: Callable[[Scenario], list[str]] | None = None,
) -> None:
    """Makes an engine known under a name, in the place of one that had it.

    Args:
        make: called when a run that chose this engine needs it first.
        shared: whether a run with workers makes one in its controller, before theirs: a `SharedEngine`.
        takes: which fields of `OPTIONS` it has a use for: the options of others are refused. None: any.
        runs_binary: whether the file of `Release.path` itself runs as Envoy, and not an image.
        root_file_system: where it makes what containers see itself, tells of what there is; None: not made yet.
        in_its_place: says what there is where nothing is made yet.
        without_effect: tells which fields of a scenario's objects it takes though they mean nothing to it.
    """
    taken = None if takes is None else frozenset(takes)
    _ENGINES[name] = _Registered(make, shared, taken, runs_binary, root_file_system, in_its_place, without_effect)


def names() -> list[str]:
    """All names, in the order in which they were registered."""
    return list(_ENGINES)


def require(name: str) -> None:
    """Raises: BadInputError that lists the names there are, when `name` is none of them."""
    if name not in _ENGINES:
        raise BadInputError(f"--engine: no engine {name!r}; there are {', '.join(_ENGINES)}")


def require_use_for(name: str, given: Iterable[str]) -> None:
    """Raises: BadInputError for an option that has no effect on this engine, which would deceive.

    Args:
        given: the options of a run that were given.
    """
    for option in given:
        field = next(field for field, options in OPTIONS.items() if option in options)
        if not _has_use_for(name, field):
            others = [other for other in _ENGINES if _has_use_for(other, field)]
            instead = f", or give --engine {' or '.join(others)}" if others else ""
            raise BadInputError(f"{option} has no effect on --engine {name}: leave it out{instead}")


def _has_use_for(name: str, field: str) -> bool:
    takes = _ENGINES[name].takes
    return takes is None or field in takes


def makes_root_file_system(name: str) -> bool:
    """Whether this engine makes itself what containers see."""
    return _ENGINES[name].root_file_system is not None


def root_file_system(name: str) -> RootFileSystem | None:
    """What is told of what containers see on this engine; None if it is not made yet, or not by the engine."""
    tell = _ENGINES[name].root_file_system
    return tell() if tell is not None else None


def in_place_of_root_file_system(name: str) -> str:
    """What is said where `root_file_system` tells nothing."""
    return _ENGINES[name].in_its_place()


def without_effect(name: str, scenario: Scenario) -> list[str]:
    """Which fields of the scenario's objects this engine takes though they mean nothing to it."""
    tell = _ENGINES[name].without_effect
    return tell(scenario) if tell is not None else []


def is_shared(name: str) -> bool:
    """Whether a run with workers makes this engine in its controller first."""
    return _ENGINES[name].shared


def runs_binary(name: str) -> bool:
    """Whether this engine runs the binary that `--envoy` names; what an image holds, only the deployed Envoy knows."""
    return _ENGINES[name].runs_binary


def engine(options: EngineOptions, releases: Sequence[Release], tell: Callable[[str], None]) -> Engine:
    """The engine, ready to deploy.

    Args:
        releases: the Envoys that it will deploy.
        tell: takes a line for the user about what takes time.

    Raises: BadInputError for an unknown name, and for what this machine or the options lack.
    """
    require(options.name)
    return _ENGINES[options.name].make(options, releases, tell)


def _local(options: EngineOptions, *_: object) -> Engine:
    from takeover.engines.local.engine import LocalEngine

    return LocalEngine(options.images)


def _kubernetes(options: EngineOptions, *_: object) -> Engine:
    from takeover.engines.kubernetes.engine import KubernetesEngine

    kubeconfig = str(options.kubeconfig) if options.kubeconfig else None
    return KubernetesEngine(options.kube_context, kubeconfig, images=options.images)


def _kind(options: EngineOptions, releases: Sequence[Release], tell: Callable[[str], None]) -> Engine:
    if options.from_controller is not None:
        from takeover.engines.kind.cluster import Access
        from takeover.engines.kubernetes.engine import KubernetesEngine

        access = msgspec.convert(options.from_controller, Access)
        return KubernetesEngine(access.context, access.kubeconfig, images=options.images)
    from takeover.engines.kind.engine import KindEngine

    assert options.kind is not None
    return KindEngine(options.kind, options.images, releases, tell)


def _local_root_file_system() -> RootFileSystem | None:
    from takeover.engines.local import root_file_system

    return root_file_system.told()


def _local_without_root_file_system() -> str:
    from takeover.engines.local import root_file_system

    return "none yet" if root_file_system.can_be_had() else "none; containers see this machine's own programs"


def _without_effect_locally(scenario: Scenario) -> list[str]:
    from takeover.engines.local import without_effect

    return without_effect.fields(scenario.unbound())


register(
    "local",
    _local,
    takes=(),
    runs_binary=True,
    root_file_system=_local_root_file_system,
    in_its_place=_local_without_root_file_system,
    without_effect=_without_effect_locally,
)
register("kubernetes", _kubernetes, takes=("images", "kube_context", "kubeconfig"))
register("kind", _kind, shared=True, takes=("images", "kubeconfig", "kind"))
