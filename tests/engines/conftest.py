import os
from collections.abc import Iterator

import pytest

from takeover.engines.contract import Engine
from takeover.envoy.releases import resolve
from takeover.model.release import Release


def make_engine(**options: float) -> Engine:
    """The engine under test: TAKEOVER_TEST_ENGINE, local if that is not set."""
    name = os.environ.get("TAKEOVER_TEST_ENGINE", "local")
    if name == "local":
        from takeover.engines.local.engine import LocalEngine

        return LocalEngine({}, **options)
    assert name == "kubernetes"
    from takeover.engines.kubernetes.engine import KubernetesEngine

    return KubernetesEngine(**options)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    engine = make_engine()
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def impatient_engine(engine: Engine) -> Iterator[Engine]:
    """An engine that soon gives up waiting for Pods, yet late enough to have seen what they do."""
    engine = make_engine(ready_timeout=8.0 if engine.name == "local" else 20.0)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def envoy() -> Release:
    return resolve(None)[0]
