"""Reads a folder's kustomization.yaml: the small part of kustomize that the scenarios use, all else refused by name."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
from msgspec import UNSET, UnsetType

from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.scenario import names
from takeover.scenario.files import file_kind, own_file, read_yaml
from takeover.scenario.typed_yaml import Entry, Json, Text, convert, read_entry
from takeover.scenario.yaml_text import Key, YamlDocument, describe_type

_FILE = "kustomization.yaml"
_HEADER = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9]{0,62}")
_OF_SERVER = frozenset({
    "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generateName", "generation",
    "managedFields", "ownerReferences", "resourceVersion", "selfLink", "uid",
})  # fmt: skip
"""Fields of metadata: see ObjectMeta in the Kubernetes API reference. An owner is not here, and would take it along."""
_MOST_FOLDERS = 100
_MOST_OBJECTS = 1_000


@dataclass(frozen=True, eq=False)
class KubernetesObject:
    """An object of a resource file.

    Args:
        data: as in the file but for what only an API server writes, never to be changed; `namespace` counts, not
            metadata.namespace in it.
        namespace: where it lives, "" for a Namespace.
        document: where it is written, whatever edits have made of `data`.
    """

    kind: str
    namespace: str
    name: str
    data: dict[str, Json]
    document: YamlDocument

    @property
    def where(self) -> str:
        """FILE:LINE."""
        return self.document.where()

    @property
    def short_name(self) -> str:
        """`NAME` in the namespace default, `NAMESPACE/NAME` else."""
        return self.name if self.namespace == "default" else f"{self.namespace}/{self.name}"

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
    """What a kustomization amounts to, its resources' own included, in the order of the files.

    Args:
        folders: its own and those that it takes.
    """

    objects: tuple[KubernetesObject, ...]
    config_maps: tuple[GeneratedConfigMap, ...]
    folders: tuple[Path, ...]


class _Generator(Entry):
    """An entry of configMapGenerator."""

    name: Text
    namespace: Text = "default"
    files: tuple[Text, ...] = ()


class _Options(Entry):
    """generatorOptions."""

    disableNameSuffixHash: bool = False  # noqa: N815  (kustomize's name)


class _File(Entry):
    """kustomization.yaml."""

    api_version: Text = msgspec.field(name="apiVersion", default=_HEADER["apiVersion"])
    kind: Text = _HEADER["kind"]
    namespace: Text | UnsetType = UNSET
    resources: tuple[Text, ...] = ()
    generators: tuple[_Generator, ...] = msgspec.field(name="configMapGenerator", default=())
    options: _Options | UnsetType = msgspec.field(name="generatorOptions", default=UNSET)


class _Metadata(Entry, forbid_unknown_fields=False):
    """What is read of an object's metadata."""

    name: Text
    namespace: Text = "default"
    finalizers: tuple[Json, ...] | None = None


class _Object(Entry, forbid_unknown_fields=False):
    """What is read of any Kubernetes object."""

    api_version: Text = msgspec.field(name="apiVersion")
    kind: Text
    metadata: _Metadata


def read_kustomization(folder: Path, within: Sequence[Path] = ()) -> Kustomization:
    """Reads `folder`/kustomization.yaml and all that it takes.

    Args:
        folder: where it is.
        within: in one of these must all be that it takes; none: anywhere.

    Raises: BadInputError with file and line, for instance for a file outside `folder`, which kustomize refuses too.
    """
    return _Reading(tuple(within)).read(folder.resolve(), ())


@dataclass
class _Reading:
    """Reads kustomizations, and knows how many it has read: two folders that take two each, and so on, never end."""

    within: tuple[Path, ...]
    count: int = field(default=0, init=False)

    def read(self, folder: Path, inside: tuple[Path, ...]) -> Kustomization:
        """The folder's kustomization. `inside`: those that led here."""
        file = read_entry(own_file(folder, _FILE, self.within), _File)
        self.count += 1
        if self.count > _MOST_FOLDERS:
            raise file.error(f"more than {_MOST_FOLDERS} kustomizations, each counted whenever it is taken")
        for key, value in _HEADER.items():
            if file.written.get(key, value) != value:
                raise file.error(f"{key} must be {value}", key)
        if file.namespace is not UNSET and (wrong := names.wrong_label(file.namespace)):
            raise file.error(f"namespace {wrong}", "namespace")
        parts = [self._resource(file, folder, each, index, inside) for index, each in enumerate(file.resources)]
        generated = tuple(_config_map(generator, folder) for generator in file.generators)
        if file.has("configMapGenerator"):
            _check_options(file)
        objects = tuple(each for part in parts for each in part.objects)
        config_maps = (*(each for part in parts for each in part.config_maps), *generated)
        if len(objects) + len(config_maps) > _MOST_OBJECTS:
            raise file.error(f"more than {_MOST_OBJECTS} objects")
        if file.namespace is not UNSET:
            objects = tuple(_moved(file, entry, file.namespace) for entry in objects)
            config_maps = tuple(replace(entry, namespace=str(file.namespace)) for entry in config_maps)
        _check_unique([*objects, *config_maps])
        return Kustomization(objects, config_maps, (folder, *(each for part in parts for each in part.folders)))

    def _resource(
        self, file: _File, folder: Path, resource: str, index: int, inside: tuple[Path, ...]
    ) -> Kustomization:
        path = _path(file, folder, resource, "resources", index)
        if not path.is_dir():
            _check_file(file, path, resource, folder, "resources", index)
            documents = (each for document in read_yaml(path) for each in _items(document))
            return Kustomization(tuple(map(_object, documents)), (), ())
        if path in (*inside, folder):
            raise file.error(f"{resource} takes this folder in turn: a circle", "resources", index)
        if self.within and not any(path.is_relative_to(each) for each in self.within):
            library = display_path(self.within[0])
            raise file.error(
                f"{resource} is outside of the library {library}: put what its scenarios share into bases/ there",
                "resources",
                index,
            )
        return self.read(path, (*inside, folder))


def joined(parts: Iterable[Kustomization]) -> Kustomization:
    """All of them as one. Raises: BadInputError for an object that is there twice."""
    listed = list(parts)
    objects = [each for part in listed for each in part.objects]
    config_maps = [each for part in listed for each in part.config_maps]
    _check_unique([*objects, *config_maps])
    folders = tuple(dict.fromkeys(each for part in listed for each in part.folders))
    return Kustomization(tuple(objects), tuple(config_maps), folders)


def _path(file: Entry, folder: Path, written: str, *keys: Key) -> Path:
    try:
        path = (folder / written).resolve()
        path.exists()  # a name that the system does not take shows here
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: a loop of symbolic links
        raise file.error(f"{written!r}: no path of a file or folder", *keys) from error
    return path


def _check_file(file: Entry, path: Path, written: str, folder: Path, *keys: Key) -> None:
    if not path.exists():
        raise file.error(f"{written}: there is no such file or folder", *keys)
    if not path.is_file():
        raise file.error(f"{written} is {file_kind(path.stat().st_mode)}, not a file", *keys)
    if not path.is_relative_to(folder):
        raise file.error(f"{written} is outside the folder, which kustomize refuses: make its folder a resource", *keys)


def _check_options(file: _File) -> None:
    need = "generatorOptions.disableNameSuffixHash must be true: Pods name their ConfigMap as it is written"
    if file.options is UNSET:
        raise file.error(need, "configMapGenerator")
    if not file.options.disableNameSuffixHash:
        raise file.options.error(need, "disableNameSuffixHash")


def _config_map(generator: _Generator, folder: Path) -> GeneratedConfigMap:
    for key, wrong in (
        ("name", names.wrong_object_name("ConfigMap", generator.name)),
        ("namespace", names.wrong_label(generator.namespace)),
    ):
        if wrong:
            raise generator.error(f"{generator.name_of(key)} {wrong}", key)
    files: dict[str, Path] = {}
    for index, entry in enumerate(generator.files):
        key, equals, written = entry.rpartition("=")
        path = _path(generator, folder, written, "files", index)
        key = key if equals else Path(written).name  # of a link the link's own
        if wrong := names.wrong_config_map_key(key):
            raise generator.error(f"{entry}: the ConfigMap's key {wrong}", "files", index)
        if key in files:
            raise generator.error(f"{entry}: key {key} is there twice", "files", index)
        _check_file(generator, path, written, folder, "files", index)
        files[key] = path
    if not files:
        raise generator.error("a configMapGenerator needs files")
    if sum(each.stat().st_size for each in files.values()) > names.MOST_BYTES_OF_CONFIG_MAP:
        raise generator.error(f"a ConfigMap holds at most {names.MOST_BYTES_OF_CONFIG_MAP} bytes", "files")
    return GeneratedConfigMap(generator.namespace, generator.name, files, generator.where())


def _items(document: YamlDocument) -> Iterator[YamlDocument]:
    """The document, or, as kustomize has it, what is in it if it is a list of objects (`kubectl get -o yaml`)."""
    value = document.value
    if not (isinstance(value, dict) and str(value.get("kind")).endswith("List") and "items" in value):
        yield document
        return
    items = value["items"]
    if not isinstance(items, list | None):
        where = document.where("items")
        raise BadInputError(f"{where}: items of a {value['kind']} must be a list, not {describe_type(items)}")
    for index in range(len(items or ())):
        yield from _items(document.item("items", index))


def _object(document: YamlDocument) -> KubernetesObject:
    head = convert(document, _Object)
    if not _KIND.fullmatch(head.kind):
        raise head.error(f"kind is no word: {head.kind!a}", "kind")
    for key, wrong in (
        ("name", names.wrong_object_name(head.kind, head.metadata.name)),
        ("namespace", names.wrong_label(head.metadata.namespace)),
    ):
        if wrong:
            raise head.metadata.error(f"{head.metadata.name_of(key)} {wrong}", key)
    if head.metadata.finalizers:
        raise head.metadata.error("metadata.finalizers: nobody here ends them: leave them out", "finalizers")
    namespace = "" if head.kind == "Namespace" else head.metadata.namespace
    return KubernetesObject(head.kind, namespace, head.metadata.name, _as_applied(document.value), document)


def _as_applied(data: dict[str, Json]) -> dict[str, Json]:
    """The object as somebody would write it, without what an API server adds: `kubectl get -o yaml` shows that, too."""
    metadata = {key: value for key, value in data["metadata"].items() if key not in _OF_SERVER}
    return {key: metadata if key == "metadata" else value for key, value in data.items() if key != "status"}


def _moved(file: _File, entry: KubernetesObject, namespace: str) -> KubernetesObject:
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
