"""Which image plays which role, in one table."""

from collections.abc import Mapping
from typing import Any

from takeover.base.errors import BadInputError

RELAY = "relay"
IPTABLES = "iptables"
ENVOY = "envoy"

ROLES: Mapping[str, tuple[str, str]] = {
    # role      repository in the manifests   what is run in its place ({version}: the Envoy under test)
    "nginx": ("nginx", "nginx:1.18-alpine"),
    IPTABLES: ("bgiddings/iptables", "bgiddings/iptables:latest"),
    ENVOY: ("envoyproxy/envoy", "envoyproxy/envoy:v{version}"),
    # Opens the connections of the tests inside the Pods, and runs the hostile upstream of the probes. Needs
    # python3 >= 3.11, nothing else.
    RELAY: ("python", "python:3.13-alpine"),
}


class Images:
    """The images of one run.

    Args:
        replaced: role → reference, the user's own choice.
        envoy_version: the Envoy under test, without a leading "v"; empty where no scenario is deployed.

    Raises: BadInputError for an unknown role, or an Envoy version that has no image.
    """

    def __init__(self, replaced: Mapping[str, str], envoy_version: str = "") -> None:
        unknown = sorted(set(replaced) - set(ROLES))
        if unknown:
            raise BadInputError(f"no image role {unknown[0]!r}; there are {', '.join(ROLES)}")
        self._references = {
            role: replaced.get(role) or default.format(version=envoy_version) for role, (_, default) in ROLES.items()
        }
        if envoy_version and ENVOY not in replaced and not all(part.isdigit() for part in envoy_version.split(".")):
            raise BadInputError(
                f"Envoy {envoy_version} has no image tag (only releases X.Y.Z have one): "
                f"choose another --envoy or give --image {ENVOY}=REFERENCE"
            )

    def of_role(self, role: str) -> str:
        """The reference for a role."""
        return self._references[role]

    def for_manifest(self, reference: Any, where: str) -> str:
        """The reference to run in place of a manifest's; one that plays no role stays as it is."""
        if not isinstance(reference, str) or not reference:
            raise BadInputError(f"{where}: a container needs an image")
        role = role_of(reference)
        return self._references[role] if role else reference


def role_of(reference: str) -> str | None:
    """The role that a manifest's image plays; None for an image of the user's own."""
    name = reference.partition("@")[0]
    head, slash, last = name.rpartition("/")
    repository = head + slash + last.partition(":")[0]
    for prefix in ("docker.io/library/", "docker.io/"):
        repository = repository.removeprefix(prefix)
    for role, (known, _) in ROLES.items():
        if known and repository == known:
            return role
    return None
