"""What Envoys make of the configuration as a whole, and what one that rejects it does not take of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from takeover.check.records import Given, Resource
from takeover.check.without import LISTS, static
from takeover.envoy.rejection import Rejection, rejection
from takeover.inventory.configs import Config, configs, error_of, validation, warnings_of
from takeover.model.document import Breakdown, ConfigResult
from takeover.model.json import JsonObject
from takeover.node.bare_node import BareNode, bare_node
from takeover.probes.normal_rules import own_words_without_chance
from takeover.scenario.envoy_config import either
from takeover.scenario.library import Library

Number = tuple[str, int]
"""A resource of the bootstrap: its list's key, and its number there."""

_NAMED = re.compile(r"static_resources\.(listeners|clusters)\[(\d+)\]")
_MOST_TRIED = 64
_LONGEST_TEXT = 2_000_000  # bytes: of a longer one no lines are told


@dataclass(frozen=True)
class Verdict:
    """What an Envoy makes of a configuration.

    Args:
        culprit: what it does not take, where that can be told.
    """

    taken: ConfigResult
    line: int | None = None
    culprit: Number | None = None


def verdict(binary: Path, library: Library, given: Given) -> Verdict:
    """Whether Envoy takes the configuration of the library's only scenario, and what not.

    Args:
        given: what it was made of: lines are those of what the user wrote.

    Raises: TakeoverError when Envoy neither takes nor rejects it within a minute.
    """
    config = next(each for each in configs(library) if each.source == "manifest")
    with bare_node(binary, config.path, *config.files.values()) as node:
        tried = _Trial(node, binary, config, _text(given))
        loads, told = tried.of(_content(config))
        result = ConfigResult(config.scenario, "manifest", loads, _error(told), tried.warnings)
        if told is None:
            return Verdict(result)
        return Verdict(result, told.line, _culprit(tried, _content(config), told, given))


def told(resource: Resource) -> str:
    """A resource in words."""
    kind = next(key.removesuffix("s") for key, url in LISTS.items() if url == resource.type_url)
    return f"{kind} {resource.name}"


class _Trial:
    """Asks one Envoy about configurations."""

    def __init__(self, node: BareNode, binary: Path, config: Config, text: str) -> None:
        self._node, self._binary, self._config, self._text = node, binary, config, text
        self.warnings: list[str] = []

    def of(self, content: JsonObject) -> tuple[bool, Rejection | None]:
        """Whether it takes that, and why not."""
        text = msgspec.json.encode(content).decode()
        ended = validation(self._node, self._binary, "--config-yaml", text, *self._config.options)
        log = self._config.as_named_there(ended.log)
        self.warnings = list(dict.fromkeys(warnings_of(log)))
        if ended.exit_code == 0:
            return True, None
        if (found := rejection(log, self._text)) is not None:
            return False, found
        # An Envoy that ends of a configuration without a word says as little each time.
        return False, Rejection(error_of(log, self._text) or str(Breakdown("", "ended", ended.exit_code)), None)


def _culprit(trial: _Trial, content: JsonObject, rejected: Rejection, given: Given) -> Number | None:
    """The resource that the message names, or else one without which it is taken, or refused for another reason."""
    if named := _NAMED.search(rejected.what):
        found = named[1], int(named[2])
        return found if found[1] < len(static(given, found[0])) else None
    candidates = [(key, number) for key in LISTS for number in range(len(static(given, key)))]
    # Those by whose names the message may know them come first.
    candidates.sort(key=lambda each: not _is_named(static(given, each[0])[each[1]], rejected.what))
    for key, number in candidates[:_MOST_TRIED]:
        loads, other = trial.of(_less(content, key, number))
        if loads or (other is not None and other.what != rejected.what):
            return key, number
    return None


def _is_named(resource: Resource, message: str) -> bool:
    address = resource.data.get("address")
    socket_address = address.get("socket_address") if isinstance(address, dict) else None
    port = socket_address.get("port_value") if isinstance(socket_address, dict) else None
    return f"'{resource.name}'" in message or (port is not None and f":{port}'" in message)


def _less(content: JsonObject, key: str, number: int) -> JsonObject:
    there = "static_resources" if "static_resources" in content else "staticResources"
    resources: Mapping[str, object] = content.get(there) or {}
    listed = either(resources, key)
    assert isinstance(listed, list)
    return {**content, there: {**resources, key: [each for place, each in enumerate(listed) if place != number]}}


def _content(config: Config) -> JsonObject:
    content = config.content
    assert isinstance(content, dict)
    return content


def _error(rejected: Rejection | None) -> str:
    if rejected is None:
        return ""
    return own_words_without_chance(rejected.what + (f" (line {rejected.line})" if rejected.line else ""))


def _text(given: Given) -> str:
    """What the user wrote, where Envoy's message can be about places in it."""
    if given.kind != "bootstrap" or given.source.stat().st_size > _LONGEST_TEXT:
        return ""
    return given.source.read_text(encoding="utf-8", errors="replace")
