"""From a scenario's objects to those of a run: namespaces of its own, labels, images, and what the cluster chooses."""

import copy
import os
from collections.abc import Mapping

from takeover.base.errors import BadInputError
from takeover.engines.images import how_to_build
from takeover.engines.kubernetes import processes
from takeover.engines.kubernetes.images import Images
from takeover.model.json import JsonObject
from takeover.scenario.documents import canonical

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "envoy-takeover"
RUN = "envoy-takeover/run"
DEPLOYMENT = "envoy-takeover/deployment"
SCENARIO = "envoy-takeover/scenario"
HOST = "envoy-takeover/host"
PID = "envoy-takeover/pid"
PROCESS_START = "envoy-takeover/process-start"
ALIVE = "envoy-takeover/alive"
"""When the run last said that it is there: see `takeover.engines.kubernetes.life`."""

PREFIX = "takeover-"
"""What the names of all runs' namespaces begin with."""

PATHS: Mapping[tuple[str, str], str] = {
    ("v1", "ConfigMap"): "/api/v1/namespaces/{namespace}/configmaps/{name}",
    ("v1", "ServiceAccount"): "/api/v1/namespaces/{namespace}/serviceaccounts/{name}",
    ("v1", "Secret"): "/api/v1/namespaces/{namespace}/secrets/{name}",
    ("v1", "Service"): "/api/v1/namespaces/{namespace}/services/{name}",
    ("v1", "Pod"): "/api/v1/namespaces/{namespace}/pods/{name}",
}
"""The kinds that a scenario may have, besides Namespace."""

_LONGEST_NAME = 63


class Naming:
    """The names and labels of one deployment.

    Args:
        run_id: random, per process.
        number: of the deployment in its run.
        scenario: the scenario's name.
    """

    def __init__(self, run_id: str, number: int, scenario: str) -> None:
        self._prefix = f"{PREFIX}{run_id}-{number}-"
        self.labels = {MANAGED_BY: MANAGER, RUN: run_id, DEPLOYMENT: f"{run_id}-{number}"}
        self._annotations = {
            SCENARIO: scenario,
            HOST: processes.host(),
            PID: str(os.getpid()),
            PROCESS_START: processes.start(os.getpid()),
        }

    @property
    def selector(self) -> str:
        """Selects everything of this deployment."""
        return f"{DEPLOYMENT}={self.labels[DEPLOYMENT]}"

    def actual(self, namespace: str) -> str:
        """The run's namespace for the manifest's. Raises: BadInputError when the name gets too long."""
        name = self._prefix + namespace
        if len(name) > _LONGEST_NAME:
            most = _LONGEST_NAME - len(self._prefix)
            raise BadInputError(f"namespace {namespace!r} is too long for a run's prefix: at most {most} characters")
        return name

    def namespace_object(self, namespace: str) -> JsonObject:
        """The Namespace in the run's place of the manifest's."""
        # Interception needs NET_ADMIN, which only "privileged" allows.
        labels = {**self.labels, "pod-security.kubernetes.io/enforce": "privileged"}
        metadata = {"name": self.actual(namespace), "labels": labels, "annotations": self._annotations}
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}

    def object(self, manifest: JsonObject, images: Images) -> JsonObject:
        """The run's object in the place of a manifest's; the manifest stays as it is."""
        result: JsonObject = copy.deepcopy(manifest)
        metadata = result["metadata"]
        where = f"{result['kind']} {metadata['namespace']}/{metadata['name']}"
        if (result.get("apiVersion"), result["kind"]) not in PATHS:
            kinds = ", ".join(kind for _, kind in PATHS)
            raise BadInputError(f"{where}: the kubernetes engine takes {kinds}, Deployment and Namespace only")
        metadata["namespace"] = self.actual(metadata["namespace"])
        metadata["labels"] = {**(metadata.get("labels") or {}), **self.labels}
        spec = result.get("spec") or {}
        if result["kind"] == "Service" and spec.get("clusterIP") != "None":
            # The article's address may be another Service's here.
            spec.pop("clusterIP", None)
            spec.pop("clusterIPs", None)
        if result["kind"] in ("ConfigMap", "Secret"):
            result.pop("immutable", None)  # what a test changes is changed in it
        if result["kind"] == "Pod":
            # What manifests leave open: no token and no variables of other Services, as they ask for none.
            spec.setdefault("automountServiceAccountToken", False)
            spec.setdefault("enableServiceLinks", False)
            for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
                named = container.get("image")
                container["image"] = images.for_manifest(named, f"{where}, {container.get('name')}")
                if how_to_build(container["image"]):
                    # What nobody publishes, somebody else could, under our name.
                    container["imagePullPolicy"] = "Never"
                elif container["image"] != named and container.get("imagePullPolicy") == "Never":
                    container["imagePullPolicy"] = "IfNotPresent"
                container.setdefault("imagePullPolicy", "IfNotPresent")
                # The status of a container that failed then ends with what it said.
                container.setdefault("terminationMessagePolicy", "FallbackToLogsOnError")
        return result


def path(applied: JsonObject) -> str:
    """Where the API has an object."""
    template = PATHS[applied["apiVersion"], applied["kind"]]
    return template.format(namespace=applied["metadata"]["namespace"], name=applied["metadata"]["name"])


def key(namespace: str, name: str) -> str:
    """How the interface names it: NAME in default, else NAMESPACE/NAME."""
    return canonical(f"{namespace}/{name}")


def user(pod: JsonObject, container: str) -> tuple[int, int]:
    """The uid and gid that a container of a Pod's manifest runs as; 0 where the manifest names none."""
    spec = pod["spec"]
    entry = next(entry for entry in spec["containers"] if entry["name"] == container)
    merged = {**(spec.get("securityContext") or {}), **(entry.get("securityContext") or {})}
    return int(merged.get("runAsUser") or 0), int(merged.get("runAsGroup") or 0)


def target_port(port: JsonObject, pod: JsonObject) -> int | None:
    """The number of the Pod's port to which a Service's port leads; None for a name that the Pod does not have."""
    wanted = port.get("targetPort", port["port"])
    if isinstance(wanted, int):
        return wanted
    named = (each for container in pod["spec"]["containers"] for each in container.get("ports") or [])
    return next((int(each["containerPort"]) for each in named if each.get("name") == wanted), None)


def selects(service: JsonObject, pod: JsonObject) -> bool:
    """Whether the Service's selector takes the Pod (both as applied, or both as in the manifest)."""
    selector = service.get("spec", {}).get("selector") or {}
    labels = pod["metadata"].get("labels") or {}
    same = service["metadata"].get("namespace") == pod["metadata"].get("namespace")
    return bool(selector) and same and all(labels.get(name) == value for name, value in selector.items())
