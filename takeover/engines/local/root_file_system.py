"""The containers' root file system: Debian's nginx, iptables, curl, dnsmasq and Python, built once into the cache.

mmdebstrap makes it without root. As an ordinary user it belongs to the users of a user namespace, so only a process in
such a namespace can unpack or remove it.
"""

import fcntl
import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from takeover.base import cache
from takeover.base.cache import cache_folder
from takeover.base.errors import TakeoverError
from takeover.node import host

_PACKAGES = ("iptables", "nginx-light", "curl", "iproute2", "dnsmasq-base", "python3-minimal")
_FALLBACK_SUITE = "bookworm"
_SUITES = {"debian", "ubuntu"}
_LITTLE = 1 << 20


def root_file_system() -> Path:
    """The folder with it, built first if this user has none yet (about 20 seconds).

    Raises: TakeoverError in one line when it cannot be built.
    """
    suite = _suite()
    key = sha256(repr((suite, _PACKAGES, platform.machine(), os.geteuid() == 0)).encode()).hexdigest()[:12]
    folder = cache_folder() / "lab"
    ready = folder / key
    with cache.writing("the containers' root file system"):
        if not ready.exists():
            folder.mkdir(parents=True, exist_ok=True)
            with _alone(folder / "lock"):
                if not ready.exists():
                    _remove_leftovers(folder)
                    _build(suite, folder / f"{key}.partial", ready)
    return ready


def _suite() -> str:
    release = platform.freedesktop_os_release()
    if release.get("ID") in _SUITES and "VERSION_CODENAME" in release:
        return release["VERSION_CODENAME"]
    return _FALLBACK_SUITE


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _remove_leftovers(folder: Path) -> None:
    """Takes away what a build left that was killed: nobody else builds while we hold the lock."""
    for each in folder.glob("*.partial*"):
        _run([*host.in_user_namespace(), "rm", "-rf", str(each)], f"removing {each}")


def _build(suite: str, partial: Path, ready: Path) -> None:
    sys.stderr.write(f"building the containers' root file system, once (Debian packages {', '.join(_PACKAGES)})\n")
    host.require_programs("mmdebstrap")
    archive = partial.with_name(partial.name + ".tar")
    mode = "root" if os.geteuid() == 0 else "unshare"
    try:
        _run(
            [
                "mmdebstrap", "--quiet", f"--mode={mode}", "--variant=minbase", f"--include={','.join(_PACKAGES)}",
                "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
                suite, str(archive),
            ],
            "mmdebstrap",
        )  # fmt: skip
        partial.mkdir()
        _run(
            [*host.in_user_namespace(), "tar", "-C", str(partial), "--exclude=./dev/*", "-xpf", str(archive)],
            "unpacking the containers' root file system",
        )
        partial.rename(ready)
    finally:
        archive.unlink(missing_ok=True)
        if partial.exists():
            _run([*host.in_user_namespace(), "rm", "-rf", str(partial)], f"removing {partial}")


def _run(command: list[str], what: str) -> None:
    if shutil.which(command[0]) is None:
        host.require_programs(command[0])
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        umask=0o022,
        # mmdebstrap that fails sends SIGHUP to its whole process group: it must not be ours.
        process_group=0,
    ) as process:
        try:
            _, messages = process.communicate()
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)  # Ctrl-C reaches only our own group; it cleans up
            raise
    if process.returncode != 0:
        lines = [line for line in messages.splitlines() if line.strip()] or ["no message"]
        told = [line for line in lines if line.startswith("E:")] or lines
        # mmdebstrap does not say that this was why.
        full = f"; {cache_folder()} is full" if shutil.disk_usage(cache_folder()).free < _LITTLE else ""
        raise TakeoverError(f"{what} failed ({process.returncode}): {told[-1].strip()}{full}")
