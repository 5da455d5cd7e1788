"""Why Envoy does not start with a config: from its log, in its own words, with the place in our file.

Envoy names a place as a path of fields, as a quoted name, or as a line of a Lua script; never as a line of the file.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

_CRITICAL = re.compile(r"\[critical\].*? error `(.*?)` initializing config", re.DOTALL)
# With xDS it goes on without what it does not take.
_NOT_TAKEN = re.compile(
    r"(?:Filesystem config update (?:rejected|failure):|(?:gRPC|delta) config for \S+ rejected:"
    r"|Unknown field: type \S+ reason INVALID_ARGUMENT:) (.*?)(?=\n\[\d{4}-|\Z)",
    re.DOTALL,
)
_VALIDATING = re.compile(
    r"\[critical\].*? error initializing configuration '.*?': (.*?)(?=^\[\d{4}-|\Z)", re.MULTILINE | re.DOTALL
)
_ASSERTION = re.compile(r"\[critical\].*?assert failure: .*?\. Details: (.*)")
_CAUSES = re.compile(r"Proto constraint validation failed \((.*)\)$")
_WRAPPED = [
    re.compile(r"Unable to parse JSON as proto \(INVALID_ARGUMENT: (.*?)\): \{"),
    re.compile(r"Protobuf message \(type \S+ reason INVALID_ARGUMENT: (.*)\) has unknown fields$"),
]
_JSON_PLACE = re.compile(r"invalid JSON in \S+?( @ (?P<path>\S+?): .*?)?,? near \d+:\d+ \(offset \d+\): (?P<what>.*)")
_SCRIPT_LINE = re.compile(r"\[string \"(?P<begin>.*?)(\.\.\.)?\"\]:(?P<line>\d+):")
_BANNER = re.compile(r"\[info\]\[main\] \[\S+\] (initializing epoch |statically linked extensions:| {2}[\w.]+: )")
_NAME = re.compile(r"(?<!\w)'([^']+)'|malformed IP address: (.+?)(?:\. |$)")


@dataclass(frozen=True)
class Rejection:
    """Args: what: Envoy's own words. line: in the config, from 1; None where it cannot be told."""

    what: str
    line: int | None


def rejection(log: str, config: str) -> Rejection | None:
    """What `log` says of an Envoy that rejected its config, or a part of it; None if it says no such thing.

    Args:
        config: the text of the YAML file that the config comes from.
    """
    found = _CRITICAL.search(log) or _NOT_TAKEN.search(log) or _ASSERTION.search(log) or _of_validation(log)
    if found is None:
        return None
    message = " ".join(found[1].split())  # protobuf puts blanks in at random
    for wrapped in _WRAPPED:
        if inner := wrapped.search(message):
            message = inner[1]
    root = _root(config)
    if causes := _CAUSES.search(message):
        return _constraint(causes[1].split(" | caused by "), root)
    if script := _SCRIPT_LINE.search(message):
        return Rejection(message, _script_line(script["begin"], int(script["line"]), root))
    path = ""
    if place := _JSON_PLACE.search(message):
        path, message = (place["path"] or "").removesuffix(".<any>"), place["what"]
    below = _at(root, path)
    name = _NAME.search(message)
    line = _line_of_name(name[1] or name[2], below, last="duplicate" in message) if name else None
    return Rejection(f"{message} (in {path})" if path else message, line or (_line(below) if path else None))


def _of_validation(log: str) -> re.Match[str] | None:
    """What a validation says with the whole config around the words that matter."""
    found = _VALIDATING.search(log)
    told = " ".join(found[1].split()) if found is not None else ""
    return found if _CAUSES.search(told) or any(each.search(told) for each in _WRAPPED) else None


def _root(config: str) -> yaml.Node | None:
    """The config as it is written; None for one that Envoy's reader of YAML took for what Python's does not."""
    try:
        return yaml.compose(config, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        return None


def without_banner(log: str) -> list[str]:
    """The lines of a log but those that every Envoy begins with: about a hundred, of what it has been built with."""
    return [line for line in log.splitlines() if not _BANNER.search(line)]


def _constraint(causes: list[str], root: yaml.Node | None) -> Rejection:
    """`causes`: "StaticResourcesValidationError.Listeners[0]: …", from the outermost to what is wrong."""
    fields = [cause.partition("ValidationError.")[2].partition(":")[0] for cause in causes]
    path = ".".join(re.sub(r"(?<!^)(?=[A-Z])", "_", field).lower() for field in fields)
    what = causes[-1].partition(": ")[2]
    node = _at(root, path) if causes[0].startswith("Bootstrap") else None
    line = _line(node) or _line_of_name(path.rpartition(".")[2], root)
    return Rejection(f"{path}: {what}", line)


def _at(root: yaml.Node | None, path: str) -> yaml.Node | None:
    """The value at `a.b[0].c`, None if there is none."""
    node = root
    for step in re.findall(r"[^.\[\]]+", path):
        if isinstance(node, yaml.SequenceNode) and step.isdigit() and int(step) < len(node.value):
            node = node.value[int(step)]
        elif isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if same_field(key.value, step)), None)
        else:
            return None
    return node


def same_field(name: str, other: str) -> bool:
    """Field names may be written in snake_case or in camelCase."""
    return name.replace("_", "").lower() == other.replace("_", "").lower()


def _scalars(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    """Each once, also one for which many aliases stand."""
    known, left = set[int](), [node]
    while left:
        node = left.pop()
        if node is None or id(node) in known:
            continue
        known.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            yield node
        elif isinstance(node, yaml.SequenceNode):
            left += reversed(node.value)
        elif isinstance(node, yaml.MappingNode):
            left += [each for pair in reversed(node.value) for each in reversed(pair)]


def _line_of_name(name: str, node: yaml.Node | None, last: bool = False) -> int | None:
    """Where a key or value of that name is, if it is there once; the last of several if that is asked for."""
    lines = [_line(each) for each in _scalars(node) if each.value == name]
    return lines[-1] if lines and (last or len(lines) == 1) else None


def _script_line(begin: str, line: int, root: yaml.Node | None) -> int | None:
    """The line of a script that is a block scalar: its text begins below the "|"."""
    scripts = [each for each in _scalars(root) if each.style == "|" and each.value.startswith(begin)]
    return scripts[0].start_mark.line + 1 + line if len(scripts) == 1 else None


def _line(node: yaml.Node | None) -> int | None:
    return None if node is None else int(node.start_mark.line) + 1
