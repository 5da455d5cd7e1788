"""Containers by an OCI runtime (crun, or runc): the bundle of each, how it is started, and what runs inside later.

Shapes: the OCI runtime specification, config.md and config-linux.md.
"""

import json
import shutil
import subprocess
from pathlib import Path

import msgspec

from takeover.engines.local.inside import capabilities
from takeover.engines.local.objects import Container
from takeover.model.json import JsonObject
from takeover.node import kernel
from takeover.node.root import DEVICES

PROGRAMS = ("crun", "runc", "chroot")
"""What a node runs of this machine; one of the two runtimes may be missing."""
ROOT_FILE_SYSTEM = "/root-file-system"
"""Where a node has that of the containers."""
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# What Docker and containerd hide, and what they let nobody change, of what there is in a container here.
_MASKED = (
    "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
    "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
)  # fmt: skip
_READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sysrq-trigger")


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


def process_of(container: Container, command: list[str]) -> JsonObject:
    """The OCI process of `command` in that container: its user, environment and capabilities."""
    security = container.security_context
    bounding = capabilities.bounding(security)
    # As a container runtime does it: only root holds its capabilities; another user would gain them by exec only.
    held = bounding if security.uid == 0 else []
    groups = {"additionalGids": security.supplemental_groups} if security.supplemental_groups else {}
    return {
        "terminal": False,
        "user": {"uid": security.uid, "gid": security.gid, **groups},
        "args": command,
        **({} if security.allow_privilege_escalation else {"noNewPrivileges": True}),
        "env": [PATH, "HOME=/root", *(f"{each.name}={each.value}" for each in container.env)],
        "cwd": container.working_dir,
        "capabilities": {"bounding": bounding, "effective": held, "permitted": held},
    }


def _mounts(binds: list[tuple[str, str, bool]]) -> list[JsonObject]:
    fixed: list[JsonObject] = [
        {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
        {
            "destination": "/dev",
            "type": "tmpfs",
            "source": "tmpfs",
            "options": ["nosuid", "nodev", "strictatime", "mode=755", "size=65536k"],
        },
        {
            "destination": "/dev/shm",  # noqa: S108 - the container's own
            "type": "tmpfs",
            "source": "shm",
            "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
        },
    ]
    # In a user namespace, where nobody can make a device, a runtime binds them itself.
    devices = [] if _in_user_namespace() else [f"/dev/{name}" for name in DEVICES]
    # A runtime takes the flags from here, not from the mount that it binds.
    others = [_bind(outside, inside, "ro" if read_only else "rw", "nodev") for outside, inside, read_only in binds]
    return fixed + [_bind(each, each, "ro", "nosuid", "noexec") for each in devices] + others


def _bind(outside: str, inside: str, *options: str) -> JsonObject:
    return {"destination": inside, "type": "bind", "source": outside, "options": ["bind", *options]}


def _in_user_namespace() -> bool:
    return Path("/proc/self/uid_map").read_text().split() != ["0", "0", str((1 << 32) - 1)]


def _read_only_paths(privileged: bool) -> list[str]:
    """A privileged container may change its Pod's network settings, as on a cluster; the machine's nobody may."""
    if not privileged:
        return [*_READ_ONLY, "/proc/sys"]
    return [*_READ_ONLY, *(f"/proc/sys/{each.name}" for each in Path("/proc/sys").iterdir() if each.name != "net")]


class Runtime:
    """The OCI runtime of one node; its state lives below `folder`, on the node's own tmpfs."""

    def __init__(self, folder: Path, lower: Path) -> None:
        self._lower = lower
        self._bundles = folder / "bundles"
        self._bundles.mkdir()
        program = shutil.which("crun") or shutil.which("runc") or "crun"
        # Both do without control groups then; runc calls that rootless, whoever runs it.
        without_groups = "--cgroup-manager=disabled" if Path(program).name == "crun" else "--rootless=true"
        self._base = [program, "--root", str(folder / "runtime"), without_groups]

    def root_of(self, identity: str) -> Path:
        """The container's root file system, as the node sees it."""
        return self._bundles / identity / "root"

    def prepare(
        self,
        identity: str,
        container: Container,
        image: Image,
        network: Path,
        hostname: str,
        binds: list[tuple[str, str, bool]],
    ) -> Path:
        """Writes the container's bundle: a writable layer of its own over the root file system. Returns the root.

        Args:
            binds: (path in the node, path in the container, read-only).
        """
        bundle = self._bundles / identity
        root = bundle / "root"
        for folder in (root, bundle / "upper", bundle / "work"):
            folder.mkdir(parents=True)
        layers = f"lowerdir={self._lower},upperdir={bundle}/upper,workdir={bundle}/work"
        kernel.mount("overlay", root, "overlay", kernel.NO_DEV, layers)
        files = [(outside, inside, True) for inside, outside in image.files.items()]
        config = {
            "ociVersion": "1.0.2",
            "process": process_of(container, image.command_of(container)),
            "root": {"path": "root"},
            "hostname": hostname,
            "mounts": _mounts(binds + files),
            "linux": {
                "namespaces": [
                    {"type": "pid"},
                    {"type": "mount"},
                    {"type": "ipc"},
                    {"type": "uts"},
                    {"type": "network", "path": str(network)},
                ],
                "maskedPaths": list(_MASKED),
                "readonlyPaths": _read_only_paths(container.security_context.privileged),
            },
        }
        (bundle / "config.json").write_text(json.dumps(config))
        return root

    def start(self, identity: str, log: Path) -> subprocess.Popen[bytes]:
        """Starts the container; the process that is returned ends with it, with the container's exit code."""
        bundle = self._bundles / identity
        with log.open("ab") as file:
            # A container may reopen its own stdout (/dev/stdout) as whatever user it runs as.
            log.chmod(0o666)
            return subprocess.Popen(
                [*self._base, "run", "--bundle", str(bundle), "--pid-file", str(bundle / "pid"), identity],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )

    def pid(self, identity: str) -> int | None:
        """The container's first process, None before it runs."""
        try:
            return int((self._bundles / identity / "pid").read_text())
        except (FileNotFoundError, ValueError):
            return None

    def exec_command(self, identity: str, process: JsonObject, name: str) -> list[str]:
        """The command line that runs `process` in the container; `name` tells two of them apart."""
        description = self._bundles / identity / f"exec-{name}.json"
        description.write_text(json.dumps(process))
        return [*self._base, "exec", "--process", str(description), identity]

    def forget(self, identity: str) -> None:
        """Makes room for starting the container again under its name, after its process ended."""
        command = [*self._base, "delete", "--force", identity]
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        (self._bundles / identity / "pid").unlink(missing_ok=True)

    def remove(self, identity: str) -> None:
        """Takes the container's bundle away after its process ended."""
        bundle = self._bundles / identity
        self.forget(identity)
        kernel.unmount(bundle / "root")
        shutil.rmtree(bundle)
