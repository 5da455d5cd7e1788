"""Which Pods stand behind a Service, and when connections are led to them."""

import itertools
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from takeover.engines.local import objects, parsing
from takeover.engines.local.inside import dns
from takeover.engines.local.inside.published_services import PublishedServices


class FakeDns:
    names: dict[str, list[str]]

    def serve(self, names: dict[str, list[str]]) -> None:
        FakeDns.names = names


def service(ports: Sequence[dict[str, Any]] = ({"port": 80},), namespace: str = "default") -> objects.Service:
    spec = {"selector": {"app": "a"}, "ports": list(ports)}
    metadata = {"name": "web", "namespace": namespace}
    parsed = parsing.parse({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
    assert isinstance(parsed, objects.Service)
    return parsed


def pod(ip: str, ports: Sequence[dict[str, int]] = (), is_ready: bool = True, **metadata: Any) -> Any:
    """A Pod with a container for each of `ports`: name, or name/udp → number."""
    containers = [
        {"name": f"c{number}", "image": "nginx",
         "ports": [
             {"name": name.partition("/")[0], "containerPort": port, "protocol": "UDP" if "/" in name else "TCP"}
             for name, port in its.items()
         ]}
        for number, its in enumerate(ports or [{}])
    ]  # fmt: skip
    parsed = parsing.parse(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "p", "labels": {"app": "a", "more": "b"}} | metadata,
            "spec": {"containers": containers},
        }
    )
    return SimpleNamespace(spec=parsed, ip=ip, ready=is_ready)


class Published:
    """Services and Pods, and what was given to iptables-restore."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *pods: Any) -> None:
        self.pods = list(pods)
        self.rules: list[str] = []
        monkeypatch.setattr(dns, "ClusterDns", FakeDns)
        self.services = PublishedServices(Path("/system"), lambda: self.pods)

        def run(command: list[str], **options: Any) -> None:
            assert command == ["chroot", "/system", "iptables-restore", "--noflush"]
            assert options["check"]
            self.rules.append(options["input"].decode())

        monkeypatch.setattr(subprocess, "run", run)

    def endpoints(self, added: objects.Service) -> list[str]:
        """To where connections with that Service are led."""
        self.services.add([added])
        self.services.publish(0, more_to_come=False)
        words = self.rules[-1].split() if self.rules else []
        return [word for before, word in itertools.pairwise(words) if before == "--to-destination"]


@pytest.mark.parametrize(
    ("pods", "found"),
    [
        ([], []),
        ([pod("10.244.0.2"), pod("10.244.0.3")], ["10.244.0.2:80", "10.244.0.3:80"]),
        ([pod("10.244.0.2", is_ready=False), pod("10.244.0.3")], ["10.244.0.3:80"]),
        ([pod("10.244.0.2", labels={"app": "b"}), pod("10.244.0.3")], ["10.244.0.3:80"]),
        ([pod("10.244.0.2", labels={}), pod("10.244.0.3")], ["10.244.0.3:80"]),
        ([pod("10.244.0.2", namespace="other"), pod("10.244.0.3")], ["10.244.0.3:80"]),
        ([pod("10.244.0.2", [{}, {}])], ["10.244.0.2:80"]),
    ],
    ids=["none", "two", "not ready", "another label", "no label", "another namespace", "two containers"],
)
def test_pods_that_are_ready_and_selected(pods: list[Any], found: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    published = Published(monkeypatch, *pods)

    assert published.endpoints(service()) == found
    assert published.services.without_endpoints() == ([] if found else ["default/web:80"])


@pytest.mark.parametrize(
    ("target", "found"), [(8080, ["10.244.0.2:8080"]), ("http", ["10.244.0.2:81"]), ("other", []), ("dns", [])]
)
def test_ports_by_number_and_by_name(target: int | str, found: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    published = Published(monkeypatch, pod("10.244.0.2", [{"a": 1, "dns/udp": 53}, {"http": 81}, {"http": 82}]))

    assert published.endpoints(service([{"port": 80, "targetPort": target}])) == found
    assert published.services.without_endpoints() == ([] if found else ["default/web:80"])


def test_each_port_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    published = Published(monkeypatch, pod("10.244.0.2", [{"a": 1}]))
    published.services.add([service([{"name": "a", "port": 80}, {"name": "b", "port": 81, "targetPort": "b"}])])

    assert published.services.without_endpoints() == ["default/web:81"]


def test_names_lead_to_the_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    published = Published(monkeypatch)
    published.services.add([service(), service(namespace="other")])

    assert FakeDns.names == {
        "web.default.svc.cluster.local": ["10.96.1.1"],
        "web.other.svc.cluster.local": ["10.96.1.2"],
    }
    assert published.services.addresses() == {"default/web": "10.96.1.1", "other/web": "10.96.1.2"}


@pytest.mark.parametrize("ports", [[], [{"port": 80, "targetPort": 8080}]])
def test_the_name_of_a_headless_one_leads_to_the_pods_that_are_ready(
    ports: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = pod("10.244.0.2"), pod("10.244.0.3", is_ready=False)
    published = Published(monkeypatch, one, two, pod("10.244.0.4", labels={"app": "b"}))
    full = "web.default.svc.cluster.local"
    spec = {"clusterIP": "None", "selector": {"app": "a"}, "ports": ports}
    parsed = parsing.parse({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec})
    assert isinstance(parsed, objects.Service)

    assert published.endpoints(parsed) == []
    assert FakeDns.names == {full: ["10.244.0.2"], f"10-244-0-2.{full}": ["10.244.0.2"]}
    assert (published.services.addresses(), published.services.without_endpoints()) == ({"default/web": "None"}, [])
    two.ready = True
    published.services.publish(1, more_to_come=True)
    assert FakeDns.names[full] == ["10.244.0.2", "10.244.0.3"]
    one.ready = two.ready = False
    published.services.publish(2, more_to_come=False)
    assert (FakeDns.names, published.services.without_endpoints()) == ({}, ["default/web"])
    assert published.rules == []


def test_an_address_of_the_manifest_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    published = Published(monkeypatch)
    own = parsing.parse(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "own"},
            "spec": {"selector": {"app": "a"}, "ports": [{"port": 80}], "clusterIP": "10.97.0.7"},
        }
    )
    assert isinstance(own, objects.Service)
    published.services.add([own, service()])

    assert published.services.addresses() == {"default/own": "10.97.0.7", "default/web": "10.96.1.1"}


def test_an_address_that_another_one_asks_for_is_given_to_none(monkeypatch: pytest.MonkeyPatch) -> None:
    published = Published(monkeypatch)
    first = service(namespace="other")
    own = msgspec.structs.replace(first, metadata=service().metadata)
    own = msgspec.structs.replace(own, spec=msgspec.structs.replace(own.spec, cluster_ip="10.96.1.1"))
    published.services.add([first, own])

    assert list(published.services.addresses().items()) == [
        ("other/web", "10.96.1.2"),
        ("default/web", "10.96.1.1"),
    ]


def test_rules_are_written_when_endpoints_have_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    published = Published(monkeypatch, pod("10.244.0.2"))
    published.endpoints(service())
    published.services.publish(1, more_to_come=False)
    assert len(published.rules) == 1

    published.pods.append(pod("10.244.0.3"))
    published.services.publish(2, more_to_come=False)
    assert len(published.rules) == 2
    assert ["-A OUTPUT -j KUBE-SERVICES" in each for each in published.rules] == [True, False]


def test_while_pods_start_what_only_grew_is_collected_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    published = Published(monkeypatch, pod("10.244.0.2"))
    published.endpoints(service())

    written = []
    for now in (10.0, 10.04, 10.06):
        published.pods.append(pod(f"10.244.1.{len(published.pods)}"))
        published.services.publish(now, more_to_come=True)
        written.append(len(published.rules))
    assert written == [1, 1, 2]

    published.pods.append(pod("10.244.2.1"))
    published.services.publish(20, more_to_come=True)
    assert len(published.rules) == 2  # it begins anew


def test_who_has_gone_is_gone_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    published = Published(monkeypatch, pod("10.244.0.2"), pod("10.244.0.3"))
    published.endpoints(service())
    published.pods.pop()
    published.services.publish(1, more_to_come=True)

    assert len(published.rules) == 2
    assert "10.244.0.3" not in published.rules[-1]
