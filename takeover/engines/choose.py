"""Engines by name. Each is imported only when it is chosen: what one needs, the others do not."""

from collections.abc import Mapping

from takeover.engines.interface import Engine

NAMES = ("local", "kubernetes")


def engine(name: str, replaced_images: Mapping[str, str], kube_context: str | None = None) -> Engine:
    """The engine of that name, ready to deploy.

    Args:
        name: one of `NAMES`.
        replaced_images: role → image reference, in the place of the manifests' own.
        kube_context: the kubeconfig's context for `kubernetes`; None for its current one.

    Raises: BadInputError for what this machine or the options lack.
    """
    if name == "kubernetes":
        from takeover.engines.kubernetes.engine import KubernetesEngine

        return KubernetesEngine(kube_context, images=replaced_images)
    assert name == "local"
    from takeover.engines.local.engine import LocalEngine

    return LocalEngine(replaced_images)
