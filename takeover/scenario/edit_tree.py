"""Applies one edit to one tree of JSON data. No tree is changed: an edit gives a new one that shares the rest."""

import json
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from takeover.base.errors import BadInputError
from takeover.scenario.edits import MISSING, OPS, ClusterIp, ConfigId, Edit, HostName
from takeover.scenario.yaml_text import MAX_DEPTH, Key, describe_type, is_json_number

if TYPE_CHECKING:
    from jsonpath import JSONPath, JSONPathEnvironment

_MOST_CHARACTERS = 1_000
_MOST_DESCENTS = 2
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_REPEATED_GROUP = re.compile(r"\)\s*[*+{]")

RUN_VALUES = (ClusterIp, HostName, ConfigId)


def apply_edit(tree: Any, edit: Edit) -> Any:
    """The tree after `edit`. Raises: BadInputError that names document, path and what is there."""
    check_edit(edit)
    parts = _locate(tree, edit)
    match edit.op:
        case "replace":
            return _changed(tree, parts, lambda old: _replaced(old, edit))
        case "add":
            return _changed(tree, parts, lambda old: _added(old, edit))
        case "append":
            return _changed(tree, parts, lambda old: _appended(old, edit))
        case "remove":
            if not parts:
                raise _error(edit, "the whole document cannot be removed")
            return _changed(tree, parts[:-1], lambda parent: _removed(parent, parts[-1], edit))


def value_at(tree: Any, edit: Edit) -> Any:
    """What is at the place that an edit changes; MISSING for a key that is to be added, and what is removed already.

    Raises: BadInputError where its path does not match exactly one place.
    """
    if edit.op == "remove" and not _matches(_compiled(edit.path), tree, edit):
        return MISSING
    found = _at(tree, _locate(tree, edit))
    if edit.op == "add" and isinstance(found, dict):
        return found.get(edit.key, MISSING)
    return found


def equal(a: Any, b: Any) -> bool:
    """Equality of JSON data: true is not 1."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(equal(value, b[key]) for key, value in a.items())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(equal, a, b))
    return bool(a == b)


def check_edit(edit: Edit) -> None:
    """Refuses an edit that no document could take; its types are not trusted. Raises: BadInputError."""
    texts: dict[str, Any] = {"document": edit.document, "path": edit.path}
    for name, text in texts.items():
        if not isinstance(text, str) or not text or not _is_unicode(text):
            raise BadInputError(f"an edit's {name} must be a string, not {ascii(text)[:80]}")
    _check_path(edit)
    if edit.op not in OPS:
        raise _error(edit, f"no such edit: {_brief(edit.op)}; there are {', '.join(OPS)}")
    if edit.op == "add":
        if not isinstance(edit.key, str):
            raise _error(edit, f"add needs a key that is a string, not {_brief(edit.key)}")
        _check_value(edit.key, edit)
    elif edit.key is not None:
        raise _error(edit, f"{edit.op} takes no key")
    if edit.op == "remove" and edit.value is not None:
        raise _error(edit, "remove takes no value")
    if edit.was is not MISSING:
        if edit.op in ("add", "append"):
            raise _error(edit, f"{edit.op} takes no `was`")
        _check_value(edit.was, edit)
    _check_value(edit.value, edit)


def _check_path(edit: Edit) -> None:
    """Refuses what might be looked up without end."""
    if len(edit.path) > _MOST_CHARACTERS:
        raise BadInputError(f"{edit.document}: an edit's path has at most {_MOST_CHARACTERS} characters")
    if _QUOTED.sub("", edit.path).count("..") > _MOST_DESCENTS:
        raise _error(edit, f"has more than {_MOST_DESCENTS} times ..: say where it is")
    if any(_REPEATED_GROUP.search(each) for each in _QUOTED.findall(edit.path)):
        raise _error(edit, "repeats a group in a regular expression: write it without")


def copied(tree: Any, bind: Callable[[Any], Any]) -> Any:
    """A deep copy in which every ClusterIp, HostName and ConfigId is what `bind` makes of it."""
    if isinstance(tree, dict):
        return {key: copied(value, bind) for key, value in tree.items()}
    if isinstance(tree, list):
        return [copied(value, bind) for value in tree]
    return bind(tree) if isinstance(tree, RUN_VALUES) else tree


def run_values(tree: Any) -> Iterable[ClusterIp | HostName | ConfigId]:
    """The values in `tree` that only a run knows."""
    if isinstance(tree, RUN_VALUES):
        yield tree
    elif isinstance(tree, dict | list):
        for value in tree.values() if isinstance(tree, dict) else tree:
            yield from run_values(value)


def _is_unicode(text: str) -> bool:
    """Whether `text` can be written: half of a surrogate pair cannot."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _error(edit: Edit, what: str) -> BadInputError:
    return BadInputError(f"{edit.document}: {edit.path}: {what}")


def _brief(value: Any) -> str:
    """A value on one line of at most 80 characters."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=repr)
    except (TypeError, ValueError, RecursionError):
        text = describe_type(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _check_value(value: Any, edit: Edit, depth: int = 0) -> None:
    """Refuses what is no JSON data: it could not be written to a document."""
    if depth > MAX_DEPTH:
        raise _error(edit, f"the value is nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, ClusterIp | HostName):
        if not isinstance(value.service, str):
            raise _error(edit, f"a Service's name must be a string, not {_brief(value.service)}")
    elif type(value) is dict:
        for key, entry in value.items():
            if type(key) is not str:
                raise _error(edit, f"key {_brief(key)} in the value must be a string")
            _check_value(key, edit, depth + 1)
            _check_value(entry, edit, depth + 1)
    elif type(value) is list:
        for entry in value:
            _check_value(entry, edit, depth + 1)
    elif type(value) is str:
        if not _is_unicode(value):
            raise _error(edit, f"{value!a} is not valid Unicode")
    elif type(value) in (int, float):
        if not is_json_number(value):
            raise _error(edit, "the value holds a number that does not fit JSON (64 bits)")
    elif value is not None and type(value) is not bool and not isinstance(value, ConfigId):
        raise _error(edit, f"{_brief(value)} ({describe_type(value)}) is not JSON data")


@lru_cache(maxsize=1)
def _environment() -> "JSONPathEnvironment":
    # Imported late: it takes longer than all the rest of the package, and help texts need none of it.
    from jsonpath import JSONPathEnvironment

    return JSONPathEnvironment(strict=True)


@lru_cache(maxsize=1024)
def _compiled(path: str) -> "JSONPath":
    compiled = _environment().compile(path)
    return cast("JSONPath", compiled)  # in strict mode there are no compound paths


def _matches(path: "JSONPath", tree: Any, edit: Edit) -> list[tuple[Key, ...]]:
    from jsonpath import JSONPathError

    try:
        return [match.parts for match in path.finditer(tree)]
    except (JSONPathError, RecursionError) as error:
        raise _error(edit, f"cannot be evaluated: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return str(getattr(error, "message", None) or error).splitlines()[0]


def _locate(tree: Any, edit: Edit) -> tuple[Key, ...]:
    """Keys and indices of the one node that the edit's path matches."""
    from jsonpath import JSONPathError

    try:
        path = _compiled(edit.path)
    except (JSONPathError, RecursionError, OverflowError, ValueError) as error:
        raise _error(edit, f"not a JSONPath (RFC 9535): {_reason(error)}") from error
    if not isinstance(tree, dict | list):
        raise _error(edit, f"the document is {describe_type(tree)}; edits need a mapping or a list")
    found = _matches(path, tree, edit)
    if len(found) == 1:
        return found[0]
    if found:
        some = ", ".join(map(_normalized, found[:3])) + (", …" if len(found) > 3 else "")
        raise _error(edit, f"matches {len(found)} places: {some}; make the path match one")
    raise _error(edit, f"matches nothing: {_found_on_the_way(path, tree, edit)}")


def _found_on_the_way(path: "JSONPath", tree: Any, edit: Edit) -> str:
    """What the longest beginning of `path` that matches something finds."""
    for length in range(len(path.segments) - 1, -1, -1):
        start = type(path)(env=path.env, segments=path.segments[:length])
        found = _matches(start, tree, edit)
        if len(found) == 1:
            return f"{_normalized(found[0])} is {_contents(_at(tree, found[0]))}"
        if found:
            return f"{start} matches {len(found)} places, none of which has {path.segments[length]}"
    return "the document is empty"


def _contents(value: Any) -> str:
    """What a reader needs to correct a path that ends at `value`."""
    if isinstance(value, dict):
        return f"a mapping with {', '.join(map(str, value)) or 'no key'}"
    if isinstance(value, list):
        names = [entry.get("name") for entry in value if isinstance(entry, dict)]
        named = f" (names: {', '.join(str(name) for name in names if name is not None)})" if any(names) else ""
        return f"a list of {len(value)}{named}"
    return _brief(value)


def _normalized(parts: tuple[Key, ...]) -> str:
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f"['{part}']" for part in parts)


def _at(tree: Any, parts: tuple[Key, ...]) -> Any:
    for part in parts:
        tree = tree[part]
    return tree


def _changed(tree: Any, parts: tuple[Key, ...], change: Callable[[Any], Any]) -> Any:
    if not parts:
        return change(tree)
    copy = tree.copy()
    copy[parts[0]] = _changed(tree[parts[0]], parts[1:], change)
    return copy


def _replaced(old: Any, edit: Edit) -> Any:
    _check_was(old, edit)
    before, after = (describe_type("" if isinstance(value, RUN_VALUES) else value) for value in (old, edit.value))
    if before != after:
        raise _error(edit, f"is {before}, {_brief(old)}; {_brief(edit.value)} is {after}, and replace keeps the type")
    return copied(edit.value, lambda value: value)


def _added(old: Any, edit: Edit) -> Any:
    if not isinstance(old, dict):
        raise _error(edit, f"is {describe_type(old)}; add needs a mapping")
    if edit.key in old:
        raise _error(edit, f"has {edit.key} already: {_brief(old[edit.key])}; replace it instead")
    return {**old, edit.key: copied(edit.value, lambda value: value)}


def _appended(old: Any, edit: Edit) -> Any:
    if not isinstance(old, list):
        raise _error(edit, f"is {describe_type(old)}; append needs a list")
    return [*old, copied(edit.value, lambda value: value)]


def _removed(parent: Any, part: Key, edit: Edit) -> Any:
    _check_was(parent[part], edit)
    copy = parent.copy()
    del copy[part]
    return copy


def _check_was(old: Any, edit: Edit) -> None:
    if edit.was is not MISSING and not equal(old, edit.was):
        raise _error(edit, f"is {_brief(old)}, not {_brief(edit.was)} as `was` says")
