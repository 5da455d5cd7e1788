"""Where the configuration comes from: what a control plane served is served by ours.

Where Envoy asks a cluster of its bootstrap for it, over a plain address or by TLS whose secrets are there, ours answers
at that address. Anything else (secrets that come from where they are for, Google's client, REST) is replaced.
"""

from collections.abc import Iterator

from takeover.check.given.canonical import named
from takeover.check.records import Place, Resource
from takeover.check.world.configuration import (
    CLUSTER,
    ENDPOINTS,
    EXTENSION,
    HTTP2,
    LISTENER,
    ROUTES,
    SCOPE,
    SECRET,
    SOURCES,
    Configuration,
    copied,
    drop,
    inner,
    listed,
    objects,
    set_field,
)
from takeover.model.json import JsonObject
from takeover.scenario.envoy_config import control_planes, either
from takeover.scenario.typed_yaml import Json
from takeover.scenario.yaml_text import Key

CLUSTER_NAME = "takeover-control-plane"
"""Ours, where the configuration's own cannot be answered."""
_ADS = {"ads": {}, "resource_api_version": "V3"}
_OF_ADS = {"ads", "resource_api_version", "resourceApiVersion", "initial_fetch_timeout", "initialFetchTimeout"}
_NAMES = ("name", "route_config_name", "routeConfigName", "service_name", "serviceName", "cluster_name", "clusterName")
_OF_ALL: dict[Key, str] = {
    "lds_config": LISTENER,
    "ldsConfig": LISTENER,
    "cds_config": CLUSTER,
    "cdsConfig": CLUSTER,
    "scoped_rds_config_source": SCOPE,
    "scopedRdsConfigSource": SCOPE,
    "rds_config_source": ROUTES,
    "rdsConfigSource": ROUTES,
}
_OF_FIELDS: dict[Key, str] = {
    "eds_config": ENDPOINTS,
    "edsConfig": ENDPOINTS,
    "sds_config": SECRET,
    "sdsConfig": SECRET,
}
_OF_NAMED_FIELDS = frozenset((LISTENER, CLUSTER, *_OF_FIELDS.values()))
"""What `config_source` gives nobody: that is of routes, scopes, extensions."""
_NOT_SERVED = "0.1s"
"""How long Envoy waits for what nobody has: the default, 15 s, is a start that long."""


def answered_names(configuration: Configuration, kept: frozenset[str]) -> tuple[str, ...]:
    """What the statistics of clusters are called from which the configuration comes, where that is not their name."""
    named = {*kept, *control_planes(configuration.bootstrap)}
    clusters = (each for each, _ in configuration.of_type(CLUSTER) if each.get("name") in named)
    return tuple(str(each) for each in (either(cluster, "alt_stat_name") for cluster in clusters) if each)


def needs_control_plane(configuration: Configuration) -> bool:
    """Whether Envoy asks anybody for its configuration."""
    return bool(configuration.served) or any(
        "ads_config" in found or "adsConfig" in found or _asks(found) for _, found in objects(configuration.bootstrap)
    )


def redirect(configuration: Configuration, port: int) -> frozenset[str]:
    """Has all that is served come from our control plane. Returns the clusters at whose addresses it answers.

    Args:
        port: of its xDS, on loopback.
    """
    if not needs_control_plane(configuration):
        return frozenset()
    _have_secrets_at_hand(configuration)
    ads = inner(configuration.bootstrap, "dynamic_resources", "ads_config")
    kept = _answered(configuration, ads)
    if not kept:
        _replace_ads(configuration, ads, port)
    for _, document in configuration.documents():
        for path, found in list(objects(document)):
            if path and path[-1] not in ("ads_config", "adsConfig"):
                _come_by_ads(configuration, found, str(path[-1]))
    _of_listeners_and_clusters(configuration)
    _serve_missing_routes(configuration)
    _leave_out_missing_extensions(configuration)
    for _, document in configuration.documents():
        _wait(configuration, document)
    return kept


def _have_secrets_at_hand(configuration: Configuration) -> None:
    """Puts into the bootstrap what its clusters name of secrets that are served: ADS's own cannot wait for ADS."""
    served = {each.name: each for each in configuration.served if each.type_url == SECRET}
    there = set[str]()
    for path, found in list(objects(inner(configuration.bootstrap, "static_resources"))):
        named = found.get("name")
        if path[:1] == ("clusters",) and isinstance(either(found, "sds_config"), dict) and named in served:
            drop(found, "sds_config")
            if named not in there:
                there.add(named)
                data = {key: value for key, value in served[named].data.items() if key != "@type"}
                configuration.add_static("secrets", copied(data))


def _answered(configuration: Configuration, ads: JsonObject) -> frozenset[str]:
    """The cluster of ADS, where ours can answer at its addresses."""
    names = control_planes({"ads_config": ads})
    static = {str(each.get("name")): each for each, _ in configuration.of_type(CLUSTER)}
    if not names or any(name not in static for name in names):
        return frozenset()
    if any(either(each, "google_grpc") for each in listed(ads, "grpc_services")):
        return frozenset()
    for name in names:
        if not listed(either(static[name], "load_assignment"), "endpoints"):
            return frozenset()
        for _, found in objects(static[name]):
            if "sds_config" in found or "sdsConfig" in found:
                return frozenset()
    return frozenset(names)


def _replace_ads(configuration: Configuration, ads: JsonObject, port: int) -> None:
    if ads:
        what, why = "ADS leads to a cluster of this run", "what the configuration's own needs is not here"
        configuration.differs(what, why, configuration.place("dynamic_resources", "ads_config"))
    kind = ads.get("api_type", ads.get("apiType"))
    wanted = kind if kind in ("GRPC", "DELTA_GRPC") else "GRPC"
    dynamic = inner(configuration.bootstrap, "dynamic_resources")
    drop(dynamic, "ads_config")
    service = {"envoy_grpc": {"cluster_name": CLUSTER_NAME}}
    dynamic["ads_config"] = {"api_type": wanted, "transport_api_version": "V3", "grpc_services": [service]}
    set_field(configuration.bootstrap, "dynamic_resources", dynamic)
    endpoint = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}
    configuration.add_static(
        "clusters",
        {
            "name": CLUSTER_NAME,
            "connect_timeout": "0.25s",
            "typed_extension_protocol_options": copied(HTTP2),
            "load_assignment": {
                "cluster_name": CLUSTER_NAME,
                "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}],
            },
        },
    )


def _asks(found: JsonObject) -> bool:
    """Whether it is a `ConfigSource` that leads to a control plane."""
    return isinstance(either(found, "api_config_source"), dict)


def _come_by_ads(configuration: Configuration, found: JsonObject, field: str) -> None:
    is_file = configuration.served and field in SOURCES and (either(found, "path_config_source") or "path" in found)
    if _asks(found) or is_file:
        drop(found, "api_config_source", "path_config_source", "path")
        found |= copied(_ADS)
        if is_file:
            configuration.differs("resources of files come by ADS", "so this run can look into them")


def _serve_missing_routes(configuration: Configuration) -> None:
    """Serves what was not given of routes as none: by delta xDS Envoy waits for it without an end."""
    known = {each.name for each in configuration.served if each.type_url == ROUTES}
    missing = dict[str, Place]()
    for path, name in list(_named_routes(configuration)):
        if name not in known:
            missing.setdefault(name, configuration.place(*path))
    for name, place in missing.items():
        data = {"@type": ROUTES, "name": name, "virtual_hosts": []}
        configuration.served.append(Resource(type_url=ROUTES, name=name, data=data, place=place, is_static=False))
    if missing:
        first = next(iter(missing.values()))
        configuration.differs(f"the routes {named(missing)} are none", "they come by RDS, and none were given", first)


def _named_routes(configuration: Configuration) -> Iterator[tuple[tuple[Key, ...], str]]:
    """Each table of routes that comes by ADS, and where it is named: by a listener, by a scope."""
    for _, document in configuration.documents():
        for path, found in objects(document):
            if "ads" in inner(found, "config_source") and isinstance(name := either(found, "route_config_name"), str):
                yield path, name
            if "ads" not in inner(found, "rds_config_source"):
                continue
            for below, scope in objects(found):
                if isinstance(name := either(scope, "route_configuration_name"), str):
                    yield (*path, *below), name
    for each in configuration.served:
        if each.type_url == SCOPE and isinstance(name := either(each.data, "route_configuration_name"), str):
            yield (), name


def _leave_out_missing_extensions(configuration: Configuration) -> None:
    """Leaves out what was not given of extensions: by delta xDS Envoy waits for them without an end, too.

    One that has a default begins with that at once.
    """
    known = {each.name for each in configuration.served if each.type_url == EXTENSION}

    def is_missing(each: Json) -> bool:
        discovery = inner(each, "config_discovery")
        return "ads" in inner(discovery, "config_source") and not (
            each.get("name") in known or either(discovery, "default_config")
        )

    for name, document in configuration.documents():
        for path, found in list(objects(document)):
            discovery = inner(found, "config_discovery")
            if "ads" in inner(discovery, "config_source") and found.get("name") not in known:
                set_field(discovery, "apply_default_config_without_warming", True)  # else it is left out below
            for key, listed_there in found.items():
                missing = [each for each in listed_there if is_missing(each)] if isinstance(listed_there, list) else []
                if missing:
                    found[key] = [each for each in listed_there if each not in missing]
                for each in missing:
                    what, why = f"the extension {each.get('name')} is left out", "it comes by ECDS, and is not there"
                    configuration.differs(what, why, configuration.place(*filter(None, (name,)), *path, key))


def _wait(configuration: Configuration, document: JsonObject) -> None:
    """Has Envoy wait for what is served, as it would be LIVE after a while without it; for nothing else."""
    served = {(each.type_url, each.name) for each in configuration.served}
    types = {kind for kind, _ in served}
    for path, found in list(objects(document)):
        if "ads" not in found or not found.keys() <= _OF_ADS:
            continue
        above = _above(document, path)
        names = {value for each in above for key, value in each.items() if key in _NAMES and isinstance(value, str)}
        field = path[-1] if path else ""
        kinds = [_OF_FIELDS[field]] if field in _OF_FIELDS else types - _OF_NAMED_FIELDS
        is_there = any((kind, name) in served for kind in kinds for name in names)
        is_there = is_there or (field in _OF_ALL and _OF_ALL[field] in types)
        set_field(found, "initial_fetch_timeout", "0s" if is_there else _NOT_SERVED)


def _above(document: JsonObject, path: tuple[Key, ...]) -> list[JsonObject]:
    """The two objects in which it stands: one of them has its name."""
    found = list[JsonObject]()
    data: Json = document
    for each in path:
        if isinstance(data, dict):
            found.append(data)
        data = data[each]
    return found[-2:]


def _of_listeners_and_clusters(configuration: Configuration) -> None:
    """A dump's bootstrap need not say that it asks for them."""
    dynamic: Json = inner(configuration.bootstrap, "dynamic_resources")
    served = {each.type_url.rpartition(".")[2] for each in configuration.served}
    for kind, field in (("Listener", "lds_config"), ("Cluster", "cds_config")):
        if kind in served and not either(dynamic, field):
            dynamic[field] = copied(_ADS)
    set_field(configuration.bootstrap, "dynamic_resources", dynamic)
