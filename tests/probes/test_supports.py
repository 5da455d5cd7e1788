"""A group of the atlas is kept from an Envoy that does not take its configuration, and from no other.

What an Envoy loads, and does not do, is what an upgrade changes: it would be hidden.
"""

import contextlib
from collections.abc import Iterator

import pytest

from takeover.base.errors import DeploymentError
from takeover.engines import choose
from takeover.engines.contract import Engine
from takeover.envoy.releases import resolve
from takeover.probes.probe import Group
from takeover.probes.probe_file import read_probes
from takeover.scenario.library import Library
from takeover.scene import Scene

OLD = "1.37.0"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with contextlib.closing(choose.engine(choose.EngineOptions("local", {}), resolve(OLD), lambda _: None)) as made:
        yield made


def kept_from_it(library: Library) -> Iterator[Group]:
    """The groups of the atlas that its version keeps from it."""
    for file in sorted((library.folder / "atlas").glob("*/probes.yaml")):
        if "supports:" in file.read_text():  # the others need not be read
            scenario = library.scenario(file.parent.name)
            assert not (scenario.supports and scenario.supports.refuses(OLD))
            yield from (each for each in read_probes(scenario) if each.supports and each.supports.refuses(OLD))


def test_what_an_envoy_takes_it_is_probed_with(engine: Engine) -> None:
    library, [release] = Library.bundled(), resolve(OLD)
    groups = list(kept_from_it(library))
    assert len(groups) > 20
    taken = []
    for each in groups:
        scenario = library.scenario(each.scenario, each.bases).edited(each.edits)
        with contextlib.suppress(DeploymentError):
            Scene.deploy(engine, release, scenario).close()
            taken.append(each.id)
    assert taken == []
