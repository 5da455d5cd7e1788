"""One more layer of runtime, whatever a config has of it already."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from takeover.base.errors import BadInputError
from takeover.scenario.runtime_layers import with_layer
from tests.scenario.conftest import ENVOY, load

MINE = {"name": "mine", "static_layer": {"a": False}}
ADMIN = {"name": "admin", "admin_layer": {}}
THEIRS: list[dict[str, Any]] = [{"name": "theirs", "static_layer": {"a": True}}, ADMIN]


@pytest.mark.parametrize(
    ("written", "key", "layers"),
    [
        ({}, "layered_runtime", [MINE]),  # then values cannot be set by the admin API, as before
        ({"layered_runtime": None}, "layered_runtime", [MINE]),
        ({"layered_runtime": {}}, "layered_runtime", [ADMIN, MINE]),  # and here Envoy lets them be set
        ({"layered_runtime": {"layers": []}}, "layered_runtime", [ADMIN, MINE]),
        ({"layered_runtime": {"layers": THEIRS}}, "layered_runtime", [*THEIRS, MINE]),
        ({"layeredRuntime": {"layers": THEIRS}}, "layeredRuntime", [*THEIRS, MINE]),
        ({"layeredRuntime": None}, "layered_runtime", [MINE]),
        (
            {"layered_runtime": {"layers": [{"name": "mine", "static_layer": {}}, {"name": "mine-2"}]}},
            "layered_runtime",
            [{"name": "mine", "static_layer": {}}, {"name": "mine-2"}, MINE | {"name": "mine-3"}],
        ),
    ],
)
def test_it_is_the_last_one_beside_those_that_there_are(
    folder: Callable[..., Path], written: dict[str, Any], key: str, layers: list[dict[str, Any]]
) -> None:
    scenario = load(folder({"envoy.yaml": ENVOY + (yaml.safe_dump(written) if written else "")}))

    config = scenario.edited(with_layer(scenario, "mine", {"a": False})).config("envoy.yaml")

    assert isinstance(config, dict)
    assert {each: config[each] for each in config if "untime" in each} == {key: {"layers": layers}}


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("layered_runtime: [a]\n", "envoy.yaml: layered_runtime must be a mapping"),
        ("layered_runtime: {layers: {name: a}}\n", "envoy.yaml: layered_runtime.layers must be a list"),
    ],
)
def test_what_is_no_bootstrap_is_refused(folder: Callable[..., Path], written: str, message: str) -> None:
    scenario = load(folder({"envoy.yaml": ENVOY + written}))
    with pytest.raises(BadInputError, match=message):
        with_layer(scenario, "mine", {})
