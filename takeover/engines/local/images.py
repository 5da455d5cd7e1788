"""What provides an image here: the table from image references to the lab's programs.

There is no registry: nginx, iptables and Python are those of the lab's root file system, Envoy is the binary under test
put on top of it. `--image ROLE=REFERENCE` puts another reference in the place of a role; it must be in this table too.
"""

import fnmatch
from pathlib import Path

from takeover.base.errors import BadInputError
from takeover.engines.local.inside.runtime import Image

_ENVOY_HERE = "/usr/local/bin/envoy"

# reference (a pattern without its tag) → role
ROLES = {
    "nginx": "nginx",
    "bgiddings/iptables": "iptables",
    "envoyproxy/envoy": "envoy",
    "envoyproxy/envoy-alpine": "envoy",
    "python": "python",
}

# role → the image's own command, for a container that gives none
_COMMANDS = {
    "nginx": ["nginx", "-g", "daemon off;"],
    "iptables": ["sh"],
    "envoy": ["envoy", "-c", "/etc/envoy/envoy.yaml"],
    "python": ["python3"],
}


def role_of(reference: str) -> str:
    """The role of an image reference.

    Raises: BadInputError for a reference that nothing here provides.
    """
    name = reference.partition("@")[0]
    head, _, last = name.rpartition("/")
    name = "/".join(filter(None, (head, last.partition(":")[0])))
    name = name.removeprefix("docker.io/").removeprefix("library/")
    for pattern, role in ROLES.items():
        if fnmatch.fnmatchcase(name, pattern):
            return role
    raise BadInputError(
        f"image {reference}: nothing on this machine provides it; the local engine has {', '.join(ROLES)} "
        "(to map one more, add a line to takeover/engines/local/images.py)"
    )


def provide(reference: str, envoy: Path) -> Image:
    """The image behind a reference, Envoy being the binary at `envoy`."""
    role = role_of(reference)
    files = {_ENVOY_HERE: str(envoy)} if role == "envoy" else {}
    return Image(_COMMANDS[role], "envoy" if role == "envoy" else "", files)
