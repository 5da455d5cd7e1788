from collections.abc import Iterator

import pytest

from fixtures.updates import control_plane
from takeover.scene import Scene
from takeover.suite.control_plane import ControlPlane


@pytest.fixture
def plane(scene: Scene) -> Iterator[ControlPlane]:
    """The control plane, which sends again in the end what it sent first."""
    with control_plane(scene) as made:
        yield made
