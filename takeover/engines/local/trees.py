"""What containers see as their root file system: Debian's packages, or, where there can be none, this machine's own."""

import compileall
import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from takeover.base.errors import BadInputError
from takeover.engines.images import IPTABLES, NGINX, PEERS_FOLDER, Role
from takeover.engines.local import images, packages, root_file_system
from takeover.engines.local.inside.runtime import PATH
from takeover.engines.local.inside.tree import ROOT_FILE_SYSTEM, Pieces

_IN_NODE = "/machine"
_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_OF_USR = (*_MERGED, "libexec", "share")
_OF_LOCAL = ("lib", "lib64")
_OF_ETC = ("ld.so.cache", "alternatives")
_FOLDERS = (
    "/dev", "/etc", "/home", "/mnt", "/opt", "/proc", "/root", "/run", "/srv", "/sys", "/usr/local/bin", "/var/cache",
    "/var/lib", "/var/log",
)  # fmt: skip
_FILES = {
    "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    "/etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


_IMPORTED = ("h11", "grpc")
_INSTALL = "{} is missing: install it, or mmdebstrap"


class Tree(Protocol):
    """What containers see.

    Args:
        seen: path in a node → file or folder of this machine.
        settings: what a node's worker is told of it.
        name: for messages.
    """

    seen: dict[str, str]
    settings: dict[str, Any]
    name: str

    def lacks(self, role: Role) -> str:
        """What an image of that role needs and is not there; "" if all is."""
        ...

    def lacks_for_services(self) -> str:
        """The same for Services."""
        ...

    def close(self) -> None:
        """Lets others remove it."""
        ...


def take() -> Tree:
    """The newest one of Debian's packages, built first if need be; this machine's where it cannot be built.

    Raises: TakeoverError in one line when there is none.
    """
    return Debian(root_file_system.take()) if root_file_system.can_be_had() else Machine()


def build_none() -> None:
    """For this process and those that it starts: where there is none of Debian's packages, this machine's own is taken.

    That is for scenarios of Envoy, our own programs and rules: to build one takes 20 seconds, and a mirror of Debian's
    that is within reach. Where this machine has no program that makes rules, one is built all the same.
    """
    if _has("iptables"):
        os.environ[root_file_system.NOT_BUILT] = "yes"


class Debian:
    """One that was built of Debian's packages: it has all that any role needs."""

    name = "Debian's packages"

    def __init__(self, taken: root_file_system.Taken) -> None:
        self._taken = taken
        packages.compile_programs(taken.path)
        self.seen = {ROOT_FILE_SYSTEM: str(taken.path), images.PACKAGES_IN_NODE: str(taken.packages)}
        self.settings: dict[str, Any] = {}

    def lacks(self, role: Role) -> str:  # noqa: ARG002 - see `Tree`
        """See `Tree.lacks`."""
        return ""

    def lacks_for_services(self) -> str:
        """See `Tree.lacks_for_services`."""
        return ""

    def close(self) -> None:
        """See `Tree.close`."""
        self._taken.close()


class Machine:
    """This machine's programs and libraries, and the Python that runs this with what it imports; /etc is our own.

    Raises: BadInputError where that Python's packages are in several folders.
    """

    name = "this machine's own"

    def __init__(self) -> None:
        if not sys.dont_write_bytecode:
            compileall.compile_dir(PEERS_FOLDER, quiet=2)
        binds, links = _system()
        python = Path(sys._base_executable).resolve()  # type: ignore[attr-defined]
        prefix = Path(sys.base_prefix).resolve()
        if prefix not in (Path("/usr"), Path("/usr/local")):
            binds[str(prefix)] = str(prefix)
        if not any(python.is_relative_to(each) for each in binds):
            binds[str(python)] = str(python)
        links["/usr/local/bin/python3"] = str(python)
        self.seen = {f"{_IN_NODE}{inside}": outside for inside, outside in binds.items()}
        self.seen[images.PACKAGES_IN_NODE] = _packages()
        in_node = {inside: f"{_IN_NODE}{inside}" for inside in binds}
        self.settings = {"pieces": Pieces(list(_FOLDERS), _FILES, links, in_node)}

    def lacks(self, role: Role) -> str:
        """See `Tree.lacks`."""
        if role.name == NGINX:
            return "nginx as Debian has it is missing: install mmdebstrap"
        return "" if role.name != IPTABLES or _has("iptables") else _INSTALL.format("iptables")

    def lacks_for_services(self) -> str:
        """See `Tree.lacks_for_services`."""
        return "" if _has("iptables-restore") else _INSTALL.format("iptables-restore")

    def close(self) -> None:
        """See `Tree.close`."""


def _has(program: str) -> bool:
    """Whether containers that see this machine have it."""
    return shutil.which(program, path=PATH) is not None


def _system(top: Path = Path("/")) -> tuple[dict[str, str], dict[str, str]]:
    """What is bound, its path in containers → its own, and what is a link, as systems have them.

    Args:
        top: where the system lies.
    """
    binds, links = dict[str, str](), dict[str, str]()
    places = [*_MERGED, *(f"usr/{each}" for each in _OF_USR), *(f"usr/local/{each}" for each in _OF_LOCAL)]
    for place in places + [f"etc/{each}" for each in _OF_ETC]:
        path = top / place
        if path.is_symlink():
            links[f"/{place}"] = os.readlink(path)  # noqa: PTH115 - as it is written
        elif path.exists():
            binds[f"/{place}"] = str(path)
    return binds, links


def _packages() -> str:
    """The folder of what programs of the image peers import: some of that is Python alone, some is compiled."""
    found = [find_spec(each) for each in _IMPORTED]
    folders = {str(Path(each.origin).parents[1].resolve()) for each in found if each is not None and each.origin}
    if None in found or len(folders) != 1:
        told = " and ".join(sorted(folders)) or "nowhere"
        raise BadInputError(
            f"{' and '.join(_IMPORTED)}, which containers import, have to be in one folder, and are in {told}: install "
            "envoy-takeover in a venv (python3 -m venv), or mmdebstrap, which makes a root file system that has them"
        )
    return folders.pop()
