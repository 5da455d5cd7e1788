"""What was given and the world around it, written by hand: static configurations in the Pod of `bases/edge`."""

import shutil
from pathlib import Path
from typing import Any

import yaml

from takeover.check.derive.chain_match import CONNECTION_MANAGER
from takeover.check.records import Given, Place, Resource, Way, World

_TYPES = "type.googleapis.com/envoy.config."
_LISTENER, _ROUTES = f"{_TYPES}listener.v3.Listener", f"{_TYPES}route.v3.RouteConfiguration"
_CLUSTER = f"{_TYPES}cluster.v3.Cluster"


def given_of(bootstrap: dict[str, Any], **changed: Any) -> Given:
    """What reading the bootstrap gives, as far as probes are worked out from it."""
    static = bootstrap.get("static_resources", {})
    resources = []
    for key, kind in (("listeners", _LISTENER), ("clusters", _CLUSTER), ("routes", _ROUTES)):
        for number, each in enumerate(static.get(key, ())):
            place = Place("envoy.yaml", f"static_resources.{key}[{number}]")
            resources.append(Resource(kind, each["name"], each, place))
    return Given(
        name="mine",
        kind="bootstrap",
        source=Path("envoy.yaml"),
        bootstrap=bootstrap,
        resources=tuple(resources),
        **changed,
    )


def world_of(given: Given, **changed: Any) -> World:
    """A world in which every listener is reached at 127.0.0.1 from the upstream's container."""
    ways = tuple(
        Way(each.name, "edge", "upstream", "127.0.0.1", each.data["address"]["socket_address"]["port_value"])
        for each in given.resources
        if each.type_url == _LISTENER and "address" in each.data
    )
    return World(scenario=Path(), pod="edge", container="envoyproxy", ways=ways, dialled=(), **changed)


def listener(name: str, port: int, *chains: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A listener at that port of all addresses."""
    address = {"socket_address": {"address": "0.0.0.0", "port_value": port}}
    return {"name": name, "address": address, "filter_chains": list(chains), **more}


def manager(*hosts: dict[str, Any], filters: tuple[dict[str, Any], ...] = (), **more: Any) -> dict[str, Any]:
    """A filter chain's connection manager with those virtual hosts, which logs which route it took."""
    log = {
        "name": "stdout",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
            "log_format": {
                "json_format": {
                    "route": "%ROUTE_NAME%",
                    "upstream_cluster": "%UPSTREAM_CLUSTER%",
                    "status": "%RESPONSE_CODE%",
                    "filter_chain": "%FILTER_CHAIN_NAME%",
                    "details": "%RESPONSE_CODE_DETAILS%",
                }
            },
        },
    }
    router = {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
    }
    config = {
        "@type": f"type.googleapis.com/{CONNECTION_MANAGER}",
        "stat_prefix": "mine",
        "delayed_close_timeout": "0.01s",
        "access_log": [log],
        "route_config": {"name": "mine", "virtual_hosts": list(hosts)},
        "http_filters": [*filters, router],
        **more,
    }
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": config}


def cluster(name: str, port: int = 80) -> dict[str, Any]:
    """A cluster that leads to the Pod's own upstream."""
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    return {"name": name, "load_assignment": {"cluster_name": name, "endpoints": endpoints}, "connect_timeout": "1s"}


def bootstrap(listeners: list[dict[str, Any]], clusters: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A whole one."""
    admin = {"address": {"socket_address": {"address": "0.0.0.0", "port_value": 9901}}}
    node = {"id": "mine", "cluster": "mine"}
    return {"node": node, "admin": admin, "static_resources": {"listeners": listeners, "clusters": clusters}, **more}


def write_scenario(folder: Path, config: dict[str, Any], probes: str, bases: Path) -> Path:
    """A library below `folder` with the one scenario `mine`: gives its folder."""
    scenario = folder / "scenarios" / "mine"
    scenario.mkdir(parents=True)
    for name in ("edge", "certificates"):
        shutil.copytree(bases / name, folder / "scenarios" / "bases" / name)
    (scenario / "envoy.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    (scenario / "probes.yaml").write_text(probes)
    (scenario / "scenario.yaml").write_text("title: mine\nenvoys:\n- {pod: edge, container: envoyproxy}\n")
    (scenario / "kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../bases/edge]\n"
        "generatorOptions: {disableNameSuffixHash: true}\n"
        "configMapGenerator:\n- name: envoyconfig\n  files: [envoy.yaml]\n"
    )
    return scenario
