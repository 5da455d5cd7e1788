import contextlib
from collections.abc import Callable, Iterator

import pytest

from takeover.engines import choose
from takeover.envoy.releases import resolve
from takeover.probes.probe import Group
from takeover.scenario.library import Library
from takeover.scenario.loader import Scenario
from takeover.scene import Scene


@pytest.fixture(scope="session")
def deploy() -> Iterator[Callable[..., Scene]]:
    """Deploys what a group of probes needs, or that scenario, on the local engine, with the pinned Envoy."""
    release = resolve(None)[0]
    with contextlib.ExitStack() as closing:
        engine = choose.engine(choose.EngineOptions("local", {}), [release], lambda _: None)
        closing.callback(engine.close)

        def deployed(group: Group, scenario: Scenario | None = None) -> Scene:
            scenario = scenario or Library.bundled().scenario(group.scenario, group.bases).edited(group.edits)
            scene = Scene.deploy(engine, release, scenario)
            closing.callback(scene.close)
            return scene

        yield deployed


@pytest.fixture(scope="module")
def inbound(deploy: Callable[[Group], Scene]) -> Scene:
    return deploy(Group("inbound-interception", "none", (), (), (), ""))
