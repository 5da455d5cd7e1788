"""Engines by name. Each is imported only when it is chosen: what one needs, the others do not."""

from collections.abc import Mapping

from takeover.engines.interface import Engine

NAMES = ("local",)


def engine(name: str, replaced_images: Mapping[str, str]) -> Engine:
    """The engine of that name, ready to deploy.

    Args:
        name: one of `NAMES`.
        replaced_images: role → image reference, in the place of the manifests' own.

    Raises: BadInputError for what this machine or the options lack.
    """
    assert name in NAMES
    from takeover.engines.local.engine import LocalEngine

    return LocalEngine(replaced_images)
