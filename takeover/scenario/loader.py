"""A scenario: a folder of manifests, edited and bound to what a run knows."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.scenario.declared import KnownFailure, Support
from takeover.scenario.documents import Bindings, Documents
from takeover.scenario.edits import Edit
from takeover.scenario.kustomization import (
    GeneratedConfigMap,
    KubernetesObject,
    Kustomization,
    joined,
    read_kustomization,
)
from takeover.scenario.scenario_file import FILE, read_scenario_file
from takeover.scenario.written_edits import LocatedEdit

__all__ = ["ENVOY_CONFIG", "MANIFESTS", "PARTS", "Bindings", "Scenario", "names"]

MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"
PARTS = MANIFESTS / "parts"
ENVOY_CONFIG = "envoy.yaml"
"""Envoy's config in each scenario's folder."""
_ORDER = ("Namespace", "ConfigMap", "", "Service", "Pod")


def names() -> list[str]:
    """The scenarios that come with the project, sorted."""
    return sorted(path.parent.name for path in MANIFESTS.glob(f"*/{FILE}"))


@dataclass(frozen=True, eq=False)
class _AsWritten:
    """Stands in for a run's facts: names as plain Kubernetes would have them, addresses as the manifests give them."""

    services: dict[str, dict[str, Any]]

    def cluster_ip(self, service: str) -> str:
        spec = self.services[service].get("spec")
        written = spec.get("clusterIP") if isinstance(spec, dict) else None
        return written if isinstance(written, str) and written[:1].isdigit() else "192.0.2.1"  # TEST-NET-1

    def host_name(self, service: str) -> str:
        namespace, _, name = service.rpartition("/")
        return f"{name}.{namespace or 'default'}.svc.cluster.local"

    def mark(self) -> str:
        return "unbound"


@dataclass(frozen=True, eq=False)
class Scenario:
    """One folder of manifests/, possibly edited. Nothing in it changes: `edited` gives another one.

    Args:
        name: the folder's name.
        title: what it shows.
        chinese: the article's heading.
        article: the article's section.
        chapter: the marker of its tests.
        folder: where it was read.
        supports: the versions of Envoy that it supports; None for all.
        known_failures: tests that fail on some versions.
    """

    name: str
    title: str
    chinese: str
    article: str
    chapter: str
    folder: Path
    supports: Support | None
    known_failures: tuple[KnownFailure, ...]
    _run: tuple[LocatedEdit, ...] = field(repr=False)
    _config_maps: tuple[GeneratedConfigMap, ...] = field(repr=False)
    _documents: Documents = field(repr=False)
    _final: Documents = field(repr=False)

    @classmethod
    def load(cls, folder: Path, parts: Iterable[str] = ()) -> "Scenario":
        """Reads and checks a scenario's folder, and with it the kustomizations of parts/ that `parts` names.

        Raises: BadInputError, mostly "FILE:LINE: …".
        """
        folder = folder.resolve()
        if not folder.is_dir():
            raise BadInputError(f"{display_path(folder)}: no such folder; a scenario is a folder with {FILE}")
        about = read_scenario_file(folder / FILE)
        kustomization = joined([read_kustomization(folder), *(read_kustomization(PARTS / each) for each in parts)])
        _check_namespaces(kustomization)
        documents = Documents.of(kustomization)
        return cls(
            folder.name,
            about.title,
            about.chinese,
            about.article,
            about.chapter,
            folder,
            about.supports,
            about.known_failures,
            about.run,
            kustomization.config_maps,
            documents,
            _after_run(documents, about.run),
        )

    @classmethod
    def named(cls, name: str, parts: Iterable[str] = ()) -> "Scenario":
        """One of the project's own, with `parts` added. Raises: BadInputError that lists them."""
        return _named(name, tuple(parts))

    names = staticmethod(names)

    def edited(self, edits: Iterable[Edit]) -> "Scenario":
        """This scenario with `edits` applied in order; its own edits for a run come after them.

        Raises: BadInputError that names document and path, also for an edit of a run that finds its place no more.
        """
        documents = self._documents
        for edit in edits:
            documents = documents.apply(edit)
        return replace(self, _documents=documents, _final=_after_run(documents, self._run))

    def namespaces(self) -> list[str]:
        """All namespaces that objects are in or that are made, "default" first if it is one of them."""
        objects = self._documents.objects.values()
        used = [entry.namespace or entry.name for entry in objects]
        used += [config_map.namespace for config_map in self._config_maps]
        return sorted(dict.fromkeys(used), key=lambda namespace: namespace != "default")

    def objects(self) -> list[dict[str, Any]]:
        """All objects but Namespaces and ConfigMaps, with stand-ins for what only a run knows."""
        documents, known = self._state(None)
        return _objects(documents, known, lambda kind: kind not in ("Namespace", "ConfigMap"))

    def unbound_services(self) -> list[dict[str, Any]]:
        """The Services, complete: an engine makes them first to learn their ClusterIPs."""
        return _objects(self._final, self._state(None)[1], lambda kind: kind == "Service")

    def config_maps(self, facts: Bindings | None = None) -> list[dict[str, Any]]:
        """The ConfigMaps as Kubernetes objects; without `facts`, their files are as `config_files` has them then."""
        documents, known = self._state(facts)
        generated = [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": entry.name, "namespace": entry.namespace},
                "data": {key: documents.text(path.name, known) for key, path in entry.files.items()},
            }
            for entry in self._config_maps
        ]
        return generated + _objects(documents, known, lambda kind: kind == "ConfigMap")

    def config_files(self, facts: Bindings | None = None) -> dict[str, str]:
        """File name → text of every file that a configMapGenerator takes.

        Without `facts`: as written and edited, where an edit's own ClusterIp, HostName or Mark gets a stand-in.
        """
        documents, known = self._state(facts)
        return {name: documents.text(name, known) for name in documents.files}

    def config(self, file: str) -> Any:
        """The data of one YAML config file, as written and edited; not to be changed."""
        return self._documents.data(file)

    def bound(self, facts: Bindings) -> list[dict[str, Any]]:
        """The final Kubernetes objects in an order that can be applied, metadata.namespace always set.

        Namespaces, ConfigMaps, other kinds, Services, Pods; each kind in the order of the files. The caller owns them.
        """
        objects = self.config_maps(facts) + _objects(self._final, facts, lambda kind: kind != "ConfigMap")
        return sorted(objects, key=lambda data: _ORDER.index(data["kind"] if data["kind"] in _ORDER else ""))

    def _state(self, facts: Bindings | None) -> tuple[Documents, Bindings]:
        if facts is None:
            return self._documents, _AsWritten(self._documents.services())
        return self._final, facts


@cache
def _named(name: str, parts: tuple[str, ...]) -> Scenario:
    """Read once: every test, sabotage and group of probes asks for its scenario."""
    if name not in names():
        raise BadInputError(f"no scenario {name!r}; there are {', '.join(names()) or 'none'}")
    return Scenario.load(MANIFESTS / name, parts)


def _objects(documents: Documents, facts: Bindings, wanted: Callable[[str], bool]) -> list[dict[str, Any]]:
    return [documents.object(label, facts) for label, entry in documents.objects.items() if wanted(entry.kind)]


def _check_namespaces(kustomization: Kustomization) -> None:
    """Refuses an object in a namespace that nothing makes: it could not be applied."""
    made = {"default", *(entry.name for entry in kustomization.objects if entry.kind == "Namespace")}
    entries: list[KubernetesObject | GeneratedConfigMap] = [*kustomization.objects, *kustomization.config_maps]
    for entry in entries:
        if entry.namespace and entry.namespace not in made:
            raise BadInputError(
                f"{entry.where}: {entry.label}: no Namespace {entry.namespace} in this scenario: add it"
            )


def _after_run(documents: Documents, run: tuple[LocatedEdit, ...]) -> Documents:
    for located in run:
        try:
            documents = documents.apply(located.edit)
        except BadInputError as error:
            raise BadInputError(f"{located.where}: {error}") from error
    return documents
