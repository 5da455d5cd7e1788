"""The containers' root file system, built into the cache of Debian's packages: nginx, iptables, curl, Python.

mmdebstrap makes it without root. As an ordinary user it belongs to the users of a user namespace, so only a process in
such a namespace can unpack or remove it. All of that is done in a node, which ends with this process, however it ends.

It is renewed when it is `RENEWED_AFTER` old: Debian has mended what is in it meanwhile. One of other packages, as
another version of this project wants them, has another name. In the cache's folder `lab`, a folder of its name and
its time holds the tree, beside it the packages of the image `peers`, what is told of it, and a file that who uses it
has locked.
"""

import contextlib
import fcntl
import functools
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import msgspec

from takeover.base import cache
from takeover.base.cache import cache_folder
from takeover.base.errors import BadInputError, TakeoverError
from takeover.engines.local import packages
from takeover.model.root_file_system import RootFileSystem
from takeover.node import host
from takeover.node.bare_node import BareNode
from takeover.node.errands import errand_node

PREPARED = "TAKEOVER_LAB"
"""The variable of the environment that names one that was made beforehand (`prepared`): it is not renewed."""

NOT_BUILT = "TAKEOVER_LAB_NOT_BUILT"
"""The variable of the environment with which one that is there is taken, and none is built where none is."""

RENEWED_AFTER = timedelta(days=30)
"""The age with which the next run builds a new one."""

_TRIED_AGAIN_AFTER = timedelta(days=1)
"""After a renewal that failed, as without a network."""
_PACKAGES = ("iptables", "nginx-light", "curl", "iproute2", "dnsmasq-base", "python3")
_FALLBACK_SUITE = "bookworm"
_SUITES = {"debian", "ubuntu"}
_LITTLE = 1 << 20
_LONGEST = 3600.0
"""Seconds that a step may take: a slow mirror."""
_PARTIAL = ".partial"


class Taken:
    """A root file system that this process uses: nobody removes it before its `close`, or this process's end.

    Args:
        path: of its tree.
        packages: the folder of what only the image `peers` has.
        about: what is told of it.
    """

    def __init__(self, path: Path, about: RootFileSystem, in_use: int) -> None:
        self.path = path
        self.packages = path.with_name("packages")
        self.about = about
        self._in_use = in_use

    def close(self) -> None:
        """Lets others remove it."""
        if self._in_use >= 0:
            os.close(self._in_use)
        self._in_use = -1


def take() -> Taken:
    """The newest one, built first if this user has none yet, or an old one (about 20 seconds).

    Raises: TakeoverError in one line when there is none and none can be built.
    """
    if os.environ.get(PREPARED):
        return _prepared(Path(os.environ[PREPARED]))
    folder = cache_folder() / "lab"
    with cache.writing("the containers' root file system"):
        if not (_is_recent(_newest()) or _renewal_has_failed(folder)):
            folder.mkdir(parents=True, exist_ok=True)
            with _alone(folder) as lock:
                _remove_leftovers(folder, lock)
                if not _is_recent(found := _newest()):  # another run may have built it meanwhile
                    _renew(folder, found, lock)
        elif _leftovers(folder):
            with contextlib.suppress(BlockingIOError), _alone(folder, fcntl.LOCK_NB) as lock:
                _remove_leftovers(folder, lock)
        while (newest := _newest()) is not None:
            if (taken := _taken(newest)) is not None:
                return taken
    raise TakeoverError(f"the containers' root file system is gone from {folder}: somebody else empties this cache")


def can_be_had() -> bool:
    """Whether there is one, or this machine has what builds it, and it is to be built."""
    return (
        bool(os.environ.get(PREPARED))
        or _newest() is not None
        or (not os.environ.get(NOT_BUILT) and shutil.which("mmdebstrap", path=host.path_of_root()) is not None)
    )


def told() -> RootFileSystem | None:
    """What is told of the one that a run would take now; None where it would have to be built first."""
    newest = Path(os.environ[PREPARED]) if os.environ.get(PREPARED) else _newest()
    return None if newest is None else _about(newest)


def lacking(about: RootFileSystem) -> list[str]:
    """What this version of the project needs that a root file system does not have."""
    pinned = {name: version for name, version in packages.pinned().items() if about.packages.get(name) != version}
    return [each for each in _PACKAGES if each not in about.packages] + [
        f"{name.removeprefix('pypi:')} {version}" for name, version in pinned.items()
    ]


def _prepared(folder: Path) -> Taken:
    taken = _taken(folder)
    if taken is None:
        raise BadInputError(f"{PREPARED} names {folder}, and there is no root file system in it: leave it unset")
    if missing := lacking(taken.about):
        taken.close()
        raise BadInputError(f"the root file system that {PREPARED} names lacks {', '.join(missing)}: build it anew")
    return taken


def forget() -> list[Path]:
    """Removes every one from the cache that nobody uses. Returns those that somebody does.

    Raises: BlockingIOError where another run is building one; TakeoverError in one line when one cannot be removed.
    """
    folder = cache_folder() / "lab"
    used: list[Path] = []
    if not folder.exists():
        return used
    with _alone(folder, fcntl.LOCK_NB) as lock, errand_node([lock], with_all_ids=True) as node:
        for each in sorted(folder.iterdir()):
            if each.name == "lock":
                continue
            with contextlib.ExitStack() as locked:
                try:
                    in_use = locked.enter_context((each / "in-use").open())
                    fcntl.flock(in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    used.append(each)
                    continue
                except (FileNotFoundError, NotADirectoryError):  # not whole, or no root file system
                    pass
                gone = each if _PARTIAL in each.name else each.rename(f"{each}{_PARTIAL}")
            _remove(node, gone)
    return used


def _name() -> str:
    made_of = (suite(), _PACKAGES, packages.REQUIREMENTS.read_bytes(), platform.machine(), host.is_root())
    return sha256(repr(made_of).encode()).hexdigest()[:12]


def suite() -> str:
    """Debian's or Ubuntu's name of the release whose packages are taken: this machine's, where it is one of them."""
    release = platform.freedesktop_os_release()
    if release.get("ID") in _SUITES and "VERSION_CODENAME" in release:
        return release["VERSION_CODENAME"]
    return _FALLBACK_SUITE


def _newest() -> Path | None:
    return max(_all_of(_name()), default=None)


def _all_of(name: str) -> list[Path]:
    pattern = re.compile(rf"{name}-\d{{8}}T\d{{6}}")
    return [each for each in (cache_folder() / "lab").glob(f"{name}-*") if pattern.fullmatch(each.name)]


def _about(folder: Path) -> RootFileSystem | None:
    try:
        return msgspec.json.decode((folder / "about.json").read_bytes(), type=RootFileSystem)
    except (OSError, msgspec.DecodeError):
        return None


def _is_recent(folder: Path | None) -> bool:
    about = None if folder is None else _about(folder)
    return about is not None and datetime.now(UTC) - about.built < RENEWED_AFTER


def _taken(folder: Path) -> Taken | None:
    """None where it is being removed."""
    try:
        in_use = os.open(folder / "in-use", os.O_RDONLY)
    except FileNotFoundError:
        return None
    fcntl.flock(in_use, fcntl.LOCK_SH)
    about = _about(folder)
    if about is None:
        os.close(in_use)
        return None
    return Taken(folder / "root", about, in_use)


def _failed(folder: Path) -> Path:
    return folder / f"{_name()}.not-renewed"


def _renewal_has_failed(folder: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        when = datetime.fromtimestamp(_failed(folder).stat().st_mtime, UTC)
        return _newest() is not None and datetime.now(UTC) - when < _TRIED_AGAIN_AFTER
    return False


@contextlib.contextmanager
def _alone(folder: Path, how: int = 0) -> Iterator[int]:
    """A lock: who builds keeps it until the last process that builds is gone. Raises: BlockingIOError."""
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | how)
        yield file.fileno()


def _leftovers(folder: Path) -> list[Path]:
    return list(folder.glob(f"*{_PARTIAL}*"))


def _remove_leftovers(folder: Path, lock: int) -> None:
    """Takes away what a build left that was killed: nobody else builds while we hold the lock."""
    if left := _leftovers(folder):
        with errand_node([lock], with_all_ids=True) as node:
            for each in left:
                _remove(node, each)


def _remove(node: BareNode, folder: Path) -> None:
    run_errand(node, ["rm", "-rf", "--one-file-system", str(folder)], f"removing {folder}")


def _renew(folder: Path, old: Path | None, lock: int) -> None:
    """Builds one, and removes those that nobody uses any more."""
    host.require_programs("mmdebstrap")
    name = _name()
    try:
        with errand_node([lock], with_all_ids=True) as node:
            try:
                _build(node, suite(), folder, name)
            except TakeoverError as error:
                about = None if old is None else _about(old)
                if about is None:
                    raise TakeoverError(f"{error}{_what_others_lack(folder)}") from None
                _failed(folder).touch()
                age = about.age_days(datetime.now(UTC))
                sys.stderr.write(f"the containers' root file system stays the one of {age} days ago: {error}\n")
                return
            _failed(folder).unlink(missing_ok=True)
            for each in [*sorted(_all_of(name))[:-1], *_old_others(folder, name)]:
                with contextlib.suppress(OSError), (each / "in-use").open() as in_use:
                    fcntl.flock(in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    _remove(node, each.rename(f"{each}{_PARTIAL}"))
    finally:  # in another node: where mmdebstrap was ended, its mounts are left
        _remove_leftovers(folder, lock)


def _others(folder: Path, name: str) -> list[Path]:
    """Those that were built of other packages, or for another system: nobody takes them here."""
    pattern = re.compile(rf"(?!{name})[0-9a-f]{{12}}-\d{{8}}T\d{{6}}")
    return sorted(each for each in folder.iterdir() if pattern.fullmatch(each.name))


def _old_others(folder: Path, name: str) -> list[Path]:
    """Those of them that who takes them would renew: another version of this package may still take a recent one."""
    return [each for each in _others(folder, name) if not _is_recent(each)]


def _what_others_lack(folder: Path) -> str:
    """For who has one of a version before, and cannot have this one."""
    for about in filter(None, map(_about, reversed(_others(folder, _name())))):
        if lacking := [each for each in _PACKAGES if each not in about.packages]:
            return f"; the root file system of {about.age_days(datetime.now(UTC))} days ago lacks {', '.join(lacking)}"
    return ""


def _build(node: BareNode, suite: str, folder: Path, name: str) -> None:
    sys.stderr.write(
        f"building the containers' root file system into {folder} (Debian packages {', '.join(_PACKAGES)}; "
        f"Python packages {', '.join(each.removeprefix('pypi:') for each in packages.pinned())})\n"
    )
    now = datetime.now(UTC).replace(microsecond=0)
    ready = folder / f"{name}-{now:%Y%m%dT%H%M%S}"
    partial = ready.with_name(ready.name + _PARTIAL)
    archive, temporary, root = partial / "archive.tar", partial / "temporary", partial / "root"
    temporary.mkdir(parents=True)
    root.mkdir()
    run_errand(
        node,
        [
            "env", f"TMPDIR={temporary}",
            "mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={','.join(_PACKAGES)}",
            "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
            suite, str(archive),
        ],
        "mmdebstrap",
    )  # fmt: skip
    unpack = ["tar", "-C", str(root), "--exclude=./dev/*", "-xpf", str(archive)]
    run_errand(node, unpack, "unpacking the containers' root file system")
    archive.unlink()
    packages.fetch(functools.partial(run_errand, node), root, temporary, partial / "packages")
    _remove(node, temporary)
    about = RootFileSystem(suite, now, packages_in(node, root) | packages.pinned())
    (partial / "about.json").write_bytes(msgspec.json.encode(about))
    (partial / "in-use").touch()
    partial.rename(ready)


def packages_in(node: BareNode, root: Path) -> dict[str, str]:
    """Name → version of Debian's packages in a tree. Raises: TakeoverError in one line."""
    admin = f"--admindir={root}/var/lib/dpkg"
    listed = run_errand(node, ["dpkg-query", admin, "--show", "--showformat=${Package} ${Version}\n"], "dpkg-query")
    return dict(sorted(line.split() for line in listed.splitlines()))


def run_errand(node: BareNode, command: list[str], what: str) -> str:
    """The output of a command, which is told as `what`. Raises: TakeoverError in one line."""
    if shutil.which(command[0], path=host.path_of_root()) is None:
        host.require_programs(command[0])
    ended = node.run(command, timeout=_LONGEST)
    if ended.exit_code != 0:
        messages = ended.stderr.decode(errors="replace")
        lines = [line for line in messages.splitlines() if line.strip()] or ["no message"]
        errors = [line for line in lines if line.startswith(("E:", "ERROR:"))] or lines
        # mmdebstrap does not say that this was why.
        full = f"; {cache_folder()} is full" if shutil.disk_usage(cache_folder()).free < _LITTLE else ""
        raise TakeoverError(f"{what} failed ({ended.exit_code}): {errors[-1].strip()}{full}")
    return ended.stdout.decode(errors="replace")
