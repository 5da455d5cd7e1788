"""Engines by name. Each is imported only when it is chosen: what one needs, the others do not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from takeover.base.errors import BadInputError
from takeover.engines.contract import Engine
from takeover.model.release import Release

if TYPE_CHECKING:
    from takeover.engines.kind.cluster import KindOptions

NAMES = ("local", "kubernetes", "kind")


@dataclass(frozen=True)
class EngineOptions:
    """What a run says of its engine.

    Args:
        name: one of `NAMES`.
        images: role → image reference, in the place of the manifests' own.
        kube_context: the kubeconfig's context for `kubernetes`; None for its current one.
        kubeconfig: its file; None for KUBECONFIG or ~/.kube/config.
        kind: what pytest-kind's options say, for `kind`.
        made_by_controller: kubeconfig and context of a kind cluster that another process of this run made.
    """

    name: str
    images: Mapping[str, str]
    kube_context: str | None = None
    kubeconfig: Path | None = None
    kind: "KindOptions | None" = None
    made_by_controller: tuple[str, str] | None = None


def engine(options: EngineOptions, releases: Sequence[Release], tell: Callable[[str], None]) -> Engine:
    """The engine, ready to deploy.

    Args:
        releases: the Envoys that it will deploy.
        tell: takes a line for the user about what takes time.

    Raises: BadInputError for what this machine or the options lack.
    """
    if options.name == "local":
        from takeover.engines.local.engine import LocalEngine

        return LocalEngine(options.images)
    from takeover.engines.kubernetes.engine import KubernetesEngine

    if options.name == "kubernetes":
        kubeconfig = str(options.kubeconfig) if options.kubeconfig else None
        return KubernetesEngine(options.kube_context, kubeconfig, images=options.images)
    if options.name != "kind":
        raise BadInputError(f"--engine: no engine {options.name!r}; there are {', '.join(NAMES)}")
    if options.made_by_controller:
        kubeconfig, context = options.made_by_controller
        return KubernetesEngine(context, kubeconfig, images=options.images)
    from takeover.engines.kind.engine import KindEngine

    assert options.kind is not None
    return KindEngine(options.kind, options.images, releases, tell)
