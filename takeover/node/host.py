"""What nodes and the local engine need of this machine: the right to make namespaces, and a few programs."""

import functools
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from takeover.base.errors import BadInputError

_PACKAGES = {
    "mmdebstrap": "mmdebstrap",
    "unshare": "util-linux",
    "ldd": "libc-bin",
    "newuidmap": "uidmap",
    "newgidmap": "uidmap",
}
_AS_ROOT = ("unshare",)
_AS_USER = ("unshare", "newuidmap", "newgidmap")

_OLDEST_KERNEL = (5, 12)

_NAMESPACES = ("unshare", "--mount", "--net", "--pid", "--fork")
_WITH_PROC = (*_NAMESPACES, "--mount-proc")


def is_root() -> bool:
    """Whether we may make namespaces without a user namespace around them."""
    return os.geteuid() == 0


def in_user_namespace() -> list[str]:
    """The beginning of a command that is to run as root of a user namespace; empty for root itself."""
    return [] if is_root() else ["unshare", "--user", "--map-root-user", "--map-auto", "--"]


def in_own_user_namespace() -> list[str]:
    """The same with no other user in it: that needs no programs and ids but one's own, and is enough for bare nodes."""
    return [] if is_root() else ["unshare", "--user", "--map-root-user", "--"]


def path_of_root() -> str:
    """PATH with the folders that an ordinary user's may lack, where chroot and iptables are."""
    return ":".join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])


def require_programs(*names: str) -> None:
    """Raises: BadInputError that names the missing programs and their Debian packages."""
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        packages = sorted({_PACKAGES.get(name, name) for name in missing})
        raise BadInputError(
            f"missing program{'s' if len(missing) > 1 else ''} {', '.join(missing)}: "
            f"./run installs what the local engine needs, or do it by hand: apt-get install {' '.join(packages)}"
        )


def check() -> None:
    """Makes sure that nodes can be made here.

    Raises: BadInputError, one line with the remedy.
    """
    if (system := platform.system()) != "Linux":
        raise BadInputError(
            f"the local engine needs Linux, and this is {system}: run it in Docker (docs/docker.md): docker build -t "
            'envoy-takeover . && docker run --rm --privileged -v "$PWD:/work" envoy-takeover check envoy.yaml'
        )
    require_programs(*(_AS_ROOT if is_root() else _AS_USER))
    _check_kernel()
    _check_namespaces(
        [*in_user_namespace(), *_WITH_PROC],
        "see /etc/subuid and /etc/subgid for this user (usermod --add-subuids 100000-165535 "
        "--add-subgids 100000-165535 USER), or use sudo",
    )


@functools.cache
def refusal() -> str:
    """Why not even bare nodes can be made here: one line with the remedy; empty where they can."""
    try:
        require_programs("unshare")
        _check_namespaces([*in_own_user_namespace(), *_NAMESPACES], "use sudo")
    except BadInputError as error:
        return str(error)
    return ""


def _check_kernel() -> None:
    """Raises: BadInputError where it lacks the system calls of `takeover.node.mounts`."""
    release = os.uname().release
    numbers = [int(each) for each in re.findall(r"\d+", release)[:2]]
    if numbers < list(_OLDEST_KERNEL):
        oldest = ".".join(map(str, _OLDEST_KERNEL))
        raise BadInputError(f"this kernel is {release}: the local engine needs Linux {oldest} or newer")


def _check_namespaces(command: list[str], remedy: str) -> None:
    """Raises: BadInputError, with `remedy` for an ordinary user whom no setting of the system keeps from it."""
    result = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        told = result.stderr.strip()
        if "mount /proc failed" in told:
            raise BadInputError(
                f"a container around this run hides parts of /proc, so that it can have no other one ({told}): "
                "give it the whole (Docker: --security-opt systempaths=unconfined, or --privileged)"
            )
        raise BadInputError(_forbidden(told, remedy))


def _forbidden(message: str, remedy: str) -> str:
    if is_root():
        return f"this root may not make namespaces ({message}): give the container or sandbox CAP_SYS_ADMIN"
    for name, forbidden in (
        ("kernel.apparmor_restrict_unprivileged_userns", "1"),
        ("kernel.unprivileged_userns_clone", "0"),
        ("user.max_user_namespaces", "0"),
    ):
        setting = Path("/proc/sys", name.replace(".", "/"))
        if setting.exists() and setting.read_text().strip() == forbidden:
            allowed = {"1": "0", "0": "1"}[forbidden] if name != "user.max_user_namespaces" else "10000"
            return (
                f"this system does not let a user make namespaces ({name}={forbidden}): "
                f"allow it with `sudo sysctl {name}={allowed}`, or use sudo"
            )
    return f"this system does not let a user make namespaces ({message or 'unshare failed'}): {remedy}"
