"""The documents of a scenario as edits see them: objects by kind and name, config files by file name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.scenario.edit_tree import apply_edit, check_edit, copied, run_values, value_at
from takeover.scenario.edits import ClusterIp, ConfigId, Edit, HostName
from takeover.scenario.files import is_text, read_bytes, read_text
from takeover.scenario.kustomization import KubernetesObject, Kustomization
from takeover.scenario.typed_yaml import Json, single
from takeover.scenario.yaml_text import write_yaml

REPLICA = "envoy-takeover/replica"
"""The annotation of a Deployment's Pod: NAME-NUMBER, by which it is addressed; its name has a suffix of letters."""

HEADLESS = "is headless, without an address of its own: take its host name, or a Pod"
"""What is wrong where the address of such a Service is asked for."""

_YAML = (".yaml", ".yml")
# Created before anything that only a run knows is known.
_FIRST = ("Namespace", "Service")


class Bindings(Protocol):
    """What only a run knows. Services are `NAME` (namespace default) or `NAMESPACE/NAME`, as in the manifests."""

    def cluster_ip(self, service: str) -> str: ...

    def host_name(self, service: str) -> str: ...

    def config_id(self) -> str:
        """Asked once for each place, so it must give the same text within a deployment."""
        ...


@dataclass(frozen=True, eq=False)
class Documents:
    """All documents in one state. `edited`: config files that an edit touched, name → data."""

    objects: dict[str, KubernetesObject]
    files: dict[str, Path]
    edited: dict[str, Json]

    @classmethod
    def of(cls, kustomization: Kustomization) -> "Documents":
        """The documents as they are written.

        Raises: BadInputError for two config files of one name, and for broken YAML in one.
        """
        files: dict[str, Path] = {}
        for config_map in kustomization.config_maps:
            for path in config_map.files.values():
                if files.setdefault(path.name, path) != path:
                    other = display_path(files[path.name])
                    raise BadInputError(f"{config_map.where}: {path.name} is also the name of {other}: rename one")
                if path.suffix in _YAML:
                    single(path)
                else:
                    read_bytes(path)
        return cls({entry.label: entry for entry in kustomization.objects}, files, {})

    def apply(self, edit: Edit) -> "Documents":
        """These documents after `edit`. Raises: BadInputError."""
        check_edit(edit)
        if edit.document in self.files:
            tree = self._checked(apply_edit(self._editable(edit), edit), edit)
            return replace(self, edited={**self.edited, edit.document: tree})
        entry = self._object(edit)
        data = self._checked(apply_edit(entry.data, edit), edit)
        if _identity(data) != _identity(entry.data):
            raise BadInputError(
                f"{edit.document}: {edit.path}: apiVersion, kind, name and namespace of an object cannot be edited"
            )
        if entry.kind in _FIRST and any(True for _ in run_values(data)):
            raise BadInputError(f"{edit.document}: {edit.path}: a {entry.kind} comes before what only a run knows")
        return replace(self, objects={**self.objects, entry.label: replace(entry, data=data)})

    def at(self, edit: Edit) -> Json:
        """What is at the place that `edit` changes: see `value_at`. Raises: BadInputError."""
        check_edit(edit)
        if edit.document in self.files:
            return value_at(self._editable(edit), edit)
        return value_at(self._object(edit).data, edit)

    def is_yaml(self, file: str) -> bool:
        """Whether a config file holds YAML, and so can be edited."""
        return self.files[file].suffix in _YAML

    def is_text(self, file: str) -> bool:
        """Whether a config file is text, as YAML always is; what is not is binary to Kubernetes, too."""
        return self.is_yaml(file) or is_text(self.files[file])

    def binary(self, file: str) -> bytes:
        """What is in a config file that is not text."""
        return read_bytes(self.files[file])

    def text(self, file: str, bindings: Bindings) -> str:
        """The text of a config file that is one; byte for byte what was written if no edit touched it."""
        if file not in self.edited:
            return read_text(self.files[file])
        return write_yaml(copied(self.edited[file], binder(bindings)))

    def data(self, file: str) -> Json:
        """A YAML config file's data, not to be changed."""
        return self.edited[file] if file in self.edited else single(self.files[file]).value

    def object(self, label: str, bindings: Bindings) -> dict[str, Json]:
        """A copy of the object, its namespace always set."""
        entry = self.objects[label]
        data: dict[str, Json] = copied(entry.data, binder(bindings))
        if entry.namespace:
            data["metadata"]["namespace"] = entry.namespace
        return data

    def services(self) -> dict[str, dict[str, Json]]:
        """`NAME` or `NAMESPACE/NAME` → Service, not to be changed."""
        return {
            canonical(f"{entry.namespace}/{entry.name}"): entry.data
            for entry in self.objects.values()
            if entry.kind == "Service"
        }

    def _editable(self, edit: Edit) -> Json:
        if self.files[edit.document].suffix not in _YAML:
            raise BadInputError(f"{edit.document}: not a YAML file: it cannot be edited")
        return self.data(edit.document)

    def _object(self, edit: Edit) -> KubernetesObject:
        kind, _, name = edit.document.partition("/")
        found = [
            entry
            for entry in self.objects.values()
            if edit.document == entry.label or (kind == entry.kind and name == entry.name)
        ]
        if len(found) == 1:
            return found[0]
        if found:
            raise BadInputError(f"{edit.document}: several objects: {', '.join(entry.label for entry in found)}")
        there = ", ".join([*(name for name in self.files if Path(name).suffix in _YAML), *self.objects])
        raise BadInputError(f"{edit.document}: no such document; there are {there}")

    def _checked(self, tree: Json, edit: Edit) -> Json:
        for value in run_values(edit.value):
            if not isinstance(value, ConfigId) and canonical(value.service) not in self.services():
                there = ", ".join(self.services()) or "none"
                raise BadInputError(f"{edit.document}: {edit.path}: no Service {value.service}; there are {there}")
            if isinstance(value, ClusterIp) and is_headless(self.services()[canonical(value.service)]):
                raise BadInputError(f"{edit.document}: {edit.path}: Service {value.service} {HEADLESS}")
        return tree


def canonical(name: str) -> str:
    """`NAME` for an object in default, `NAMESPACE/NAME` else."""
    return name.removeprefix("default/")


def is_headless(service: Mapping[str, Json]) -> bool:
    """Whether a Service has no address: its name has those of its Pods."""
    spec = service.get("spec")
    return isinstance(spec, dict) and spec.get("clusterIP") == "None"


def short_name(data: Mapping[str, Json]) -> str:
    """What an object is called: see `canonical`; a Deployment's Pod by its number."""
    metadata = data["metadata"]
    annotations = metadata.get("annotations")
    name = annotations.get(REPLICA, metadata["name"]) if isinstance(annotations, dict) else metadata["name"]
    return canonical(f"{metadata.get('namespace', 'default')}/{name}")


def binder(bindings: Bindings) -> Callable[[Json], Json]:
    """What puts `bindings` in the place of the values that only a run knows."""

    def bind(value: ClusterIp | HostName | ConfigId) -> str:
        match value:
            case ClusterIp(service):
                return bindings.cluster_ip(canonical(service))
            case HostName(service):
                return bindings.host_name(canonical(service))
            case ConfigId():
                return bindings.config_id()

    return bind


def _identity(data: Json) -> tuple[Json, ...]:
    metadata = data.get("metadata") if isinstance(data, dict) else None
    if not isinstance(metadata, dict):
        return ()
    return data.get("apiVersion"), data.get("kind"), metadata.get("name"), metadata.get("namespace")
