"""The Pod of a world: Envoy, the upstream, the control plane, and clients whose connections are intercepted."""

import posixpath
from dataclasses import dataclass

from takeover.check.world.ways import POD, UPSTREAM, Capture
from takeover.model.json import JsonObject
from takeover.scenario.typed_yaml import Json

ENVOY = "envoyproxy"
CONTROL_PLANE = "control-plane"
CONFIG = "envoyconfig"
WORLD = "world"
_READY = "/run/takeover/ready"
_WAIT = f'until [ -e {_READY} ]; do sleep 0.01; done; exec "$0" "$@"'
_PYTHON = ["python3", "-E", "-s", "-S", "-B", "-u"]
_PEERS = "envoy-takeover/peers"
_PAUSE = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [15]); signal.sigwait([15])"


@dataclass(frozen=True)
class Wanted:
    """What the Pod is to have.

    Args:
        admin_port: where Envoy says whether it is ready, at every address.
        control_port: of the upstream.
        control_plane_ports: of its xDS, and of its API.
        captures: the listeners that get what clients' connections are intercepted.
        mounts: files in Envoy's container: path → the volume's name and the file in it.
        volumes: name → the ConfigMaps that it is made of.
        control_plane: the ConfigMaps of what is served; none: nobody asks.
        folders: those that Envoy and the upstream share: of sockets.
        own_folders: others of Envoy's.
        has_ipv6: whether loopback needs it.
    """

    admin_port: int
    control_port: int
    control_plane_ports: tuple[int, int]
    captures: tuple[Capture, ...]
    mounts: dict[str, tuple[str, str]]
    volumes: dict[str, tuple[str, ...]]
    control_plane: tuple[str, ...]
    folders: tuple[str, ...]
    own_folders: tuple[str, ...]
    has_ipv6: bool


def pod(wanted: Wanted) -> JsonObject:
    """The Pod, as Kubernetes has it."""
    containers = [_envoy(wanted), _upstream(wanted)]
    if wanted.control_plane:
        containers.append(_control_plane(*wanted.control_plane_ports))
    containers += [_client(each) for each in wanted.captures]
    shared = [{"name": f"folder-{index + 1}", "emptyDir": {}} for index in range(len(wanted.folders))]
    spec: JsonObject = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 1,
        "containers": containers,
        "volumes": [
            {"name": "ready", "emptyDir": {}},
            {"name": CONFIG, "configMap": {"name": CONFIG}},
            {"name": WORLD, "configMap": {"name": WORLD}},
            *shared,
            *({"name": f"own-{index + 1}", "emptyDir": {}} for index in range(len(wanted.own_folders))),
            *(_projected(name, sources) for name, sources in wanted.volumes.items()),
        ],
    }
    if wanted.control_plane:
        spec["volumes"].append(_projected("config", wanted.control_plane))
    if wanted.captures:
        spec["initContainers"] = [_rules(wanted.captures)]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": POD, "labels": {"app": POD}}, "spec": spec}


def _envoy(wanted: Wanted) -> JsonObject:
    files = [
        {"name": volume, "mountPath": path, "subPath": key} for path, (volume, key) in sorted(wanted.mounts.items())
    ]
    return {
        "name": ENVOY,
        "image": "envoyproxy/envoy:v1.40.0",
        "imagePullPolicy": "IfNotPresent",
        # What it dials answers by then: nothing of its start is of chance.
        "command": ["sh", "-c", _WAIT, "envoy"],
        "args": [
            *("-c", f"/etc/takeover/{CONFIG}/envoy.yaml", "--concurrency", "1"),
            *("--file-flush-interval-msec", "2", "--disable-hot-restart"),
        ],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": wanted.admin_port}, "periodSeconds": 3600},
        "volumeMounts": [
            *_shared(wanted),  # first: others may be in one of them
            {"name": CONFIG, "mountPath": f"/etc/takeover/{CONFIG}"},
            {"name": "ready", "mountPath": posixpath.dirname(_READY)},
            *({"name": f"own-{index}", "mountPath": folder} for index, folder in enumerate(wanted.own_folders, 1)),
            *files,
        ],
    }


def _upstream(wanted: Wanted) -> JsonObject:
    # IPv6 is switched on by a file that only who is privileged may write.
    may = {"privileged": True} if wanted.has_ipv6 else {"capabilities": {"add": ["NET_ADMIN"]}}
    return {
        "name": UPSTREAM,
        "image": _PEERS,
        "imagePullPolicy": "Never",
        "command": [*_PYTHON, "/opt/takeover/peers/world", _READY],
        "securityContext": may,
        "readinessProbe": {"tcpSocket": {"port": wanted.control_port}, "periodSeconds": 3600},
        "volumeMounts": [
            *_shared(wanted),
            {"name": WORLD, "mountPath": "/etc/world"},
            {"name": "ready", "mountPath": posixpath.dirname(_READY)},
        ],
    }


def _shared(wanted: Wanted) -> list[Json]:
    return [{"name": f"folder-{index + 1}", "mountPath": folder} for index, folder in enumerate(sorted(wanted.folders))]


def _control_plane(xds_port: int, api_port: int) -> JsonObject:
    return {
        "name": CONTROL_PLANE,
        "image": _PEERS,
        "imagePullPolicy": "Never",
        "command": [
            *("takeover", "control-plane", "/etc/control-plane"),
            *("--xds-port", str(xds_port), "--api-port", str(api_port)),
        ],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": api_port}, "periodSeconds": 3600},
        "volumeMounts": [{"name": "config", "mountPath": "/etc/control-plane"}],
    }


def _client(capture: Capture) -> JsonObject:
    return {
        "name": capture.container,
        "image": _PEERS,
        "imagePullPolicy": "Never",
        "command": [*_PYTHON, "-c", _PAUSE],
        "securityContext": {"runAsUser": capture.user, "runAsGroup": capture.user},
    }


def _rules(captures: tuple[Capture, ...]) -> JsonObject:
    lines = [
        f"iptables -t nat -A OUTPUT -m owner --uid-owner {each.user} -p tcp -j REDIRECT --to-ports {each.port};"
        for each in captures
    ]
    return {
        "name": "init",
        "image": "bgiddings/iptables",
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c"],
        "args": ["\n".join(lines)],
        "securityContext": {"privileged": True},
    }


def _projected(name: str, sources: tuple[str, ...]) -> JsonObject:
    return {"name": name, "projected": {"sources": [{"configMap": {"name": each}} for each in sources]}}
