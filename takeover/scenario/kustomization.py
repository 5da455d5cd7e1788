"""Reads a folder's kustomization.yaml: the small part of kustomize that the scenarios use, all else refused by name."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from takeover.base.errors import BadInputError
from takeover.scenario.fields import Fields, single
from takeover.scenario.files import read_yaml
from takeover.scenario.yaml_text import Key, YamlDocument

_FILE = "kustomization.yaml"
_HEADER = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
_CONFIG_MAP_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")


@dataclass(frozen=True, eq=False)
class KubernetesObject:
    """An object of a resource file.

    Args:
        data: as in the file, never to be changed; `namespace` counts, not metadata.namespace in it.
        namespace: where it lives, "" for a Namespace.
        where: "FILE:LINE".
    """

    kind: str
    namespace: str
    name: str
    data: dict[str, Any]
    where: str

    @property
    def label(self) -> str:
        """Kind/namespace/name, or Namespace/name: no two objects of a scenario have the same."""
        return "/".join(part for part in (self.kind, self.namespace, self.name) if part)


@dataclass(frozen=True, eq=False)
class GeneratedConfigMap:
    """A ConfigMap of a configMapGenerator. `files`: key → path."""

    namespace: str
    name: str
    files: dict[str, Path]
    where: str

    @property
    def label(self) -> str:
        return f"ConfigMap/{self.namespace}/{self.name}"


@dataclass(frozen=True, eq=False)
class Kustomization:
    """What a kustomization amounts to, its resources' own included, in the order of the files."""

    objects: tuple[KubernetesObject, ...]
    config_maps: tuple[GeneratedConfigMap, ...]


def read_kustomization(folder: Path, inside: tuple[Path, ...] = ()) -> Kustomization:
    """Reads `folder`/kustomization.yaml and all that it takes. `inside`: the kustomizations that led here.

    Raises: BadInputError with file and line, for instance for a file outside `folder`, which kustomize refuses too.
    """
    folder = folder.resolve()
    file = Fields(single(folder / _FILE))
    file.only("apiVersion", "kind", "namespace", "resources", "configMapGenerator", "generatorOptions")
    for key, value in _HEADER.items():
        if file.take(key, str, value) != value:
            raise file.error(f"{key} must be {value}", key)
    objects: list[KubernetesObject] = []
    config_maps: list[GeneratedConfigMap] = []
    for resource, index in file.strings("resources"):
        path = _path(file, folder, resource, "resources", index)
        if path.is_dir():
            if path in (*inside, folder):
                raise file.error(f"{resource} takes this folder in turn: a circle", "resources", index)
            part = read_kustomization(path, (*inside, folder))
            objects += part.objects
            config_maps += part.config_maps
        else:
            _check_file(file, path, resource, folder, "resources", index)
            objects += [_object(document) for document in read_yaml(path)]
    config_maps += [_config_map(generator, folder) for generator in file.children("configMapGenerator")]
    if "configMapGenerator" in file.data:
        _check_options(file)
    if "namespace" in file.data:
        namespace = file.take("namespace", str)
        objects = [_moved(file, entry, namespace) for entry in objects]
        config_maps = [replace(entry, namespace=namespace) for entry in config_maps]
    _check_unique([*objects, *config_maps])
    return Kustomization(tuple(objects), tuple(config_maps))


def joined(parts: Iterable[Kustomization]) -> Kustomization:
    """All of them as one. Raises: BadInputError for an object that is there twice."""
    listed = list(parts)
    objects = [each for part in listed for each in part.objects]
    config_maps = [each for part in listed for each in part.config_maps]
    _check_unique([*objects, *config_maps])
    return Kustomization(tuple(objects), tuple(config_maps))


def _path(file: Fields, folder: Path, written: str, *keys: Key) -> Path:
    try:
        path = (folder / written).resolve()
        path.exists()  # a name that the system does not take shows here
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: a loop of symbolic links
        raise file.error(f"{written!r}: no path of a file or folder", *keys) from error
    return path


def _check_file(file: Fields, path: Path, written: str, folder: Path, *keys: Key) -> None:
    if not path.is_file():
        raise file.error(f"{written}: there is no such file or folder", *keys)
    if not path.is_relative_to(folder):
        raise file.error(f"{written} is outside the folder, which kustomize refuses: make its folder a resource", *keys)


def _check_options(file: Fields) -> None:
    need = "generatorOptions.disableNameSuffixHash must be true: Pods name their ConfigMap as it is written"
    if "generatorOptions" not in file.data:
        raise file.error(need, "configMapGenerator")
    options = Fields(file.document, ("generatorOptions",))
    options.only("disableNameSuffixHash")
    if options.data.get("disableNameSuffixHash") is not True:
        raise options.error(need, "disableNameSuffixHash")


def _config_map(generator: Fields, folder: Path) -> GeneratedConfigMap:
    generator.only("name", "namespace", "files")
    files: dict[str, Path] = {}
    for entry, index in generator.strings("files"):
        key, equals, written = entry.rpartition("=")
        path = _path(generator, folder, written, "files", index)
        key = key if equals else path.name
        if not _CONFIG_MAP_KEY.fullmatch(key):
            raise generator.error(f"{entry}: a ConfigMap's key has only letters, digits and -_.", "files", index)
        if key in files:
            raise generator.error(f"{entry}: key {key} is there twice", "files", index)
        _check_file(generator, path, written, folder, "files", index)
        files[key] = path
    if not files:
        raise generator.error("a configMapGenerator needs files")
    namespace = generator.take("namespace", str, "default")
    return GeneratedConfigMap(namespace, generator.take("name", str), files, generator.document.where(*generator.at))


def _object(document: YamlDocument) -> KubernetesObject:
    file = Fields(document)
    file.take("apiVersion", str)
    kind = file.take("kind", str)
    file.take("metadata", dict)
    metadata = Fields(document, ("metadata",))
    namespace = "" if kind == "Namespace" else metadata.take("namespace", str, "default")
    return KubernetesObject(kind, namespace, metadata.take("name", str), document.value, document.where())


def _moved(file: Fields, entry: KubernetesObject, namespace: str) -> KubernetesObject:
    if entry.kind != "Namespace":
        return replace(entry, namespace=namespace)
    if entry.name != namespace:
        raise file.error(f"namespace: kustomize would rename {entry.label} ({entry.where}) to {namespace}", "namespace")
    return entry


def _check_unique(entries: list[KubernetesObject | GeneratedConfigMap]) -> None:
    first: dict[str, str] = {}
    for entry in entries:
        if entry.label in first:
            raise BadInputError(f"{entry.where}: {entry.label} is there twice; first in {first[entry.label]}")
        first[entry.label] = entry.where
