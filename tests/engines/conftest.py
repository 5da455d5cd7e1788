import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from takeover.engines.contract import Deployment, Engine
from takeover.envoy.releases import resolve
from takeover.model.release import Release
from takeover.scenario.edits import Edit
from takeover.scenario.loader import Scenario

SCENARIOS = Path(__file__).parent / "scenarios"


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
    engine = make_engine(ready_timeout=1.0 if engine.name == "local" else 20.0)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def envoy() -> Release:
    return resolve(None)[0]


@pytest.fixture(scope="session")
def workshop(engine: Engine, envoy: Release) -> Iterator[Deployment]:
    """The scenario with everything in it, shared: a test leaves it as it found it."""
    deployment = engine.deploy(Scenario.load(SCENARIOS / "workshop"), envoy)
    yield deployment
    deployment.delete()


@pytest.fixture
def single() -> Callable[[Iterable[Edit]], Scenario]:
    """The scenario of one Pod, `app` with the containers `before` (init) and `main`, changed by edits."""
    return lambda edits: Scenario.load(SCENARIOS / "single").edited(edits)
