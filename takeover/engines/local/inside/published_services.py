"""The node's Services: the addresses they get, the names that lead there, the Pods behind them."""

import ipaddress
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from takeover.base.errors import BadInputError
from takeover.engines.local import objects
from takeover.engines.local.inside import dns, services
from takeover.engines.local.inside.kubelet import RunningPod

RANGE = ipaddress.IPv4Network("10.96.0.0/12")
"""From which Services get their addresses, as kubeadm's clusters have it."""
_FIRST = ipaddress.IPv4Address("10.96.1.1")
# For how long new endpoints of Services are collected while Pods are starting, as kube-proxy does for a second.
_COLLECT = 0.05


class PublishedServices:
    """What is known of Services, as cluster DNS and the node's iptables have it.

    Args:
        system_root: the root file system with iptables.
        pods: tells which Pods there are now.
    """

    def __init__(self, system_root: Path, pods: Callable[[], Iterable[RunningPod]]) -> None:
        self._system = system_root
        self._pods = pods
        self._dns = dns.ClusterDns()
        self._services: dict[str, objects.Service] = {}
        self._names: dict[str, list[str]] | None = None
        self._endpoints: list[services.ServicePortEndpoints] = []
        self._published_of: list[str] | None = None  # the addresses of the Pods that were ready then
        self._publish_by = float("inf")
        self._next_address = _FIRST

    def add(self, added: Iterable[objects.Service]) -> None:
        """Gives Services their addresses and names, in the place of those that had the same names."""
        wanted = list(added)
        for each in sorted(wanted, key=lambda each: not each.spec.cluster_ip):  # what is written is free for no other
            self._services[objects.full_name(each)] = self._with_address(each)
        self._services = {name: self._services[name] for name in self._in_order(wanted)}
        self._published_of = None
        self._serve_names()

    def _serve_names(self) -> None:
        """Has the DNS know all names, those of a headless Service as long as Pods of it are ready."""
        names: dict[str, list[str]] = {}
        for each in self._services.values():
            name = f"{each.metadata.name}.{each.metadata.namespace}.svc.{dns.DOMAIN}"
            if not each.spec.is_headless:
                names[name] = [each.spec.cluster_ip]
            elif ready := [pod.ip for pod in self._selected(each)]:
                names[name] = ready
                # What an address is called in turn: see "Kubernetes DNS-Based Service Discovery", 2.4.
                names |= {f"{ip.replace('.', '-')}.{name}": [ip] for ip in ready}
        if names != self._names:
            self._dns.serve(names)
            self._names = names

    def _in_order(self, added: Iterable[objects.Service]) -> list[str]:
        """The names of all: those of before, then the added ones as they came."""
        new = [objects.full_name(each) for each in added]
        return [*(each for each in self._services if each not in new), *new]

    def addresses(self) -> dict[str, str]:
        """`NAMESPACE/NAME` → ClusterIP."""
        return {name: each.spec.cluster_ip for name, each in self._services.items()}

    def without_endpoints(self) -> list[str]:
        """`NAMESPACE/NAME:PORT` of those behind which no Pod is ready, of headless ones without the port."""
        return [
            *(
                f"{name}:{port.port}"
                for name, service in self._services.items()
                for port in service.spec.ports
                if not service.spec.is_headless and not self._backing(service, port)
            ),
            *(
                name
                for name, service in self._services.items()
                if service.spec.is_headless and not self._selected(service)
            ),
        ]

    def _with_address(self, service: objects.Service) -> objects.Service:
        if service.spec.cluster_ip:
            return service
        taken = {each.spec.cluster_ip for each in self._services.values()} | {dns.ADDRESS}
        while str(self._next_address) in taken or self._next_address.packed[-1] in (0, 255):
            self._next_address += 1
        if self._next_address not in RANGE:
            raise BadInputError(f"Service {objects.full_name(service)}: no address of {RANGE} is left for it")
        address = str(self._next_address)
        return msgspec.structs.replace(service, spec=msgspec.structs.replace(service.spec, cluster_ip=address))

    def _ready_endpoints(self) -> list[services.ServicePortEndpoints]:
        return [
            services.ServicePortEndpoints(service.spec.cluster_ip, port.port, self._backing(service, port))
            for service in self._services.values()
            for port in service.spec.ports
            if not service.spec.is_headless
        ]

    def _selected(self, service: objects.Service) -> list[RunningPod]:
        """The Pods behind it that are ready."""
        return [
            pod
            for pod in self._pods()
            if pod.ready
            and pod.spec.metadata.namespace == service.metadata.namespace
            and service.spec.selector.items() <= pod.spec.metadata.labels.items()
        ]

    def _backing(self, service: objects.Service, port: objects.ServicePort) -> tuple[tuple[str, int], ...]:
        wanted = port.port if isinstance(port.target_port, msgspec.UnsetType) else port.target_port
        found = []
        for pod in self._selected(service):
            # By name the first one of a Pod's, as a cluster finds it (FindPort); a Service is of TCP here.
            ports = [each for container in pod.spec.spec.containers for each in container.ports]
            named = [each.container_port for each in ports if each.name == wanted and each.protocol == "TCP"]
            found += [(pod.ip, number) for number in ([wanted] if isinstance(wanted, int) else named[:1])]
        return tuple(found)

    def publish(self, now: float, more_to_come: bool) -> None:
        """Has connections led to the Pods that are ready, unless more of them are soon: `now` is monotonic."""
        # An address tells which Pod it is: one that is made again has another.
        ready = [pod.ip for pod in self._pods() if pod.ready]
        if ready == self._published_of:
            return
        self._serve_names()
        endpoints = self._ready_endpoints()
        if endpoints == self._endpoints:
            self._published_of = ready
            return
        self._publish_by = min(self._publish_by, now + _COLLECT)
        if more_to_come and now < self._publish_by and services.only_grew(self._endpoints, endpoints):
            return
        rules = services.rules(endpoints, with_foundation=not self._endpoints)
        command = ["chroot", str(self._system), "iptables-restore", "--noflush"]
        subprocess.run(command, input=rules.encode(), check=True, capture_output=True)
        self._endpoints, self._published_of, self._publish_by = endpoints, ready, float("inf")
