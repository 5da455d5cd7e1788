"""A corpus of small configurations: which of them an Envoy takes, and what it says of each.

A file of a library's folder `corpus` has one configuration and many variants of it. Listeners, clusters and routes go
to an Envoy that runs, one after the other; a bootstrap config is for `envoy --mode validate`.
"""

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from takeover.base.errors import BadInputError
from takeover.inventory.configs import error_of, validation, warnings_of
from takeover.model.document import ConfigResult
from takeover.node.bare_node import bare_node
from takeover.probes.own_words import own_words_without_chance
from takeover.scenario import edits
from takeover.scenario.edit_tree import apply_edit, value_at
from takeover.scenario.files import own_file, yaml_files
from takeover.scenario.library import Library
from takeover.scenario.names import wrong_label_value
from takeover.scenario.typed_yaml import Entry, Json, Text, read_entry

if TYPE_CHECKING:
    from takeover.envoy.answers import Answer
    from takeover.peers.control_plane.resources import Resource

_FOLDER = "corpus"
_BASE = "base"
_OF_REFUSAL = re.compile(r"\[[^\]]*\]\[\d+\]\[warning\]\[\w+\] \[[^\]]*\] (?:gRPC|delta|\w+:) .*\brejected: ")
_REFUSED = re.compile(r"Error adding/updating (?:listener|cluster)\(s\) \S+: ")
_CONSTRAINT = re.compile(r".*Proto constraint validation failed \((.*)\)")
_MARK = re.compile(r"goo\.gle/debug\w*")


class VariantEntry(Entry, kw_only=True):
    """How a variant differs from its file's `base`.

    Args:
        name: tells it from the others of its file.
        set: place → the value that is there, in the place of another one or besides.
        append: place of a list → what comes after its last value.
        remove: places whose values are not there.
    """

    name: Text
    set: dict[str, Json] = msgspec.field(default_factory=dict)
    append: dict[str, Json] = msgspec.field(default_factory=dict)
    remove: tuple[Text, ...] = ()


class VariantsEntry(Entry, kw_only=True):
    """A file of the corpus. Its places are JSONPath; what begins with no `$` is below `at`.

    Args:
        why: what its variants are there to show.
        base: a resource with its `@type` (a listener, a cluster, routes), or a bootstrap config.
        at: a place in it.
        keep: resources that are there besides, before the first variant.
        variants: of the base.
    """

    why: Text
    base: dict[str, Json]
    at: Text = "$"
    keep: tuple[dict[str, Json], ...] = ()
    variants: tuple[VariantEntry, ...]


@dataclass(frozen=True)
class Variant:
    """A configuration of the corpus.

    Args:
        name: "FILE/NAME".
        where: the "FILE:LINE" where it is written.
    """

    name: str
    where: str
    content: dict[str, Any]


@dataclass(frozen=True)
class Variants:
    """Those of a file. Of resources `keep` are those that are there besides."""

    keep: tuple[dict[str, Json], ...]
    variants: tuple[Variant, ...]

    @property
    def are_resources(self) -> bool:
        """Whether they are resources, and no bootstrap configs."""
        return "@type" in self.variants[0].content


def has_corpus(library: Library) -> bool:
    """Whether the library has such a folder with a file, which is not read for that."""
    return any((library.folder / _FOLDER).glob("*.y*ml"))


def corpus(library: Library) -> tuple[Variants, ...]:
    """The library's, none if it has no such folder. Raises: BadInputError "FILE:LINE: …"."""
    folder = library.folder / _FOLDER
    return tuple(_read(folder, path.name, library) for path in yaml_files(folder))


def _read(folder: Path, name: str, library: Library) -> Variants:
    path = own_file(folder, name, library.roots)
    entry = read_entry(path, VariantsEntry)
    if not entry.variants:
        raise entry.error("there are no variants")
    found = dict[str, Variant]()
    for each in entry.variants:
        if wrong := wrong_label_value(each.name):
            raise each.error(f"a variant's name {wrong}", "name")
        if each.name in found:
            raise each.error(f"a second variant {each.name}; the first is at {found[each.name].where}", "name")
        found[each.name] = Variant(f"{path.stem}/{each.name}", each.where(), _changed(entry, each))
    return Variants(entry.keep, tuple(found.values()))


def _changed(file: VariantsEntry, variant: VariantEntry) -> dict[str, Any]:
    changed: Any = file.base
    try:
        for path, value in variant.set.items():
            for edit in _setting(changed, _whole(file, path), value):
                changed = apply_edit(changed, edit)
        for path, value in variant.append.items():
            changed = apply_edit(changed, edits.append(_BASE, _whole(file, path), value))
        for path in variant.remove:
            changed = apply_edit(changed, edits.remove(_BASE, _whole(file, path)))
    except BadInputError as error:
        raise variant.error(str(error)) from None
    if "@type" in file.base and "name" in file.base and changed.get("name") == file.base["name"]:
        changed = {**changed, "name": variant.name}  # the same one would be an update of the one before
    return dict(changed)


def _whole(file: VariantsEntry, path: str) -> str:
    return path if path.startswith("$") else f"{file.at}.{path}"


def _setting(tree: Any, path: str, value: Json) -> Iterator[edits.Edit]:
    if path.endswith("]"):  # of a list
        yield edits.replace(_BASE, path, value)
        return
    parent, _, key = path.rpartition(".")
    adding = edits.add(_BASE, parent, key, value)
    if value_at(tree, adding) is not edits.MISSING:
        yield edits.remove(_BASE, path)
    yield adding


def taken(binary: Path, library: Library) -> list[ConfigResult]:
    """For each configuration of the library's corpus whether Envoy takes it, and what it says of it.

    Raises: TakeoverError when Envoy does not start with nothing, or neither takes nor refuses a bootstrap config.
    """
    found = list[ConfigResult]()
    files = corpus(library)
    if resources := [each for each in files if each.are_resources]:
        found += _offered(binary, resources)
    bootstraps = [each for file in files if not file.are_resources for each in file.variants]
    if bootstraps:
        with bare_node(binary) as node, ThreadPoolExecutor(2, "validate") as pool:

            def validated(variant: Variant) -> ConfigResult:
                text = msgspec.json.encode(variant.content).decode()
                ended = validation(node, binary, config=text)
                loads = ended.exit_code == 0
                why = error_of(ended.log, "") or f"Envoy ends with exit code {ended.exit_code}"
                return _result(variant, loads, "" if loads else _in_short(why), ended.log)

            found += pool.map(validated, bootstraps)
    return found


def _offered(binary: Path, files: Sequence[Variants]) -> list[ConfigResult]:
    from takeover.envoy.updated import resource, updated_envoy  # needs the protos of xDS, which take long to import

    found = list[ConfigResult]()
    with updated_envoy(binary) as envoy:
        for file in files:
            kept = [resource(each) for each in file.keep]
            envoy.answers(kept, keep=True)
            answers = envoy.answers([_as_resource(each) for each in file.variants])
            for variant, answer in zip(file.variants, answers, strict=True):
                log = "\n".join(line for line in answer.log if not _OF_REFUSAL.match(line))
                found.append(_result(variant, answer.state == "taken", _said(answer), log))
            envoy.remove(kept)
    return found


def _said(answer: "Answer") -> str:
    """Why it is not taken, without the name that each variant has and the config in which a constraint is broken."""
    if answer.state == "taken":
        return ""
    if answer.state != "refused":
        return f"Envoy {answer.state}: {answer.why}"
    return _in_short(_REFUSED.sub("", answer.why))


def _in_short(why: str) -> str:
    """What is wrong, without the config in which it is: that is told, or not, with blanks and marks of chance."""
    why = " ".join(_MARK.sub("", why).split())
    if broken := _CONSTRAINT.fullmatch(why):
        why = broken[1]
    return own_words_without_chance(why.partition("): {")[0])


def _as_resource(variant: Variant) -> "Resource":
    from takeover.envoy.updated import resource

    try:
        return resource(variant.content)
    except BadInputError as error:
        raise BadInputError(f"{variant.where}: {error}") from None


def _result(variant: Variant, loads: bool, error: str, log: str) -> ConfigResult:
    return ConfigResult(variant.name, "corpus", loads, error, list(dict.fromkeys(warnings_of(log))))
