"""Whether an Envoy takes the project's configs: `envoy --mode validate`, with its error and its warnings."""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from takeover.base.errors import BadInputError, TakeoverError
from takeover.base.paths import display_path
from takeover.envoy.config_given import with_config
from takeover.envoy.rejection import rejection
from takeover.model.document import ConfigResult
from takeover.node.bare_node import BareNode, bare_node
from takeover.probes.own_words import own_words_without_chance
from takeover.scenario.files import own_file, read_text, yaml_files
from takeover.scenario.library import Library
from takeover.scenario.loader import Scenario
from takeover.scenario.names import wrong_label_value
from takeover.scenario.places import EnvoyPlace
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
        content: what is in it, where each of `files` is named by its place here, and what Secrets hold stands itself.
            Only of a manifest: what was written for Envoy v1.21 is for Envoy to read.
        needs: the extensions without which its scenario does not support an Envoy.
        files: what it names that its container gets from ConfigMaps: path there → file here.
        holds_secrets: whether `content` does, which stand elsewhere than in its file.
        options: what its Envoy's command line tells beside it, of who it is.
    """

    scenario: str
    source: Literal["manifest", "as-written"]
    path: Path
    content: Json = None
    needs: tuple[str, ...] = ()
    files: Mapping[str, Path] = field(default_factory=dict)
    holds_secrets: bool = False
    options: tuple[str, ...] = ()

    def text(self) -> str:
        """What is written, each of `files` named by its place here; with Secrets, as JSON."""
        if self.holds_secrets:
            return msgspec.json.encode(self.content).decode()
        text = self.path.read_text(encoding="utf-8")
        for there, here in self.files.items():
            text = text.replace(there, str(here))
        return text

    def as_named_there(self, text: str) -> str:
        """What somebody says of it, without the places that its files have here."""
        for there, here in self.files.items():
            text = text.replace(str(here), there)
        return text


def configs(library: Library, scenarios: Iterable[str] | None = None) -> list[Config]:
    """All there are, sorted: of a scenario its Envoys', the first by its name; as-written ones by their file's.

    Args:
        library: where they are.
        scenarios: whose; of all if it is None.
    """
    found = []
    for name in library.names() if scenarios is None else sorted(scenarios):
        scenario = library.scenario(name)
        first, *others = {each.config: each for each in scenario.envoys}.values()
        named = [(name, first), *((f"{name}/{each.config}", each) for each in others)]
        found += [_manifest(called, scenario, each) for called, each in named]
    folder = library.folder / _AS_WRITTEN
    return [*found, *(_as_written(folder, path.name, library) for path in yaml_files(folder))]


def _manifest(called: str, scenario: Scenario, envoy: EnvoyPlace) -> Config:
    path, own = scenario.config_path(envoy.config), scenario.config(envoy.config)
    content = _with_contents(own, scenario.mounted_secrets(envoy))
    written = msgspec.json.encode(content).decode()
    mounted = {there: here for there, here in scenario.mounted_files(envoy).items() if f'"{there}"' in written}
    for there, here in mounted.items():
        written = written.replace(f'"{there}"', msgspec.json.encode(str(here)).decode())
    needs = scenario.supports.extensions if scenario.supports else ()
    content, is_other = msgspec.json.decode(written) if mounted else content, content != own
    return Config(called, "manifest", path, content, needs, mounted, is_other, scenario.who_it_is(envoy))


def _with_contents(config: Json, contents: Mapping[str, bytes]) -> Json:
    """The config with what Secrets hold in the place of their files' names (DataSource): it is written nowhere."""
    match config:
        case {"filename": str(there)} if there in contents:
            return {"inline_bytes": b64encode(contents[there]).decode()}
        case dict():
            return {key: _with_contents(value, contents) for key, value in config.items()}
        case list():
            return [_with_contents(each, contents) for each in config]
        case _:
            return config


def _as_written(folder: Path, name: str, library: Library) -> Config:
    path = own_file(folder, name, library.roots)
    if wrong := wrong_label_value(path.stem):
        raise BadInputError(f"{display_path(folder)}: a file's name {wrong}")
    read_text(path)  # Envoy is to read it, and would wait for a pipe's writer
    return Config(path.stem, "as-written", path)


def validated(binary: Path, library: Library, scenarios: Iterable[str] | None = None) -> list[ConfigResult]:
    """For each config, of these scenarios or of all, whether Envoy takes it.

    Raises: TakeoverError when Envoy neither takes nor rejects one within a minute.
    """
    there = configs(library, scenarios)
    files = [path for each in there for path in (each.path, *each.files.values())]
    with bare_node(binary, *files) as node, ThreadPoolExecutor(2, "validate") as pool:
        return list(pool.map(lambda config: _validated(node, binary, config), there))


@dataclass(frozen=True)
class Validation:
    """How `envoy --mode validate` ended, and what it wrote to stderr."""

    exit_code: int
    log: str


def validation(node: BareNode, binary: Path, *options: str, config: str | None = None) -> Validation:
    """`envoy --mode validate` with these options, such as `-c FILE`, or of the text `config`.

    Raises: TakeoverError when it does not end.
    """
    command, stdin = [str(binary), "--mode", "validate", *options], b""
    if config is not None:
        command, stdin = with_config(node, command, config)
    try:
        ended = node.run(command, stdin, timeout=_DEADLINE)
    except TimeoutError:
        raise TakeoverError(f"{' '.join(command)[:_LONGEST_COMMAND]} had not ended after {_DEADLINE} s") from None
    return Validation(ended.exit_code, ended.stderr.decode(errors="replace"))


def _validated(node: BareNode, binary: Path, config: Config) -> ConfigResult:
    if config.files or config.holds_secrets:
        ended = validation(node, binary, *config.options, config=config.text())
    else:
        ended = validation(node, binary, "-c", str(config.path), *config.options)
    loads, log = ended.exit_code == 0, config.as_named_there(ended.log)
    error = "" if loads else error_of(log, config.path.read_text(encoding="utf-8"))
    if not loads and not error:
        raise TakeoverError(f"{binary} --mode validate -c {config.path} ended with {ended.exit_code} without a word")
    warnings = list(dict.fromkeys(warnings_of(log)))
    return ConfigResult(config.scenario, config.source, loads, error, warnings)


def error_of(log: str, text: str) -> str:
    """Why Envoy does not take a config, by its log and the config's text; empty where it does not say."""
    return own_words_without_chance(said(log, text))


def said(log: str, text: str) -> str:
    """The same with what is of chance in it."""
    if told := rejection(log, text):
        return told.what + (f" (line {told.line})" if told.line else "")
    found = _ERROR.search(log)
    return found[1].strip() if found else ""


def warnings_of(log: str) -> Iterator[str]:
    """Each warning, without Envoy's advice on deprecated fields, which is the same in all."""
    for line in log.splitlines():
        if _WARNING.match(line):
            yield _ADVICE.sub("", own_words_without_chance(line))
