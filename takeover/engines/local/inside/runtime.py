"""Containers: the root of each, what is mounted there, how it is started, and what runs inside later.

What a container sees, hides and may do is as Docker and containerd have it.
"""

import os
import shutil
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import msgspec

from takeover.engines.local.inside import capabilities, started
from takeover.engines.local.inside.network import join
from takeover.engines.local.inside.started import Process, Started
from takeover.engines.local.inside.tree import Tree
from takeover.engines.local.objects import Container
from takeover.node import kernel, mounts
from takeover.node.root import DEVICES

PROGRAMS = ("chroot",)
"""What a node runs of this machine."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where what runs in a container looks for programs."""

# What Docker and containerd hide, and what they let nobody change, of what there is in a container here.
_MASKED = (
    "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
    "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
)  # fmt: skip
_READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sysrq-trigger")
_OF_CONTAINERS = kernel.NEW_MOUNTS | kernel.NEW_IPC | kernel.NEW_UTS | kernel.NEW_NETWORK


class Image(msgspec.Struct, frozen=True):
    """What an image reference stands for here: what is put on top of the root file system, the default command.

    Args:
        command: what runs in a container that gives neither command nor args.
        program_of_options: what the image's entrypoint runs with args that begin with "-"; "" if it runs args as given.
        files: path in the container → file or folder of the node, read-only.
    """

    command: list[str]
    program_of_options: str = ""
    files: dict[str, str] = {}

    def command_of(self, container: Container) -> list[str]:
        """What the container runs: see the Kubernetes page "Define a Command and Arguments for a Container"."""
        if container.command:
            return [*container.command, *container.args]
        if container.args and container.args[0].startswith("-") and self.program_of_options:
            return [self.program_of_options, *container.args]
        return container.args or self.command


def process_of(container: Container, command: list[str]) -> Process:
    """What `command` is in that container: its user, environment and capabilities."""
    security = container.security_context
    bounding = capabilities.bounding(security)
    return Process(
        args=command,
        environment={"PATH": PATH, "HOME": "/root"} | {each.name: each.value for each in container.env},
        folder=container.working_dir,
        uid=security.uid,
        gid=security.gid,
        groups=security.supplemental_groups,
        bounding=bounding,
        # As a container runtime does it: only root holds its capabilities; another user would gain them by exec only.
        held=bounding if security.uid == 0 else [],
        may_gain=security.allow_privilege_escalation,
    )


def _read_only_paths(privileged: bool) -> list[str]:
    """A privileged container may change its Pod's network settings, as on a cluster; the machine's nobody may."""
    if not privileged:
        return [*_READ_ONLY, "/proc/sys"]
    return [*_READ_ONLY, *(f"/proc/sys/{each.name}" for each in Path("/proc/sys").iterdir() if each.name != "net")]


class _Bundle(msgspec.Struct):
    """What a container is made of.

    Args:
        binds: (path in the node, path in the container, what is forbidden there).
    """

    root: Path
    process: Process
    network: Path
    hostname: str
    binds: list[tuple[str, str, int]]
    privileged: bool
    first: Started | None = None

    def enter(self) -> None:
        """Takes this process, the first one of a PID namespace, into the container that it makes.

        What is mounted is opened before the root changes, and put in its place after: nothing that a container or a
        volume has there, as a link, leads out of it.
        """
        kernel.unshare(kernel.NEW_MOUNTS | kernel.NEW_IPC | kernel.NEW_UTS)
        join(self.network)
        kernel.leave_keyring()
        socket.sethostname(self.hostname)
        processes = mounts.of_processes()
        binds = [
            (mounts.copied(outside, flags), Path(outside).is_dir(), inside) for outside, inside, flags in self.binds
        ]
        kernel.change_root(self.root)
        for each in ("/proc", "/dev"):
            os.makedirs(each, exist_ok=True)  # noqa: PTH103
        mounts.put(processes, "/proc")
        _make_devices()
        for mount, is_folder, inside in binds:
            _make_place(inside, is_folder)
            mounts.put(mount, inside)
        _hide(self.privileged)


def _make_devices() -> None:
    kernel.mount("tmpfs", "/dev", "tmpfs", kernel.NO_SUID | kernel.NO_DEV, "mode=755,size=65536k")
    os.mkdir("/dev/shm")  # noqa: PTH102, S108 - the container's own
    flags = kernel.NO_SUID | kernel.NO_DEV | kernel.NO_EXEC
    kernel.mount("shm", "/dev/shm", "tmpfs", flags, "mode=1777,size=65536k")  # noqa: S108
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        Path("/dev", name).symlink_to(f"/proc/self/fd{target}")


def _make_place(inside: str, is_folder: bool) -> None:
    """What a file or folder can be mounted on, if there is nothing."""
    if os.path.exists(inside):  # noqa: PTH110
        return
    os.makedirs(inside if is_folder else os.path.dirname(inside), exist_ok=True)  # noqa: PTH103, PTH120
    if not is_folder:
        os.close(os.open(inside, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o755))


def _hide(privileged: bool) -> None:
    for path in _read_only_paths(privileged):
        if os.path.exists(path):  # noqa: PTH110
            mounts.put(mounts.copied(path, mounts.READ_ONLY), path)
    for path in _MASKED:
        if os.path.isdir(path):  # noqa: PTH112
            kernel.mount("tmpfs", path, "tmpfs", kernel.READ_ONLY | kernel.NO_SUID | kernel.NO_DEV | kernel.NO_EXEC)
        elif os.path.exists(path):  # noqa: PTH110
            mounts.put(mounts.copied("/dev/null", mounts.READ_ONLY), path)


class Runtime:
    """The containers of one node; what they write lives below `folder`, on the node's own tmpfs."""

    def __init__(self, folder: Path, tree: Tree) -> None:
        self._tree = tree
        self._folder = folder / "bundles"
        self._folder.mkdir()
        self._bundles: dict[str, _Bundle] = {}

    def root_of(self, identity: str) -> Path:
        """The container's root file system, as the node sees it."""
        return self._folder / identity / "root"

    def prepare(
        self,
        identity: str,
        container: Container,
        image: Image,
        network: Path,
        hostname: str,
        binds: list[tuple[str, str, bool]],
    ) -> Path:
        """Makes the container's bundle: a writable layer of its own over the root file system. Returns the root.

        Args:
            binds: (path in the node, path in the container, read-only).
        """
        root = self._tree.mount(self._folder / identity)
        devices = [f"/dev/{name}" for name in DEVICES if Path("/dev", name).exists()]
        binds = binds + [(outside, inside, True) for inside, outside in image.files.items()]
        binds = sorted(binds, key=lambda each: each[1].count("/"))  # what is below another comes after it
        self._bundles[identity] = _Bundle(
            root=root,
            process=process_of(container, image.command_of(container)),
            network=network,
            hostname=hostname,
            binds=[(each, each, mounts.READ_ONLY | mounts.NO_SUID | mounts.NO_EXEC) for each in devices]
            + [
                (outside, inside, mounts.NO_DEV | (mounts.READ_ONLY if read_only else 0))
                for outside, inside, read_only in binds
            ],
            privileged=container.security_context.privileged,
        )
        return root

    def start(self, identity: str, log: Path) -> Started:
        """Starts the container: its first process, a child of this one."""
        bundle = self._bundles[identity]
        with log.open("ab") as file, Path(os.devnull).open("rb") as nothing:
            # A container may reopen its own stdout (/dev/stdout) as whatever user it runs as.
            log.chmod(0o666)
            files = (nothing.fileno(), file.fileno(), file.fileno())
            bundle.first = started.start(bundle.process, bundle.enter, files, None)
        return bundle.first

    def pid(self, identity: str) -> int | None:
        """The container's first process, None before it runs."""
        first = self._bundles[identity].first
        return first.pid if first is not None and first.runs else None

    def execute(
        self, identity: str, process: Process, files: Sequence[int], stdout: IO[bytes] | None = None
    ) -> Started:
        """Starts a process more in a container that runs, with these standard streams.

        Raises: OSError where the container ends.
        """
        pid = self.pid(identity)
        if pid is None:
            raise ProcessLookupError("the container does not run yet")
        first, pids = os.pidfd_open(pid), os.open(f"/proc/{pid}/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return started.start(process, lambda: kernel.enter(first, _OF_CONTAINERS), files, pids, stdout)
        finally:
            os.close(first)
            os.close(pids)

    def forget(self, identity: str) -> None:
        """Makes room for starting the container again under its name, after its process ended."""
        self._bundles[identity].first = None

    def remove(self, identity: str) -> None:
        """Takes the container's bundle away after its process ended."""
        del self._bundles[identity]
        kernel.unmount(self.root_of(identity))
        shutil.rmtree(self._folder / identity)
