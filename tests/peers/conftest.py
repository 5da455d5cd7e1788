from collections.abc import Iterator

import pytest

from tests.peers.control_plane import Plane
from tests.peers.control_plane import running as control_plane_running
from tests.peers.upstream import Upstream, running


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    with running() as started:
        yield started


@pytest.fixture(scope="module")
def services() -> Iterator[Upstream]:
    with running("services") as started:
        yield started


@pytest.fixture(scope="session")
def control_plane_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    with control_plane_running(tmp_path_factory.mktemp("empty")) as started:
        yield started


@pytest.fixture
def plane(control_plane_process: Plane) -> Plane:
    """A control plane that behaves, has nothing to send, and nobody to send it to."""
    control_plane_process.left()
    control_plane_process.behave()
    control_plane_process.api.put("/listening", json={"xds": True})
    control_plane_process.publish()
    return control_plane_process
