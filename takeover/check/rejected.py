"""What Envoys make of the configuration as a whole, and what one that rejects it does not take of it."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import msgspec

from takeover.check.coverage.taken_apart import texts
from takeover.check.own_words import OwnWords
from takeover.check.records import Given, Resource
from takeover.check.served import served_files, with_served
from takeover.check.without import LISTS, every, needing
from takeover.envoy.rejection import Rejection, rejection
from takeover.inventory.configs import Config, configs, said, validation, warnings_of
from takeover.model.document import Breakdown, ConfigResult
from takeover.model.json import JsonObject
from takeover.node.bare_node import BareNode, bare_node
from takeover.scenario.envoy_config import either
from takeover.scenario.library import Library

Number = tuple[str, int]
"""A resource of the bootstrap, or one that is served: its list's key, and its number among `every` one of them."""

_NAMED = re.compile(r"static_resources\.(listeners|clusters)\[(\d+)\]")
_IN_WORDS = {
    "Listener": "listener",
    "Cluster": "cluster",
    "RouteConfiguration": "route configuration",
    "ScopedRouteConfiguration": "scoped route configuration",
    "ClusterLoadAssignment": "endpoints of",
    "Secret": "secret",
    "TypedExtensionConfig": "extension config",
}
_MOST_TRIED = 64
_SHORTEST_TEXT = 4
_ASKED = "asked.yaml"
_LONGEST_TEXT = 2_000_000  # bytes: of a longer one no lines are told


@dataclass(frozen=True)
class Verdict:
    """What an Envoy makes of a configuration.

    Args:
        culprit: what it does not take, where that can be told.
        starts: whether it serves at all; of what is served to it, it goes on without what it does not take.
        is_of_all: whether it was asked about the listeners and clusters that are served, too.
    """

    taken: ConfigResult
    line: int | None = None
    culprit: Number | None = None
    starts: bool = True
    is_of_all: bool = True


def verdict(binary: Path, library: Library, given: Given) -> Verdict:
    """Whether Envoy takes the configuration of the library's only scenario, and what not.

    Args:
        given: what it was made of: lines are those of what the user wrote.

    Raises: TakeoverError when Envoy neither takes nor rejects it within a minute.
    """
    alone = next(each for each in configs(library) if each.source == "manifest")
    whole = with_served(alone, library, given)
    asked = library.folder / alone.scenario / _ASKED
    asked.touch()
    is_of_all = whole is not alone or not served_files(library.folder / alone.scenario)
    with bare_node(binary, alone.path, asked, *whole.files.values()) as node:
        words = OwnWords(given)
        tried = _Trial(node, binary, whole, _text(given), words, asked)
        loads, told = tried.of(_content(whole))
        if not loads and told is None and whole is not alone:
            # What only a validation ends of: a run tells what Envoy makes of it when it is served.
            is_of_all = False
            loads, told = tried.of(_content(alone))
        told = told if loads or told is not None else Rejection(tried.ended, None)
        result = ConfigResult(alone.scenario, "manifest", loads, _error(told, words), tried.warnings)
        if told is None:
            return Verdict(result, is_of_all=is_of_all)
        culprit = _culprit(tried, _content(whole), told, given)
        starts = culprit is not None or (whole is not alone and tried.of(_content(alone))[0])
        return Verdict(result, told.line, culprit, starts, is_of_all)


def told(resource: Resource) -> str:
    """A resource in words."""
    message = resource.type_url.rpartition(".")[2]
    return f"{_IN_WORDS.get(message, message)} {resource.name}"


class _Trial:
    """Asks one Envoy about configurations."""

    def __init__(self, node: BareNode, binary: Path, config: Config, text: str, words: OwnWords, asked: Path) -> None:
        self._node, self._binary, self._config, self._asked = node, binary, config, asked
        self._text, self._words = text, words
        self.warnings: list[str] = []
        self.ended = ""

    def of(self, content: JsonObject) -> tuple[bool, Rejection | None]:
        """Whether it takes that, and why not: None for one that ends without a word, `ended` says how."""
        self._asked.write_bytes(msgspec.json.encode(content))  # the node sees this file: no command line is so long
        ended = validation(self._node, self._binary, "-c", str(self._asked), *self._config.options)
        log = self._config.as_named_there(ended.log)
        self.warnings = list(dict.fromkeys(warnings_of(log)))
        if ended.exit_code == 0:
            return True, None
        if (found := rejection(log, self._text)) is not None:
            return False, found
        if told := said(log, self._text):
            # It may be told over many lines, and is compared with what is said of another attempt.
            return False, Rejection(self._words.of(" ".join(told.split())), None)
        self.ended = str(Breakdown("", "ended", ended.exit_code))
        return False, None


def _culprit(trial: _Trial, content: JsonObject, rejected: Rejection, given: Given) -> Number | None:
    """The resource that the message names, or else one without which it is taken, or refused for another reason."""
    if named := _NAMED.search(rejected.what):
        found = named[1], int(named[2])
        return found if found[1] < len(every(given, found[0])) else None
    candidates = [(key, number) for key in LISTS for number in range(len(every(given, key)))]
    # Those by whose names the message may know them come first.
    candidates.sort(key=lambda each: not _is_named(every(given, each[0])[each[1]], rejected.what))
    for key, number in candidates[:_MOST_TRIED]:
        loads, other = trial.of(_less(content, [(key, number)]))
        # One that ends of it without a word says as little each time.
        said = other.what if other is not None else trial.ended
        is_missed = not loads and _is_missed(every(given, key)[number], said, rejected.what)
        if is_missed and _is_without_those_that_need_it(trial, content, (key, number), rejected, given):
            return key, number
        if loads or (said != rejected.what and not is_missed):
            return key, number
    # Several have the same fault: one after the other.
    return next((each for each in candidates if _has_what(every(given, each[0])[each[1]], rejected.what)), None)


def _is_without_those_that_need_it(
    trial: _Trial, content: JsonObject, resource: Number, rejected: Rejection, given: Given
) -> bool:
    """Whether the fault goes with the resource, and stays where only those go that need it."""
    others = needing(given, resource)
    _, with_it = trial.of(_less(content, others))
    if not others or with_it is None or with_it.what != rejected.what:
        return False
    loads, told = trial.of(_less(content, [resource, *others]))
    return loads or told is None or told.what != rejected.what


def _is_missed(resource: Resource, message: str, before: str) -> bool:
    """Whether that is only said because it is away, as of a cluster that others need."""
    name = f"'{resource.name}'"
    return name in message and name not in before


def _has_what(resource: Resource, message: str) -> bool:
    """Whether a text that stands in it is in the message in quotes, or ends it."""
    return any(
        len(text) >= _SHORTEST_TEXT and (message.endswith(text) or f"'{text}'" in message)
        for text in texts(resource.data)
    )


def _content(config: Config) -> JsonObject:
    content = config.content
    assert isinstance(content, dict)
    return content


def _is_named(resource: Resource, message: str) -> bool:
    address = resource.data.get("address")
    socket_address = address.get("socket_address") if isinstance(address, dict) else None
    port = socket_address.get("port_value") if isinstance(socket_address, dict) else None
    return f"'{resource.name}'" in message or (port is not None and f":{port}'" in message)


def _less(content: JsonObject, gone: Collection[Number]) -> JsonObject:
    there = "static_resources" if "static_resources" in content else "staticResources"
    resources: JsonObject = dict(content.get(there) or {})
    for key in {key for key, _ in gone}:
        listed = either(resources, key)
        assert isinstance(listed, list)
        resources[key] = [each for place, each in enumerate(listed) if (key, place) not in gone]
    return {**content, there: resources}


def _error(rejected: Rejection | None, words: OwnWords) -> str:
    if rejected is None:
        return ""
    return words.of(rejected.what + (f" (line {rejected.line})" if rejected.line else ""))


def _text(given: Given) -> str:
    """What the user wrote, where Envoy's message can be about places in it."""
    if given.kind != "bootstrap" or given.source.stat().st_size > _LONGEST_TEXT:
        return ""
    return given.source.read_text(encoding="utf-8", errors="replace")
