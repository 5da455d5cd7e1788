"""The local engine, as the test process sees it: deploys scenarios, each on a node of its own."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from takeover.base.errors import BadInputError
from takeover.engines import images as roles
from takeover.engines.contract import Concurrency
from takeover.engines.local import images, objects, root_file_system
from takeover.engines.local.deployment import LocalDeployment
from takeover.engines.local.inside.runtime import Image
from takeover.engines.local.node_client import ScenarioNode
from takeover.model.json import JsonObject
from takeover.model.release import Release
from takeover.node import host
from takeover.node.nodes import Nodes
from takeover.scenario.loader import Scenario


class LocalEngine:
    """Linux namespaces on this machine; no Docker, no images, no root where the system lets users make namespaces.

    Args:
        replaced_images: role → image reference, in the place of the manifests' own.
        ready_timeout: seconds until a scenario's Pods must be Ready. They need a fraction of one; a busy machine may
            need a hundred times that.
    """

    name = "local"
    # A deployment keeps a core busy, and the tests have the other one. Those that wait for a timer have time for many.
    concurrency = Concurrency(at_once=1, ahead=8)

    def __init__(self, replaced_images: Mapping[str, str], ready_timeout: float = 30.0) -> None:
        self._ready_timeout = ready_timeout
        self._replaced = replaced_images
        roles.require(replaced_images)
        for reference in replaced_images.values():
            images.role_of(reference)
        host.check()
        self._root_file_system = root_file_system.root_file_system()
        self._nodes = Nodes("takeover.engines.local.inside.worker")

    def deploy(self, scenario: Scenario, envoy: Release) -> LocalDeployment:
        """Makes a node, applies the scenario's objects on it, waits until all is Ready."""
        node = self._nodes.new(ScenarioNode, {"root_file_system": str(self._root_file_system)})
        try:
            return LocalDeployment(scenario, node, functools.partial(self._prepared, envoy.path), self._ready_timeout)
        except BaseException:
            node.close()
            raise

    def _prepared(self, envoy: Path, documents: list[JsonObject]) -> tuple[list[JsonObject], dict[str, Image]]:
        """The documents with replaced images, checked, and what provides each image."""
        provided = {}
        for document in documents:
            spec = document.get("spec") if document.get("kind") == "Pod" else None
            for container in _containers(spec):
                role = images.role_of(container["image"])
                container["image"] = self._replaced.get(role.name, container["image"])
                provided[container["image"]] = images.provide(container["image"], envoy)
        _check_references([objects.parse(document) for document in documents])
        return documents, provided

    def close(self) -> None:
        """Ends all nodes, also one that Ctrl-C kept its owner from ending."""
        self._nodes.close()


def _containers(spec: Any) -> list[JsonObject]:
    if not isinstance(spec, dict):
        return []
    listed = [spec.get("initContainers", []), spec.get("containers", [])]
    found = [each for part in listed if isinstance(part, list) for each in part]
    return [each for each in found if isinstance(each, dict) and isinstance(each.get("image"), str)]


def _check_references(parsed: list[objects.Object]) -> None:
    """Raises: BadInputError for a name that leads nowhere; a node takes it for granted that all lead somewhere."""
    config_maps = {objects.full_name(each) for each in parsed if isinstance(each, objects.ConfigMap)}
    for pod in parsed:
        if not isinstance(pod, objects.Pod):
            continue
        name, namespace = pod.metadata.name, pod.metadata.namespace
        volumes = {each.name for each in pod.spec.volumes}
        for volume in pod.spec.volumes:
            if volume.config_map and f"{namespace}/{volume.config_map.name}" not in config_maps:
                raise BadInputError(
                    f"Pod/{name}: spec.volumes[{volume.name}]: there is no ConfigMap {volume.config_map.name} "
                    f"in namespace {namespace}"
                )
        containers = [*pod.spec.init_containers, *pod.spec.containers]
        names = [each.name for each in containers]
        for container in containers:
            if names.count(container.name) > 1:
                raise BadInputError(f"Pod/{name}: two containers are named {container.name}")
            for mount in container.volume_mounts:
                if mount.name not in volumes:
                    raise BadInputError(
                        f"Pod/{name}: container {container.name} mounts {mount.name}, which is no volume"
                    )
