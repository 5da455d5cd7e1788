"""Which addresses Services get, however many there are."""

from pathlib import Path
from typing import Any

import pytest

from takeover.base.errors import BadInputError
from takeover.engines.local import objects, parsing
from takeover.engines.local.inside import dns
from takeover.engines.local.inside.published_services import RANGE, PublishedServices


class FakeDns:
    def serve(self, names: dict[str, list[str]]) -> None:
        self.names = names


def service(name: str, **spec: Any) -> objects.Service:
    spec = {"selector": {"app": "a"}, "ports": [{"port": 80}]} | spec
    parsed = parsing.parse({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec})
    assert isinstance(parsed, objects.Service)
    return parsed


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> PublishedServices:
    monkeypatch.setattr(dns, "ClusterDns", FakeDns)
    return PublishedServices(Path("/"), list)


def test_addresses_go_on_after_the_first_254(services: PublishedServices) -> None:
    services.add([service(f"s{number}") for number in range(600)])

    addresses = services.addresses()
    assert len(set(addresses.values())) == 600
    assert addresses["default/s0"] == "10.96.1.1"
    assert addresses["default/s253"] == "10.96.1.254"
    assert addresses["default/s254"] == "10.96.2.1"


def test_addresses_of_manifests_and_of_the_dns_are_not_given_twice(services: PublishedServices) -> None:
    services.add([service("own", clusterIP="10.96.1.1"), service("other")])

    assert services.addresses() == {"default/own": "10.96.1.1", "default/other": "10.96.1.2"}


def test_that_none_is_left_is_told(services: PublishedServices) -> None:
    services._next_address = RANGE.broadcast_address - 1

    services.add([service("last")])
    with pytest.raises(BadInputError, match=r"Service default/web: no address of 10\.96\.0\.0/12 is left"):
        services.add([service("web")])
