"""Which images of manifests are known, and what every engine runs in the place of each: one table of roles.

A role more, for images of one's own, is registered before a run is configured, for instance by a conftest.py:

    from takeover.engines import images

    images.register(images.Role("cache", ("registry.example/cache",), ("cache", "--serve"), "registry.example/cache:3"))
"""

import functools
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from takeover import peers
from takeover.base.errors import BadInputError
from takeover.base.paths import display_path

NGINX = "nginx"
IPTABLES = "iptables"
ENVOY = "envoy"
RELAY = "relay"
PEERS = "peers"

PEERS_FOLDER = Path(peers.__file__).parent
"""The programs of the image `peers`, and its Dockerfile."""


@dataclass(frozen=True)
class Role:
    """What some images are good for.

    Args:
        name: as `--image NAME=REFERENCE` says it.
        repositories: whose images play it, without registry docker.io and without a tag.
        command: what an image of it runs in a container that gives neither command nor args. An engine without images
            runs it from the programs that it has.
        on_cluster: the reference that a cluster gets in the manifest's place, where the user names none ({version}: the
            Envoy under test; {peers}: what tells one state of our own programs from any other).
        program_of_options: what the image's entrypoint runs with args that begin with "-"; "" if it runs args as given.
    """

    name: str
    repositories: tuple[str, ...]
    command: tuple[str, ...]
    on_cluster: str
    program_of_options: str = ""


_ROLES: dict[str, Role] = {}


def register(role: Role) -> None:
    """Makes a role known, in the place of one that had its name.

    Raises: BadInputError for a repository that plays another role.
    """
    for other in _ROLES.values():
        both = sorted(set(role.repositories) & set(other.repositories))
        if both and other.name != role.name:
            raise BadInputError(f"image {both[0]} plays the role {other.name}: it cannot be {role.name} too")
    _ROLES[role.name] = role


def roles() -> list[Role]:
    """All roles, in the order in which they were registered."""
    return list(_ROLES.values())


def require(names: Iterable[str]) -> None:
    """Raises: BadInputError that lists the roles there are, when one of `names` is none of them."""
    unknown = sorted(set(names) - set(_ROLES))
    if unknown:
        raise BadInputError(f"no image role {unknown[0]!r}; there are {', '.join(_ROLES)}")


def repository_of(reference: str) -> str:
    """The repository of an image reference: without tag and digest, and as short as Docker's own registry allows."""
    head, slash, last = reference.partition("@")[0].rpartition("/")
    repository = head + slash + last.partition(":")[0]
    return repository.removeprefix("docker.io/").removeprefix("library/")


def role_of(reference: str) -> Role | None:
    """The role that an image plays; None for one that plays none."""
    repository = repository_of(reference)
    return next((each for each in _ROLES.values() if repository in each.repositories), None)


def on_cluster(role: Role, envoy_version: str) -> str:
    """The reference that a cluster gets for a role where the user names none."""
    return role.on_cluster.format(version=envoy_version, peers=_state_of_peers())


def peers_reference() -> str:
    """The reference of our own image: what is built under it holds our programs as they are now."""
    return f"{_PEERS_REPOSITORY}:{_state_of_peers()}"


def how_to_build(reference: str) -> str:
    """How to have an image that is ours alone, and nowhere to be pulled from; "" for any other.

    Args:
        reference: with or without Docker's own registry, as a kubelet tells it.
    """
    reference = reference.removeprefix("docker.io/")
    if reference != peers_reference():
        return ""
    build = f"docker build -t {reference} {shlex.quote(display_path(PEERS_FOLDER))}"
    return f"{build} (then, for a cluster of kind: kind load docker-image {reference}), or --image {PEERS}=REFERENCE"


@functools.cache
def _state_of_peers() -> str:
    """Made of all that it is built of: an image that was built before something of it changed is never taken."""
    digest = sha256()
    others = (PEERS_FOLDER / name for name in ("Dockerfile", "requirements.txt", "takeover"))
    for path in sorted([*PEERS_FOLDER.rglob("*.py"), *others]):
        digest.update(f"{path.relative_to(PEERS_FOLDER)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


_PEERS_REPOSITORY = "envoy-takeover/peers"

register(Role(NGINX, ("nginx",), ("nginx", "-g", "daemon off;"), "nginx:1.18-alpine"))
register(Role(IPTABLES, ("bgiddings/iptables",), ("sh",), "bgiddings/iptables:latest"))
register(
    Role(
        ENVOY,
        # The repositories of Envoy's releases: what they differ in beside the binary, no manifest can rely on here.
        ("envoyproxy/envoy", "envoyproxy/envoy-alpine", "envoyproxy/envoy-distroless", "envoyproxy/envoy-contrib"),
        ("envoy", "-c", "/etc/envoy/envoy.yaml"),
        "envoyproxy/envoy:v{version}",
        program_of_options="envoy",
    )
)
# On a cluster it opens the connections of the tests inside the Pods, too. Needs python3 >= 3.11, nothing else.
register(Role(RELAY, ("python",), ("python3",), "python:3.13-alpine"))
# Our own programs (takeover/peers) and what they need: `how_to_build`.
register(Role(PEERS, (_PEERS_REPOSITORY,), ("python3",), _PEERS_REPOSITORY + ":{peers}"))
