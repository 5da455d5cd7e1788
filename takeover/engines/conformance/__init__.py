"""What every engine must do, as tests that whoever writes an engine can run.

Make one class of them, with fixtures beside it (in the test's file, or in its conftest.py):

    import pytest
    from takeover.engines.conformance.deployments import DeploymentContract
    from takeover.engines.conformance.network import NetworkContract
    from takeover.engines.conformance.replicas import ReplicasContract
    from takeover.envoy.releases import resolve

    @pytest.fixture(scope="session")
    def engine():                  # deploys all scenarios of these tests but those of the next one
        engine = MyEngine()
        yield engine
        engine.close()

    @pytest.fixture(scope="session")
    def impatient_engine():        # soon gives up waiting for Pods, yet late enough to have seen what they do
        engine = MyEngine(ready_timeout=10)
        yield engine
        engine.close()

    @pytest.fixture(scope="session")
    def envoy():                   # the Release that the engine deploys
        return resolve(None)[0]

    class TestMyEngine(DeploymentContract, NetworkContract, ReplicasContract):
        pass

The scenarios that they deploy are in `scenarios/` beside this file. They need the images of the roles nginx, iptables
and envoy, whose programs (sh, cat, sha256sum, iptables…) they run.
"""

import pytest

pytest.register_assert_rewrite(
    f"{__name__}.deployments", f"{__name__}.network", f"{__name__}.replicas", f"{__name__}.restarts"
)
