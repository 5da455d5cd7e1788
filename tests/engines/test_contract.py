"""The contract, on the engine that TAKEOVER_TEST_ENGINE names: see conftest.py."""

from takeover.engines.conformance.deployments import DeploymentContract
from takeover.engines.conformance.network import NetworkContract
from takeover.engines.conformance.replicas import ReplicasContract


class TestContract(DeploymentContract, NetworkContract, ReplicasContract):
    pass
