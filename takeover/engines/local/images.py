"""What provides an image here: there is no registry, so programs of this machine play the images' roles.

nginx, iptables and Python are those of the local root file system, Envoy is the binary under test put on top of it.
`--image ROLE=REFERENCE` puts another reference in the place of a role; it must play a role too.
"""

from takeover.base.errors import BadInputError
from takeover.engines import images
from takeover.engines.images import ENVOY, Role
from takeover.engines.local.inside.runtime import Image

ENVOY_IN_NODE = "/envoy"
"""Where a node has the binary under test."""
_ENVOY_IN_CONTAINER = "/usr/local/bin/envoy"


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
    files = {_ENVOY_IN_CONTAINER: ENVOY_IN_NODE} if role.name == ENVOY else {}
    return Image(list(role.command), role.program_of_options, files)
