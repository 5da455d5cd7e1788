"""What a control plane serves in a world, as a part of the bootstrap: Envoy says what it makes of it before a run."""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from takeover.check.records import Given
from takeover.check.without import LISTS, static
from takeover.inventory.configs import Config
from takeover.model.json import JsonObject
from takeover.scenario.envoy_config import either
from takeover.scenario.library import Library

_LONGEST = 8_000_000
"""Bytes of all of it together; of more nothing is asked before the run."""


def with_served(config: Config, library: Library, given: Given) -> Config:
    """The config with the listeners and clusters that are served in its lists, in the order of `every` one given.

    What else is served stays with the control plane: see `refused`.
    """
    texts = [each.read_text(encoding="utf-8") for each in served_files(library.folder / config.scenario)]
    if not texts or sum(map(len, texts)) > _LONGEST:
        return config
    scenario = library.scenario(config.scenario)
    [place] = scenario.envoys
    mounted = {there: here for there, here in scenario.mounted_files(place).items() if _names(texts, there)}
    for there, here in mounted.items():
        named = msgspec.json.encode(str(here)).decode()
        texts = [each.replace(_quoted(there), named) for each in texts]
    served = [each for text in texts for each in msgspec.json.decode(text)["resources"]]
    content: JsonObject = dict(config.content) if isinstance(config.content, dict) else {}
    field = "staticResources" if "staticResources" in content else "static_resources"
    content[field] = _filled(content.get(field) or {}, served, given)
    return dataclasses.replace(config, content=content, files={**config.files, **mounted})


def served_files(folder: Path) -> list[Path]:
    """What the control plane of a world's folder has, in order, each `{"resources": [{"@type": …}, …]}`."""
    return sorted((folder / "config").glob("served-*.json"), key=_number)


def _filled(there: Mapping[str, object], served: list[JsonObject], given: Given) -> JsonObject:
    filled = dict(there)
    for key, url in LISTS.items():
        found = either(there, key)
        listed = list(found) if isinstance(found, list) else []
        names = {each.get("name") for each in listed if isinstance(each, dict)}
        own = len(static(given, key))  # what follows is of the world
        filled[key] = [*listed[:own], *_of_type(served, url, names), *listed[own:]]
    return filled


def _of_type(served: list[JsonObject], url: str, names: set[object]) -> Iterator[JsonObject]:
    for each in served:
        if each["@type"] == url and each.get("name") not in names:
            yield {key: value for key, value in each.items() if key != "@type"}


def _names(texts: list[str], path: str) -> bool:
    return any(_quoted(path) in each for each in texts)


def _quoted(path: str) -> str:
    return msgspec.json.encode(path).decode()


def _number(path: object) -> int:
    return int(str(path).rpartition("-")[2].removesuffix(".json"))
