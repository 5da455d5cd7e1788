"""Pods on the node: init containers in order, containers, readiness probes, restarts, volumes.

See the Kubernetes pages "Pod Lifecycle" and "Configure Liveness, Readiness and Startup Probes".
"""

import contextlib
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from takeover.engines.local import sysctls, variables, volume_rules
from takeover.engines.local.inside import dns
from takeover.engines.local.inside.containers import RunningContainer
from takeover.engines.local.inside.handlers import Refused
from takeover.engines.local.inside.network import GATEWAY, Network
from takeover.engines.local.inside.runtime import Image, Runtime
from takeover.engines.local.messages import PodStatus
from takeover.engines.local.objects import Container, Pod
from takeover.engines.local.references import Facts, Sources
from takeover.engines.local.volumes import Volume
from takeover.node import kernel

_LONGEST_HOSTNAME = 63


class RunningPod:
    """A Pod with its network, volumes and containers; `advance` takes it one step towards Ready."""

    def __init__(
        self,
        spec: Pod,
        folder: Path,
        network: Network,
        runtime: Runtime,
        images: dict[str, Image],
        sources: Sources,
    ) -> None:
        self.spec = spec
        self._sources = sources
        self._folder = folder
        self._network = network
        settings = {sysctls.dotted(each.name): each.value for each in spec.spec.security_context.sysctls}
        try:
            self.network_path, self.ip = network.add_pod(settings)
        except ValueError as error:
            at = f"Pod/{spec.metadata.name}: spec.securityContext.sysctls"
            raise Refused("not taken", f"{at}: {error}; give a value as ip-sysctl of the kernel has it") from None
        self._facts = Facts(str(uuid.uuid4()), self.ip, GATEWAY)
        self._parts: list[Path] = []
        self._volumes = {each.name: self._fill(each) for each in spec.spec.volumes}
        pod = spec.spec
        self._init = [self._container(each, runtime, images, "Never") for each in pod.init_containers]
        self._main = [self._container(each, runtime, images, pod.restart_policy) for each in pod.containers]
        self.containers = {each.spec.name: each for each in (*self._init, *self._main)}

    def _container(self, spec: Container, runtime: Runtime, images: dict[str, Image], restart: str) -> RunningContainer:
        # The network's name is a count that no other Pod of the node had: also not this Pod before its restart.
        identity = f"{self.network_path.name}-{spec.name}"
        binds = []
        for mount in spec.volume_mounts:
            source, read_only = self._volumes[mount.name]
            if mount.sub_path:
                source = self._part_of(source, mount.sub_path)
            binds.append((str(source), volume_rules.plain(mount.mount_path), read_only or mount.read_only))
        runs = variables.expanded(spec, self._sources.environment(spec, self.spec, self._facts))
        log = self._folder / f"{spec.name}.log"
        container = RunningContainer(runs, identity, runtime, images[spec.image], restart, log, self.ip)
        container.prepare(self.network_path, self._hostname, binds, self._etc())
        return container

    @property
    def _hostname(self) -> str:
        """The Pod's name; of a long one, as much as a host's may have (as a kubelet does it)."""
        return self.spec.metadata.name[:_LONGEST_HOSTNAME].rstrip("-.")

    def _etc(self) -> dict[str, str]:
        name, namespace = self._hostname, self.spec.metadata.namespace
        hosts = f"127.0.0.1\tlocalhost\n{self.ip}\t{name}\n"
        hosts += "".join(f"{each.ip}\t{' '.join(each.hostnames)}\n" for each in self.spec.spec.host_aliases)
        return {"resolv.conf": dns.resolv_conf(namespace), "hosts": hosts, "hostname": f"{name}\n"}

    def _fill(self, volume: Volume) -> tuple[Path, bool]:
        """The folder of a volume and whether containers may only read it."""
        folder = self._folder / "volumes" / volume.name
        folder.mkdir(parents=True)
        if volume.empty_dir is not None:
            folder.chmod(0o777)
            self._give_to_group(folder, 0o2070)
            return folder, False
        for name, content, mode in self._sources.files(volume, self.spec, self._facts):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
            (folder / name).chmod(mode)
            self._give_to_group(folder / name, 0o440)
        for place in self._places_in(volume):
            with contextlib.suppress(FileExistsError, NotADirectoryError):  # then nothing can be mounted there
                (folder / place).mkdir(parents=True, exist_ok=True)
        return folder, True

    def _places_in(self, volume: Volume) -> Iterator[str]:
        """Below a volume that is read-only, where others are mounted: what a kubelet calls nested mount points."""
        for container in (*self.spec.spec.init_containers, *self.spec.spec.containers):
            paths = {volume_rules.plain(each.mount_path): each for each in container.volume_mounts}
            for own in (path for path, each in paths.items() if each.name == volume.name and not each.sub_path):
                yield from (path[len(own) + 1 :] for path in paths if path.startswith(f"{own}/"))

    def _give_to_group(self, path: Path, mode: int) -> None:
        """Lets the Pod's fsGroup use it, if there is one: see "Configure a Security Context for a Pod or Container"."""
        if (group := self.spec.spec.security_context.fs_group) is not None:
            os.chown(path, -1, group)
            path.chmod(path.stat().st_mode | mode)

    def _part_of(self, volume: Path, path: str) -> Path:
        """A file or folder of a volume, at a place of its own: a folder that nobody has made is one then.

        It is looked up now, before any container runs: a link that one puts there later leads nowhere.
        """
        source = volume / path
        if not source.exists():
            source.mkdir(parents=True)
            source.chmod(0o777)
        part = self._folder / "parts" / str(len(self._parts))
        part.parent.mkdir(exist_ok=True)
        if source.is_dir():
            part.mkdir()
        else:
            part.touch()
        kernel.bind(source, part)
        self._parts.append(part)
        return part

    def advance(self, now: float) -> bool:
        """Takes the next step that is due. Returns whether there is a step to wait for (soon)."""
        for container in self._init:
            container.advance(now)
            if container.exit_code != 0:
                return container.exit_code is None
        busy = [container.advance(now) for container in self._main]
        return any(busy)

    @property
    def ready(self) -> bool:
        return all(each.exit_code == 0 for each in self._init) and all(each.ready for each in self._main)

    def next_probe(self) -> float:
        """When the next periodic probe is due, on the monotonic clock."""
        return min((each.next_probe for each in self._main), default=float("inf"))

    def status(self) -> PodStatus:
        return PodStatus(self.ip, self.ready, {name: each.status() for name, each in self.containers.items()})

    def remove(self) -> None:
        """Ends the containers as a kubelet does (SIGTERM, the grace period, SIGKILL) and takes all of it away."""
        running = [each for each in self.containers.values() if each.running]
        for container in running:
            container.terminate()
        deadline = time.monotonic() + self.spec.spec.termination_grace_period_seconds
        for container in running:
            container.wait_or_kill(deadline)
        for container in self.containers.values():
            container.remove()
        self._network.remove_pod(self.network_path)
        for part in self._parts:
            kernel.unmount(part)
        shutil.rmtree(self._folder)
