"""The images of one run on a cluster: which reference stands for each role of `takeover.engines.images`."""

from collections.abc import Mapping
from typing import Any

from takeover.base.errors import BadInputError
from takeover.engines import images
from takeover.engines.images import ENVOY, PEERS, RELAY


class Images:
    """The images of one run.

    Args:
        replaced: role → reference, the user's own choice.
        envoy_version: the Envoy under test, without a leading "v"; empty where no scenario is deployed.

    Raises: BadInputError for an unknown role, or an Envoy version that has no image.
    """

    def __init__(self, replaced: Mapping[str, str], envoy_version: str = "") -> None:
        images.require(replaced)
        self._references = {
            role.name: replaced.get(role.name) or images.on_cluster(role, envoy_version) for role in images.roles()
        }
        # The relay needs a Python: ours is one, for who has that image; nobody need build it for the relay alone.
        if PEERS in replaced and RELAY not in replaced:
            self._references[RELAY] = replaced[PEERS]
        if envoy_version and ENVOY not in replaced and not all(part.isdigit() for part in envoy_version.split(".")):
            raise BadInputError(
                f"Envoy {envoy_version} has no image tag (only releases X.Y.Z have one): "
                f"choose another --envoy or give --image {ENVOY}=REFERENCE"
            )

    @property
    def references(self) -> list[str]:
        """Those of all roles."""
        return list(self._references.values())

    def of_role(self, role: str) -> str:
        """The reference for a role."""
        return self._references[role]

    def for_manifest(self, reference: Any, where: str) -> str:
        """The reference to run in place of a manifest's; one that plays no role stays as it is."""
        if not isinstance(reference, str) or not reference:
            raise BadInputError(f"{where}: a container needs an image")
        role = images.role_of(reference)
        return self._references[role.name] if role else reference
