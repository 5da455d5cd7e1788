"""There are two Envoys, `sotw` and `delta`; each is told by the one control plane what is for it alone."""

from collections.abc import Iterator

import pytest

from fixtures.xds import Managed
from takeover.scene import Scene
from takeover.suite.control_plane import ControlPlane


@pytest.fixture
def plane(scene: Scene) -> Iterator[ControlPlane]:
    """The control plane, which does what is right again when the test is over."""
    with ControlPlane(scene) as plane:
        yield plane
        plane.behave()


@pytest.fixture(params=["sotw", "delta"])
def envoy(scene: Scene, plane: ControlPlane, request: pytest.FixtureRequest) -> Managed:
    """One of the Envoys, which has what the files have, and nothing else."""
    envoy = Managed(scene, plane, request.param)
    envoy.take()
    return envoy
