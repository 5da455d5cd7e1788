"""What provides an image here: there is no registry, so programs of this machine play the images' roles.

nginx, iptables and Python are those of the local root file system; put on top of it are Envoy, the binary under test,
and our own programs (`takeover/peers`), from the files of this package, with the packages that they import.
`--image ROLE=REFERENCE` puts another reference in the place of a role; it must play a role too.
"""

from takeover.base.errors import BadInputError
from takeover.engines import images
from takeover.engines.images import ENVOY, PEERS, Role
from takeover.engines.local.inside.runtime import Image

ENVOY_IN_NODE = "/envoy"
"""Where a node has the binary under test."""
PEERS_IN_NODE = "/peers"
"""Where a node has the programs of `takeover/peers`."""
PACKAGES_IN_NODE = "/packages"
"""Where a node has the packages that those programs import."""
_PUT_ON_TOP = {
    ENVOY: {"/usr/local/bin/envoy": ENVOY_IN_NODE},
    PEERS: {
        "/opt/takeover/peers": PEERS_IN_NODE,
        "/opt/takeover/packages": PACKAGES_IN_NODE,
        "/usr/local/bin/takeover": f"{PEERS_IN_NODE}/takeover",
    },
}


def role_of(reference: str) -> Role:
    """The role of an image reference.

    Raises: BadInputError for a reference that nothing here provides.
    """
    role = images.role_of(reference)
    if role is None:
        known = ", ".join(name for each in images.roles() for name in each.repositories)
        raise BadInputError(
            f"image {reference}: nothing on this machine provides it; the local engine has {known} "
            "(takeover.engines.images.register adds another)"
        )
    return role


def provide(reference: str) -> Image:
    """The image behind a reference."""
    role = role_of(reference)
    return Image(list(role.command), role.program_of_options, _PUT_ON_TOP.get(role.name, {}))
