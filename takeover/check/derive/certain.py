"""Makes certain by runtime, beside a configuration, what it leaves to chance."""

from collections.abc import Iterator, Mapping
from typing import Any

from takeover.check.derive.route_reading import share_at_run_time
from takeover.check.messages import inner, message_of, objects
from takeover.check.records import Different, Given
from takeover.check.shares import COPIES, settled, share_of
from takeover.check.trees import FRACTION
from takeover.model.json import JsonObject
from takeover.scenario.runtime_layers import ADMIN, FIELD, layers_of

_FILE = "envoy.yaml"
_LAYER = "takeover"
_TRACING = {
    "client_sampling": "tracing.client_enabled", "random_sampling": "tracing.random_sampling",
    "overall_sampling": "tracing.global_enabled",
}  # fmt: skip
_FAULTS = {
    "abort": ("abort_percent_runtime", "fault.http.abort.abort_percent"),
    "delay": ("delay_percent_runtime", "fault.http.delay.fixed_delay_percent"),
}
_FAULT = "envoy.extensions.filters.http.fault.v3.HTTPFault"


class Certain:
    """What is made certain.

    Attributes:
        runtime: runtime keys with values, those of the configuration's own static layers included.
        edits: of the scenario, for each group of probes.
        different: what is not as in production by that.
    """

    def __init__(self, given: Given) -> None:
        self.runtime: dict[str, object] = dict(runtime_of(given.bootstrap))
        self.edits: list[JsonObject] = []
        self.different: list[Different] = []
        added: dict[str, int] = {}
        for each in given.resources:
            if not each.is_inline:
                for key, value in _shares(each.data, self.runtime):
                    added.setdefault(key, value)
        self.runtime |= added
        if added:
            self.edits.append(_layer(given.bootstrap, added))
            what = ", ".join(f"{key}: {value}" for key, value in sorted(added.items())[:10])
            more = f" and {len(added) - 10} more" if len(added) > 10 else ""
            why = "a share of requests is either all or none, so that each is the same every time"
            self.different.append(Different(what=f"a layer of runtime sets {what}{more}", why=why))


def left_to_chance(config: Any, runtime: Mapping[str, object]) -> bool:
    """Whether a filter's config has a share that is neither all nor none, whatever runtime says."""
    if isinstance(config, list):
        return any(left_to_chance(each, runtime) for each in config)
    if not isinstance(config, dict) or message_of(config) in (_FAULT, FRACTION):
        return False  # of a fault runtime says it, and of a share of values these do
    if isinstance(config.get("default_value"), dict) and "numerator" in config["default_value"]:
        return 0 < share_at_run_time(config, runtime) < 1
    if "numerator" in config:
        return 0 < share_of(config) < 1
    return any(left_to_chance(each, runtime) for each in config.values())


def _layer(bootstrap: JsonObject, values: Mapping[str, int]) -> JsonObject:
    """The edit that adds a layer of runtime with those values."""
    layer = {"name": _LAYER, "static_layer": dict(sorted(values.items()))}
    before = layers_of(bootstrap, _FILE)
    if before is None:
        return {"in": _FILE, "add": "$", "key": FIELD, "with": {"layers": [layer]}}
    if before == [ADMIN]:  # unsaid, it would go with the first one that is said
        runtime = bootstrap[FIELD]
        return {"in": _FILE, "replace": f"$.{FIELD}", "with": {**runtime, "layers": [*before, layer]}}
    return {"in": _FILE, "append": f"$.{FIELD}.layers", "with": layer}


def _shares(data: Any, runtime: Mapping[str, object]) -> Iterator[tuple[str, int]]:
    """Runtime keys of shares that are neither all nor none, each with what it is nearer to, in per cent."""
    if isinstance(data, list):
        for each in data:
            yield from _shares(each, runtime)
    if not isinstance(data, dict) or message_of(data) == FRACTION:
        return
    for policy in objects(data.get(COPIES)):
        share = share_at_run_time(fraction := inner(policy, "runtime_fraction"), runtime, copies=True)
        if 0 < share < 1:
            yield str(fraction["runtime_key"]), round(settled(share, copies=True) * 100)
    if (key := data.get("runtime_key")) and isinstance(data.get("default_value"), dict):
        share = share_at_run_time(data, runtime)
        if 0 < share < 1:
            yield str(key), round(settled(share) * 100)
    for field, key in _TRACING.items():
        if isinstance(percent := data.get(field), dict) and 0 < float(percent.get("value", 0)) < 100:
            yield key, 100
    if str(data.get("@type", "")).endswith(_FAULT):
        for field, (named, usual) in _FAULTS.items():
            share = share_of(data.get(field, {}).get("percentage", {}))
            if 0 < share < 1:
                yield str(data.get(named) or usual), 0
    for value in data.values():
        if isinstance(value, dict | list):
            yield from _shares(value, runtime)


def runtime_of(bootstrap: JsonObject) -> Mapping[str, object]:
    """The values of runtime keys that static layers set, later layers over earlier ones."""
    values: dict[str, object] = {}
    for layer in bootstrap.get("layered_runtime", {}).get("layers", ()):
        values |= dict(_flat(layer.get("static_layer", {})))
    return values


def _flat(layer: JsonObject, before: str = "") -> Iterator[tuple[str, object]]:
    for key, value in layer.items():
        name = f"{before}.{key}" if before else key
        yield name, value
        if isinstance(value, dict):
            yield from _flat(value, name)
