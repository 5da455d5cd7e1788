"""Clusters of a dump that has none at all are made: those that it names."""

from pathlib import Path

import msgspec
import pytest

from takeover.check.records import Given
from tests.check.world.worlds import Built, bootstrap, cluster, given, http, listener, served, tcp

AUTHZ = {
    "name": "authz",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
        "grpc_service": {"envoy_grpc": {"cluster_name": "asked"}},
    },
}


def a_dump(clusters: bool) -> Given:
    resources = [served("envoy.config.listener.v3.Listener", "raw", listener("raw", 9000, tcp("bytes")))]
    if clusters:
        resources.append(served("envoy.config.cluster.v3.Cluster", "other", cluster("other")))
    static = bootstrap([listener("web", 8000, http("app", AUTHZ))], [])
    return msgspec.structs.replace(given(static, *resources), kind="config dump")


def test_each_that_is_named_has_an_endpoint_that_answers(tmp_path: Path) -> None:
    built = Built(a_dump(clusters=False), tmp_path)

    made = {each["name"]: each for each in built.config()["static_resources"]["clusters"]}
    assert {"app", "asked", "bytes"} <= made.keys()
    assert "3 clusters are made, with an endpoint each: app, asked, bytes" in built.different
    assert "typed_extension_protocol_options" in made["asked"]
    assert "typed_extension_protocol_options" not in made["app"]
    kinds = {each.cluster: each.service.kind for each in built.world.dialled}
    assert (kinds["app"], kinds["asked"], kinds["bytes"]) == ("application", "ext_authz", "application")


@pytest.mark.parametrize("is_given", [False, True])
def test_those_that_come_by_cds_are_made_where_none_of_these_was_given(is_given: bool, tmp_path: Path) -> None:
    rest = {"api_type": "REST", "transport_api_version": "V3", "cluster_names": ["xds"], "refresh_delay": "5s"}
    dynamic = {"cds_config": {"api_config_source": rest, "resource_api_version": "V3"}}
    static = bootstrap([listener("web", 8000, http("app", AUTHZ))], [cluster("xds"), cluster("asked")])
    there = [served("envoy.config.cluster.v3.Cluster", "other", cluster("other"))] if is_given else []
    built = Built(given(static | {"dynamic_resources": dynamic}, *there), tmp_path / "mine")

    names = [each["name"] for each in built.config()["static_resources"]["clusters"]]
    assert ("app" in names) != is_given
    assert names.count("asked") == 1
    assert ("1 clusters are made, with an endpoint each: app" in built.different) != is_given


@pytest.mark.parametrize("kind", ["bootstrap", "config dump"])
def test_where_there_are_any_none_is_made(kind: str, tmp_path: Path) -> None:
    of = a_dump(clusters=kind == "config dump")
    built = Built(msgspec.structs.replace(of, kind=kind), tmp_path)

    made = {each["name"] for each in built.config()["static_resources"]["clusters"]}
    assert not {"app", "asked", "bytes"} & made
