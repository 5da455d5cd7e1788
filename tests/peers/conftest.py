from collections.abc import Iterator

import pytest

from tests.peers.upstream import Upstream, running


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    with running() as started:
        yield started
