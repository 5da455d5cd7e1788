"""Whether an Envoy takes the project's configs: `envoy --mode validate`, with its error and its warnings."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from takeover.base.errors import BadInputError, TakeoverError
from takeover.base.paths import display_path
from takeover.envoy.rejection import rejection
from takeover.model.document import ConfigResult
from takeover.node.bare_node import BareNode, bare_node
from takeover.probes.normal_form import own_words_without_chance
from takeover.scenario.files import own_file, read_text
from takeover.scenario.library import Library
from takeover.scenario.names import wrong_label_value
from takeover.scenario.typed_yaml import Json

_AS_WRITTEN = "as-written"
_DEADLINE = 60
_LONGEST_COMMAND = 200  # in a message: a config may be a part of it
_WARNING = re.compile(r"^\[[^\]]*\]\[\d+\]\[(warning|error)\]\[(?!envoy_bug)", re.MULTILINE)
_ERROR = re.compile(
    r"\[critical\].*? error initializing configuration '.*?': (.*?)(?=^\[|\Z)", re.MULTILINE | re.DOTALL
)
_ADVICE = re.compile(r"(?<=\.) (This configuration will be removed|If continued use|Please see).*", re.DOTALL)


@dataclass(frozen=True)
class Config:
    """A config of a library: a scenario's, or the article's as it was written for Envoy v1.21.

    Args:
        content: what is in it. Only of a manifest: what was written for Envoy v1.21 is for Envoy to read.
    """

    scenario: str
    source: Literal["manifest", "as-written"]
    path: Path
    content: Json = None


def configs(library: Library) -> list[Config]:
    """All there are, sorted: of a scenario its Envoys', the first by its name; as-written ones by their file's."""
    found = []
    for name in library.names():
        scenario = library.scenario(name)
        first, *others = dict.fromkeys(each.config for each in scenario.envoys)
        named = [(name, first), *((f"{name}/{each}", each) for each in others)]
        found += [
            Config(called, "manifest", scenario.config_path(each), scenario.config(each)) for called, each in named
        ]
    folder = library.folder / _AS_WRITTEN
    return [*found, *(_as_written(folder, path.name, library) for path in sorted(folder.glob("*.yaml")))]


def _as_written(folder: Path, name: str, library: Library) -> Config:
    path = own_file(folder, name, library.roots)
    if wrong := wrong_label_value(path.stem):
        raise BadInputError(f"{display_path(folder)}: a file's name {wrong}")
    read_text(path)  # Envoy is to read it, and would wait for a pipe's writer
    return Config(path.stem, "as-written", path)


def validated(binary: Path, library: Library) -> list[ConfigResult]:
    """For each config whether Envoy takes it.

    Raises: TakeoverError when Envoy neither takes nor rejects one within a minute.
    """
    there = configs(library)
    with bare_node(binary, *(each.path for each in there)) as node, ThreadPoolExecutor(2, "validate") as pool:
        return list(pool.map(lambda config: _validated(node, binary, config), there))


@dataclass(frozen=True)
class Validation:
    """How `envoy --mode validate` ended, and what it wrote to stderr."""

    exit_code: int
    log: str


def validation(node: BareNode, binary: Path, *config: str) -> Validation:
    """`envoy --mode validate` of what `config` names: `-c FILE`, or `--config-yaml TEXT`.

    Raises: TakeoverError when it does not end.
    """
    command = [str(binary), "--mode", "validate", *config]
    try:
        ended = node.run(command, timeout=_DEADLINE)
    except TimeoutError:
        raise TakeoverError(f"{' '.join(command)[:_LONGEST_COMMAND]} had not ended after {_DEADLINE} s") from None
    return Validation(ended.exit_code, ended.stderr.decode(errors="replace"))


def _validated(node: BareNode, binary: Path, config: Config) -> ConfigResult:
    ended = validation(node, binary, "-c", str(config.path))
    loads = ended.exit_code == 0
    error = "" if loads else _error(ended.log, config.path)
    if not loads and not error:
        raise TakeoverError(f"{binary} --mode validate -c {config.path} ended with {ended.exit_code} without a word")
    warnings = list(dict.fromkeys(_warnings(ended.log)))
    return ConfigResult(config.scenario, config.source, loads, error, warnings)


def _error(log: str, path: Path) -> str:
    if told := rejection(log, path.read_text(encoding="utf-8")):
        return own_words_without_chance(told.what + (f" (line {told.line})" if told.line else ""))
    found = _ERROR.search(log)
    return own_words_without_chance(found[1].strip()) if found else ""


def _warnings(log: str) -> Iterator[str]:
    """Each warning, without Envoy's advice on deprecated fields, which is the same in all."""
    for line in log.splitlines():
        if _WARNING.match(line):
            yield _ADVICE.sub("", own_words_without_chance(line))
