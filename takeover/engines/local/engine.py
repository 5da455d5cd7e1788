"""The local engine, as the test process sees it: deploys scenarios, each on a node of its own."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from takeover.base.errors import BadInputError
from takeover.engines import images as roles
from takeover.engines.contract import Concurrency
from takeover.engines.local import (
    images,
    objects,
    parsing,
    references,
    trees,
    variables,
    volume_rules,
)
from takeover.engines.local.deployment import LocalDeployment
from takeover.engines.local.inside import capabilities
from takeover.engines.local.inside.runtime import PROGRAMS, Image
from takeover.engines.local.node_client import ScenarioNode
from takeover.envoy.identity import require_unchanged
from takeover.model.json import JsonObject
from takeover.model.release import Release
from takeover.node import host, root
from takeover.node.nodes import Nodes
from takeover.scenario.loader import Scenario
from takeover.scenario.yaml_text import Key

_MOST_PODS = 110
_NO_FACTS = references.Facts("", "", "")


class LocalEngine:
    """Linux namespaces on this machine; no Docker, no images, no root where the system lets users make namespaces.

    Args:
        replaced_images: role → image reference, in the place of the manifests' own.
        ready_timeout: seconds until a scenario's Pods must be Ready. They need a fraction of one; a busy machine may
            need a hundred times that.
    """

    name = "local"
    # A deployment keeps a core busy, and the tests have the other one. Those that wait for a timer have time for many.
    concurrency = Concurrency(at_once=1, ahead=4, probed=min(3 * (os.cpu_count() or 1), 8))

    def __init__(self, replaced_images: Mapping[str, str], ready_timeout: float = 30.0) -> None:
        self._ready_timeout = ready_timeout
        self._replaced = replaced_images
        roles.require(replaced_images)
        for reference in replaced_images.values():
            images.role_of(reference)
        host.check()
        self._tree = trees.take()
        self._needed = root.needed_by(*PROGRAMS) | {images.PEERS_IN_NODE: str(roles.PEERS_FOLDER)} | self._tree.seen
        self._nodes = Nodes("takeover.engines.local.inside.worker")

    def deploy(self, scenario: Scenario, envoy: Release) -> LocalDeployment:
        """Makes a node, applies the scenario's objects on it, waits until all is Ready."""
        require_unchanged(envoy.path, envoy.file, envoy.sha256)
        seen = self._needed | {images.ENVOY_IN_NODE: str(envoy.path)}
        node = self._nodes.new(ScenarioNode, self._tree.settings, root.Root(seen))
        try:
            with _told_where(scenario):
                return LocalDeployment(scenario, node, self._prepared, self._ready_timeout)
        except BaseException:
            node.close()
            raise

    def check(self, scenario: Scenario) -> None:
        """See `takeover.engines.contract.CheckingEngine`."""
        with _told_where(scenario):
            self._prepared(scenario.unbound())

    def _prepared(self, documents: list[JsonObject]) -> tuple[list[JsonObject], dict[str, Image]]:
        """The documents with replaced images, checked, and what provides each image."""
        provided = {}
        for document in documents:
            if document.get("kind") == "Service" and (lacking := self._tree.lacks_for_services()):
                raise parsing.RefusedError(document, (), _lacks("Services", lacking, self._tree))
            spec = document.get("spec") if document.get("kind") == "Pod" else None
            for keys, container in _containers(spec):
                try:
                    role = images.role_of(container["image"])
                except BadInputError as error:
                    raise parsing.RefusedError(document, (*keys, "image"), str(error)) from None
                if lacking := self._tree.lacks(role):
                    what = _lacks(f"image {container['image']}", lacking, self._tree)
                    raise parsing.RefusedError(document, (*keys, "image"), what)
                container["image"] = self._replaced.get(role.name, container["image"])
                provided[container["image"]] = images.provide(container["image"])
        _check_references(documents)
        return documents, provided

    def close(self) -> None:
        """Ends all nodes, also one that Ctrl-C kept its owner from ending."""
        self._nodes.close()
        self._tree.close()


def _lacks(what: str, lacking: str, tree: trees.Tree) -> str:
    return f"{what}: containers see {tree.name} programs here, and {lacking} to have a root file system built"


@contextlib.contextmanager
def _told_where(scenario: Scenario) -> Iterator[None]:
    """What is refused is told with the place where it is written."""
    try:
        yield
    except parsing.RefusedError as error:
        raise BadInputError(f"{scenario.where(error.label, *error.keys)}: {error}") from None


def _containers(spec: Any) -> list[tuple[tuple[Key, ...], JsonObject]]:
    """The containers of a Pod's spec that have an image, and where each is in the Pod."""
    if not isinstance(spec, dict):
        return []
    return [
        (("spec", key, index), each)
        for key in ("initContainers", "containers")
        if isinstance(listed := spec.get(key), list)
        for index, each in enumerate(listed)
        if isinstance(each, dict) and isinstance(each.get("image"), str)
    ]


def _check_pods_and_addresses(documents: list[JsonObject], parsed: list[objects.Object]) -> None:
    """Raises: RefusedError for more Pods than a kubelet has by default, and for an address that two Services have."""
    pods = [document for document, each in zip(documents, parsed, strict=True) if isinstance(each, objects.Pod)]
    if len(pods) > _MOST_PODS:
        raise parsing.RefusedError(pods[_MOST_PODS], (), f"there are {len(pods)} Pods; a node takes {_MOST_PODS}")
    taken: dict[str, str] = {}
    for document, each in zip(documents, parsed, strict=True):
        if isinstance(each, objects.Service) and (address := each.spec.cluster_ip):
            if address in taken:
                what = f"spec.clusterIP is {address}, which Service {taken[address]} has: leave the field out"
                raise parsing.RefusedError(document, ("spec", "clusterIP"), what)
            taken[address] = objects.full_name(each)


def _check_together(paths: Sequence[str]) -> None:
    """Raises: ValueError for paths that one volume cannot have, of several sources."""
    for _, what in volume_rules.twice(each[1:] for each in paths):
        raise ValueError(what)
    if wrong := volume_rules.wrong_together(paths):
        raise ValueError(wrong)


@contextlib.contextmanager
def _refused_at(document: JsonObject, *keys: Key, name: str) -> Iterator[None]:
    """Raises: RefusedError for a reference there that leads nowhere."""
    try:
        yield
    except ValueError as error:
        raise parsing.RefusedError(document, keys, f"{name}: {error}") from None


def _check_references(documents: list[JsonObject]) -> None:
    """Raises: RefusedError for a name that leads nowhere; a node takes it for granted that all lead somewhere."""
    parsed = [parsing.parse(document) for document in documents]
    _check_pods_and_addresses(documents, parsed)
    config_maps = {objects.full_name(each): each for each in parsed if isinstance(each, objects.ConfigMap)}
    secrets = {objects.full_name(each): each for each in parsed if isinstance(each, objects.Secret)}
    for document, pod in zip(documents, parsed, strict=True):
        if not isinstance(pod, objects.Pod):
            continue
        sources = references.Sources(pod.metadata.namespace, config_maps, secrets)
        volumes = {each.name for each in pod.spec.volumes}
        for index, volume in enumerate(pod.spec.volumes):
            with _refused_at(document, "spec", "volumes", index, name=f"spec.volumes[{volume.name}]"):
                _check_together([volume_rules.plain(path) for path, _, _ in sources.files(volume, pod, _NO_FACTS)])
        containers: list[tuple[tuple[Key, ...], objects.Container]] = [
            *((("spec", "initContainers", index), each) for index, each in enumerate(pod.spec.init_containers)),
            *((("spec", "containers", index), each) for index, each in enumerate(pod.spec.containers)),
        ]
        names = [each.name for _, each in containers]
        for keys, container in containers:
            with _refused_at(document, *keys, name=f"container {container.name}"):
                variables.expanded(container, sources.environment(container, pod, _NO_FACTS))
            if refused := capabilities.refused(container.security_context):
                what = f"the local engine gives no container {', '.join(refused)}: it would reach beyond its node"
                raise parsing.RefusedError(document, (*keys, "securityContext", "capabilities", "add"), what)
            if names.count(container.name) > 1:
                raise parsing.RefusedError(document, (*keys, "name"), f"two containers are named {container.name}")
            for index, mount in enumerate(container.volume_mounts):
                if mount.name not in volumes:
                    what = f"container {container.name} mounts {mount.name}, which is no volume"
                    raise parsing.RefusedError(document, (*keys, "volumeMounts", index), what)
