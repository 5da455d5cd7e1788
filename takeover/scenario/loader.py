"""A scenario: a folder of manifests, edited and bound to what a run knows."""

from base64 import b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import UNSET

from takeover.base.errors import BadInputError
from takeover.scenario import places, replicas, secrets
from takeover.scenario.declared import KnownFailure, Support, known_failure_of, support_of
from takeover.scenario.delivery import BASE, Delivery, needs_control_plane, why_not_delivered, with_control_planes
from takeover.scenario.documents import Bindings, Documents, canonical
from takeover.scenario.edits import Edit
from takeover.scenario.files import own_file
from takeover.scenario.finishing import Finished, Finishing
from takeover.scenario.kustomization import (
    GeneratedConfigMap,
    KubernetesObject,
    Kustomization,
    joined,
    read_kustomization,
)
from takeover.scenario.places import ControlPlace, DestinationPlace, EnvoyPlace
from takeover.scenario.scenario_file import BASE_FILE, FILE, BaseFile, ScenarioFile
from takeover.scenario.try_lines import TryLine, try_lines
from takeover.scenario.typed_yaml import Json, read_entry
from takeover.scenario.written_edits import edit_of
from takeover.scenario.yaml_text import Key

if TYPE_CHECKING:
    from takeover.scenario.library import Library

__all__ = ["Bindings", "Scenario"]

_ORDER = ("Namespace", "ConfigMap", "", "Service", "Pod")


@dataclass(frozen=True, eq=False)
class _AsWritten:
    """Stands in for a run: names as plain Kubernetes would have them, addresses as the manifests give them."""

    services: dict[str, dict[str, Json]]

    def cluster_ip(self, service: str) -> str:
        spec = self.services[service].get("spec")
        written = spec.get("clusterIP") if isinstance(spec, dict) else None
        return written if isinstance(written, str) and written[:1].isdigit() else "192.0.2.1"  # TEST-NET-1

    def host_name(self, service: str) -> str:
        namespace, _, name = service.rpartition("/")
        return f"{name}.{namespace or 'default'}.svc.cluster.local"

    def config_id(self) -> str:
        return "unbound"


@dataclass(frozen=True, eq=False)
class Scenario:
    """One folder of a library, possibly edited. Nothing in it changes: `edited` gives another one.

    Args:
        library: where it is from.
        name: the folder's name.
        title: what it shows.
        chinese: the article's heading; like what follows of the article, it may be empty.
        article: the article's section.
        chapter: the marker of its tests.
        folder: where it was read.
        destinations: the containers that log who asked them.
        controls: what ends its connections when asked.
        supports: the Envoys that it supports; None for all.
        known_failures: tests that fail on some versions.
        try_lines: commands that show what its suite proves.
        swept: whether its configuration is a base of sweeps.
        control_planes: the Pods that are added, from which its Envoys get their configuration.
        not_delivered: why that comes as it is written, whatever the library says of its delivery; else empty.
    """

    library: "Library" = field(repr=False)
    name: str
    title: str
    chinese: str
    article: str
    chapter: str
    folder: Path
    destinations: tuple[DestinationPlace, ...]
    controls: tuple[ControlPlace, ...]
    supports: Support | None
    known_failures: tuple[KnownFailure, ...]
    try_lines: tuple[TryLine, ...]
    swept: bool
    control_planes: tuple[str, ...]
    not_delivered: str
    _finishing: Finishing = field(repr=False)
    _written: Documents = field(repr=False)
    _documents: Documents = field(repr=False)
    _final: Finished = field(repr=False)

    @classmethod
    def load(cls, library: "Library", folder: Path, bases: Iterable[Path] = ()) -> "Scenario":
        """Reads and checks a scenario's folder, and with it the kustomizations of other folders.

        Raises: BadInputError, mostly "FILE:LINE: …".
        """
        folder = folder.resolve()
        about = read_entry(own_file(folder, FILE, library.roots), ScenarioFile)
        bind = tuple(map(edit_of, about.bind))
        kustomization = joined([read_kustomization(each, library.roots) for each in (folder, *bases)])
        _check_namespaces(kustomization)
        documents = Documents.of(kustomization)
        replicas.check(documents)
        files = [own_file(each, BASE_FILE, library.roots) for each in kustomization.folders]
        described = [read_entry(each, BaseFile) for each in files if each.exists()]
        entries = [*about.destinations, *(entry for base in described for entry in base.destinations)]
        envoys = places.envoys(about.envoys, documents)
        destinations = places.destinations(entries, documents)
        delivery, planes, not_delivered = library.delivery, tuple[str, ...](), ""
        if delivery != "static":
            not_delivered = why_not_delivered(documents, envoys)
            delivery = "static" if not_delivered else delivery
        if needs_control_plane(delivery):
            base = read_kustomization(library.base(BASE), library.roots)
            kustomization, planes = with_control_planes(kustomization, base, envoys, delivery, folder.name)
            documents = Documents.of(kustomization)
        finishing = Finishing(folder.name, bind, envoys, destinations, kustomization.config_maps, delivery)
        return cls(
            library=library,
            name=folder.name,
            title=about.title or folder.name,
            chinese=about.chinese,
            article=about.article,
            chapter=about.chapter,
            folder=folder,
            destinations=places.of_each_replica(destinations, documents),
            controls=places.controls(described, documents),
            supports=None if about.supports is UNSET else support_of(about.supports),
            known_failures=tuple(map(known_failure_of, about.known_failures)),
            try_lines=try_lines(about.try_, documents),
            swept=about.swept,
            control_planes=planes,
            not_delivered=not_delivered,
            _finishing=finishing,
            _written=documents,
            _documents=documents,
            _final=finishing.finished(documents, documents),
        )

    @property
    def envoys(self) -> tuple[EnvoyPlace, ...]:
        """The containers that run Envoy, at least one; each with the port of its admin API."""
        return self._final.envoys

    @property
    def delivery(self) -> Delivery:
        """How its Envoys get their configuration."""
        return self._finishing.delivery

    @property
    def bind(self) -> tuple[Edit, ...]:
        """The edits that put in what only a run knows."""
        return tuple(each.edit for each in self._finishing.bind)

    @property
    def supplied(self) -> tuple[str, ...]:
        """What was missing in the Envoys' configs and is added, a sentence each."""
        return self._final.sentences

    def config_path(self, file: str) -> Path:
        """Where a config file is written."""
        return self._documents.files[file]

    def mounted_files(self, envoy: EnvoyPlace) -> dict[str, Path]:
        """What the container of an Envoy gets of configMapGenerators: path there → where it is written."""
        namespace, pod = self._pod_of(envoy)
        generated = {each.name: each.files for each in self._finishing.config_maps if each.namespace == namespace}
        in_folders = {
            f"{folder}/{key}": path
            for folder, config_map in places.mounted(pod, envoy.container, "configMap", "name")
            for key, path in generated.get(config_map, {}).items()
        }
        alone = {
            there: generated[config_map][key]
            for there, key, config_maps in places.mounted_alone(pod, envoy.container)
            for config_map in config_maps
            if key in generated.get(config_map, {})
        }
        return in_folders | alone

    def who_it_is(self, envoy: EnvoyPlace) -> tuple[str, ...]:
        """The options by which an Envoy's container tells it who it is: `--service-node ID` and so on."""
        return places.who_it_is(self._pod_of(envoy)[1], envoy.container)

    def edited(self, edits: Iterable[Edit]) -> "Scenario":
        """This scenario with `edits` applied in order; its own, of `bind`, come after them.

        What an edit has put at a place of `bind` stays there: `bind`, and what it says by `was`, is about the manifests
        as they are written.

        Raises: BadInputError that names document and path, also for an edit of `bind` that finds its place no more.
        """
        documents = self._documents
        for edit in edits:
            documents = documents.apply(edit)
        destinations = self.destinations
        if self._finishing.destinations != destinations:  # some are in Deployments
            replicas.check(documents)
            destinations = places.of_each_replica(self._finishing.destinations, documents)
        final = self._finishing.finished(self._written, documents)
        return replace(self, destinations=destinations, _documents=documents, _final=final)

    def namespaces(self) -> list[str]:
        """All namespaces that objects are in or that are made, "default" first if it is one of them."""
        objects = self._documents.objects.values()
        used = [entry.namespace or entry.name for entry in objects]
        used += [config_map.namespace for config_map in self._final.config_maps]
        return sorted(dict.fromkeys(used), key=lambda namespace: namespace != "default")

    def objects(self) -> list[dict[str, Json]]:
        """All objects but Namespaces and ConfigMaps, with stand-ins for what only a run knows.

        In the place of Deployments there are their Pods.
        """
        documents, known = self._state(None)
        return _objects(documents, known, lambda kind: kind not in ("Namespace", "ConfigMap"))

    def unbound(self) -> list[dict[str, Json]]:
        """The final objects, with stand-ins for what only a run knows; files of generated ConfigMaps are empty.

        Whatever can be told of them before they are deployed costs little this way: no config is written.
        """
        generated = [_config_map(entry, dict.fromkeys(entry.files, "")) for entry in self._final.config_maps]
        documents = self._final.documents
        return generated + _objects(documents, _AsWritten(documents.services()), lambda _: True)

    def secrets(self) -> list[str]:
        """The values of its Secrets, as they are written and as containers see them, where they are text."""
        found = _objects(*self._state(None), lambda kind: kind == "Secret")
        return [text for each in found for text in secrets.texts(each)]

    def mounted_secrets(self, envoy: EnvoyPlace) -> dict[str, bytes]:
        """What the container of an Envoy gets of Secrets: path there → what is in it."""
        (namespace, pod), objects = self._pod_of(envoy), self._documents.objects.values()
        known = {each.name: each.data for each in objects if (each.kind, each.namespace) == ("Secret", namespace)}
        return {
            f"{folder}/{key}": content
            for folder, name in places.mounted(pod, envoy.container, "secret", "secretName")
            for key, content in secrets.contents(known.get(name, {})).items()
        }

    def _pod_of(self, envoy: EnvoyPlace) -> tuple[str, Json]:
        """The Envoy's Pod, and before it its namespace."""
        return envoy.pod.rpartition("/")[0] or "default", places.pods(self._documents)[envoy.pod]

    def replicas(self, deployment: str) -> list[str]:
        """What the Pods of a Deployment are called, in the order of their numbers.

        Args:
            deployment: `NAME` or `NAMESPACE/NAME`.

        Raises: BadInputError for one that there is not.
        """
        known = replicas.replicas(self._documents)
        if canonical(deployment) not in known:
            there = ", ".join(known) or "none"
            raise BadInputError(f"scenario {self.name} has no Deployment {deployment}; it has {there}")
        return known[canonical(deployment)]

    def scaled(self, deployment: str, number: int) -> "Scenario":
        """This scenario with so many replicas of a Deployment.

        Raises: BadInputError for a Deployment that there is not, and for a number that none may have.
        """
        name = self.replicas(deployment)[0].removesuffix("-0")
        if not 1 <= number <= replicas.MOST:
            raise BadInputError(f"Deployment {deployment} can have from 1 to {replicas.MOST} replicas, not {number}")
        [entry] = [
            each for each in self._documents.objects.values() if each.kind == replicas.KIND and each.short_name == name
        ]
        if "replicas" in entry.data["spec"]:
            return self.edited([Edit(entry.label, "replace", "$.spec.replicas", number)])
        return self.edited([Edit(entry.label, "add", "$.spec", number, "replicas")])

    def where(self, label: str, *keys: Key) -> str:
        """FILE:LINE of what is at `keys` in the object of that label (`Kind/namespace/name`), or around them."""
        generated = [each.where for each in self._final.config_maps if each.label == label]
        return generated[0] if generated else self._documents.objects[label].document.where(*keys)

    def unbound_services(self) -> list[dict[str, Json]]:
        """The Services, complete: an engine makes them first to learn their ClusterIPs."""
        return _objects(self._final.documents, self._state(None)[1], lambda kind: kind == "Service")

    def config_maps(self, bindings: Bindings | None = None) -> list[dict[str, Json]]:
        """The ConfigMaps as Kubernetes objects; without `bindings`, their files are as `config_files` has them then."""
        documents, known = self._state(bindings)
        entries = self._final.config_maps if bindings is not None else self._finishing.config_maps
        generated = [_filled_config_map(entry, documents, known) for entry in entries]
        return generated + _objects(documents, known, lambda kind: kind == "ConfigMap")

    def config_files(self, bindings: Bindings | None = None) -> dict[str, str]:
        """File name → text of every file that a configMapGenerator takes, but for those that are not text.

        Without `bindings`: as written and edited, where an edit's own ClusterIp, HostName or ConfigId gets a stand-in.
        """
        documents, known = self._state(bindings)
        return {name: documents.text(name, known) for name in documents.files if documents.is_text(name)}

    def as_written(self, line: TryLine) -> str:
        """Its command with the names and addresses of the manifests, and with stand-ins for those of Pods."""
        known = _AsWritten(self._documents.services())
        return line.with_values(known.host_name, lambda name: known.cluster_ip(canonical(name)), "IP of {}".format)

    def config(self, file: str) -> Json:
        """The data of one YAML config file, as written and edited; not to be changed."""
        return self._documents.data(file)

    def bound(self, bindings: Bindings) -> list[dict[str, Json]]:
        """The final Kubernetes objects in an order that can be applied, metadata.namespace always set.

        Namespaces, ConfigMaps, other kinds, Services, Pods; each kind in the order of the files. The caller owns them.
        """
        objects = self.config_maps(bindings) + _objects(
            self._final.documents, bindings, lambda kind: kind != "ConfigMap"
        )
        return sorted(objects, key=lambda data: _ORDER.index(data["kind"] if data["kind"] in _ORDER else ""))

    def _state(self, bindings: Bindings | None) -> tuple[Documents, Bindings]:
        if bindings is None:
            return self._documents, _AsWritten(self._documents.services())
        return self._final.documents, bindings


def _filled_config_map(entry: GeneratedConfigMap, documents: Documents, known: Bindings) -> dict[str, Json]:
    """The ConfigMap as kustomize makes it: what is not text is in binaryData, in base64."""
    text = {key: path.name for key, path in entry.files.items() if documents.is_text(path.name)}
    made = _config_map(entry, {key: documents.text(name, known) for key, name in text.items()})
    binary = {
        key: b64encode(documents.binary(path.name)).decode() for key, path in entry.files.items() if key not in text
    }
    return {**made, "binaryData": binary} if binary else made


def _config_map(entry: GeneratedConfigMap, data: dict[str, str]) -> dict[str, Json]:
    metadata = {"name": entry.name, "namespace": entry.namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _objects(documents: Documents, bindings: Bindings, wanted: Callable[[str], bool]) -> list[dict[str, Json]]:
    found = (documents.object(label, bindings) for label, entry in documents.objects.items() if wanted(entry.kind))
    return replicas.expanded(found)


def _check_namespaces(kustomization: Kustomization) -> None:
    """Refuses an object in a namespace that nothing makes: it could not be applied."""
    made = {"default", *(entry.name for entry in kustomization.objects if entry.kind == "Namespace")}
    entries: list[KubernetesObject | GeneratedConfigMap] = [*kustomization.objects, *kustomization.config_maps]
    for entry in entries:
        if entry.namespace and entry.namespace not in made:
            raise BadInputError(
                f"{entry.where}: {entry.label}: no Namespace {entry.namespace} in this scenario: add it"
            )
