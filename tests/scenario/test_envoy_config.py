"""What is read of an Envoy's config, whichever names its fields have."""

from typing import Any

import pytest

from takeover.scenario.envoy_config import control_planes

GRPC = {"api_type": "GRPC", "grpc_services": [{"envoy_grpc": {"cluster_name": "plane"}}]}
CAMEL = {"apiType": "REST", "clusterNames": ["rest", "plane"]}


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({}, ()),
        ({"static_resources": {"clusters": [{"name": "control-plane"}]}}, ()),
        ({"dynamic_resources": {"ads_config": GRPC, "cds_config": {"ads": {}}}}, ("plane",)),
        ({"dynamicResources": {"adsConfig": {"grpcServices": [{"envoyGrpc": {"clusterName": "plane"}}]}}}, ("plane",)),
        ({"dynamic_resources": {"lds_config": {"api_config_source": CAMEL}}}, ("rest", "plane")),
        ({"static_resources": {"listeners": [{"rds": {"configSource": {"apiConfigSource": GRPC}}}]}}, ("plane",)),
        # Not every service of gRPC is one that configures.
        ({"static_resources": {"listeners": [{"typed_config": {"grpc_service": GRPC["grpc_services"]}}]}}, ()),
        ({"dynamic_resources": {"ads_config": {"grpc_services": [{"google_grpc": {}}, None]}}}, ()),
    ],
)
def test_the_clusters_that_configuration_comes_from(config: Any, found: tuple[str, ...]) -> None:
    assert control_planes(config) == found
