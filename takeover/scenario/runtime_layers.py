"""The layers of runtime that a bootstrap config has, and one more: of a key's values that of the last layer wins."""

from collections.abc import Iterable, Mapping
from typing import Final

from takeover.base.errors import BadInputError
from takeover.scenario import edits
from takeover.scenario.edits import Edit
from takeover.scenario.envoy_config import camel_case, mapping
from takeover.scenario.loader import Scenario
from takeover.scenario.typed_yaml import Json

FIELD: Final = "layered_runtime"
ADMIN: Final[dict[str, Json]] = {"name": "admin", "admin_layer": {}}
"""Values that the admin API sets. A `layered_runtime` without layers has it unsaid; without that field none has it."""


def layers_of(config: Json, where: str) -> list[Json] | None:
    """The layers in their order, with the one that Envoy adds to none; None where the field is not there.

    Args:
        config: a bootstrap.
        where: what it is called in an error.

    Raises: BadInputError where the config is no bootstrap.
    """
    data = mapping(config, where, "a bootstrap")
    runtime = data.get(_key(data))
    if runtime is None:
        return None
    layers = mapping(runtime, where, FIELD).get("layers") or [ADMIN]
    if not isinstance(layers, list):
        raise BadInputError(f"{where}: {FIELD}.layers must be a list: Envoy's config has one there")
    return layers


def layer(name: str, values: Mapping[str, Json], beside: Iterable[Json] = ()) -> dict[str, Json]:
    """A layer of those values. It is called so, or as none `beside` it is: Envoy takes no two of one name."""
    taken = {each.get("name") for each in beside if isinstance(each, dict)}
    names = (name if number == 1 else f"{name}-{number}" for number in range(1, len(taken) + 2))
    return {"name": next(each for each in names if each not in taken), "static_layer": {**values}}


def with_layer(scenario: Scenario, name: str, values: Mapping[str, Json]) -> list[Edit]:
    """What gives the configs of a scenario's Envoys such a layer, the last one, beside those that they have.

    Raises: BadInputError, as `layers_of`.
    """
    made: list[Edit] = []
    for file in dict.fromkeys(each.config for each in scenario.envoys):
        before = layers_of(scenario.config(file), file)
        after = [*(before or ()), layer(name, values, before or ())]
        config = mapping(scenario.config(file), file, "a bootstrap")
        key = _key(config)
        if before is not None:
            runtime = mapping(config[key], file, FIELD)
            made.append(edits.replace(file, f"$.{key}", {**runtime, "layers": after}))
            continue
        if key in config:  # as null, which is of another type
            made.append(edits.remove(file, f"$.{key}"))
        made.append(edits.add(file, "$", FIELD, {"layers": after}))
    return made


def _key(config: Mapping[str, Json]) -> str:
    """How the field is written there."""
    return FIELD if FIELD in config else camel_case(FIELD)
