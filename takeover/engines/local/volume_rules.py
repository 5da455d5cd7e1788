"""What Kubernetes refuses in volumes whose form is right."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from msgspec import UNSET

from takeover.engines.local import references, volumes
from takeover.engines.local.without_effect import Fault, quantity_faults
from takeover.scenario import names
from takeover.scenario.yaml_text import Key

_LARGEST_MODE = 0o777


def faults(volume: volumes.Volume, at: tuple[Key, ...]) -> Iterator[Fault]:
    """All that is wrong with a volume that is there in its Pod."""
    yield from told(names.wrong_label(volume.name), *at, "name")
    if volume.config_map is not None:
        yield from told(names.wrong_object_name("ConfigMap", volume.config_map.name), *at, "configMap", "name")
        yield from _of_files(volume.config_map, (*at, "configMap"))
    if volume.secret is not None:
        yield from told(names.wrong_object_name("Secret", volume.secret.name), *at, "secret", "secretName")
        yield from _of_files(volume.secret, (*at, "secret"))
    if volume.downward_api is not None:
        yield from _of_fields(volume.downward_api, (*at, "downwardAPI"))
    if volume.projected is not None:
        yield from _of_projected(volume, (*at, "projected"))
    if volume.empty_dir is not None and volume.empty_dir.size_limit is not UNSET:
        yield from quantity_faults(volume.empty_dir.size_limit, (*at, "emptyDir", "sizeLimit"))


def _of_fields(source: volumes.DownwardApiVolume, at: tuple[Key, ...]) -> Iterator[Fault]:
    for index, item in enumerate(source.items):
        here = (*at, "items", index)
        yield from told(wrong_path_within(item.path), *here, "path")
        yield from of_field(item.field_ref.field_path, here)
        if item.mode is not None:
            yield from _of_mode(item.mode, *here, "mode")
    yield from _of_mode(source.default_mode, *at, "defaultMode")
    paths = [plain(each.path) for each in source.items]
    yield from twice(paths, *at, "items")
    yield from told(wrong_together(paths), *at, "items")


def _of_projected(volume: volumes.Volume, at: tuple[Key, ...]) -> Iterator[Fault]:
    for index, source in enumerate(volume.sources):
        here = (*at, "sources", index)
        match source:
            case volumes.DownwardApiVolume():
                yield from _of_fields(source, (*here, "downwardAPI"))
            case volumes.ConfigMapVolume():
                yield from told(names.wrong_object_name("ConfigMap", source.name), *here, "configMap", "name")
                yield from _of_files(source, (*here, "configMap"))
            case volumes.SecretVolume():
                yield from told(names.wrong_object_name("Secret", source.name), *here, "secret", "name")
                yield from _of_files(source, (*here, "secret"))


def _of_mode(mode: int, *keys: Key) -> Iterator[Fault]:
    if not 0 <= mode <= _LARGEST_MODE:
        yield keys, f"is {mode}; a mode is a number from 0 to {_LARGEST_MODE:#o}"


def _of_files(source: volumes.ConfigMapVolume | volumes.SecretVolume, at: tuple[Key, ...]) -> Iterator[Fault]:
    for index, item in enumerate(source.items):
        yield from told(wrong_path_within(item.path), *at, "items", index, "path")
        if item.mode is not None:
            yield from _of_mode(item.mode, *at, "items", index, "mode")
    yield from _of_mode(source.default_mode, *at, "defaultMode")
    paths = [plain(each.path) for each in source.items]
    yield from twice(paths, *at, "items")
    yield from told(wrong_together(paths), *at, "items")


def of_field(path: str, at: tuple[Key, ...]) -> Iterator[Fault]:
    """What is wrong with a field of the Pod that is named at `at`."""
    if not references.is_field(path):
        there = ", ".join(references.FIELDS)
        yield (*at, "fieldRef", "fieldPath"), f"is {path[:80]!a}; the local engine knows {there}"


def wrong_path_within(path: str) -> str:
    """Of a file below a volume's folder."""
    parts = path.split("/")
    if not path or path.startswith(("/", "..")) or ".." in parts or plain(path) == "/":
        return f"is {path[:80]!a}; it must be a path within the volume: not absolute, without .."
    return ""


def wrong_together(paths: Sequence[str]) -> str:
    """Of plain paths of one volume."""
    both = next((each for each in paths if any(other.startswith(f"{each}/") for other in paths)), "")
    return f"has {both[1:]} as a file and as a folder" if both else ""


def plain(path: str) -> str:
    """The path without what says nothing."""
    return "/" + "/".join(each for each in path.split("/") if each not in ("", "."))


def twice(values: Iterable[object], *keys: Key) -> Iterator[Fault]:
    """What is there more than once."""
    yield from ((keys, f"has {value} twice") for value, count in Counter(values).items() if count > 1)


def told(wrong: str, *keys: Key) -> Iterator[Fault]:
    """What is wrong at those keys, if anything is."""
    if wrong:
        yield keys, wrong
