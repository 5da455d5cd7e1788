"""How an Envoy's config is read: protobuf's JSON, whose fields have two names each."""

from collections.abc import Iterable, Iterator, Mapping

from takeover.base.errors import BadInputError
from takeover.scenario.typed_yaml import Json


def either(data: Mapping[str, Json], field: str) -> Json:
    """The field, under either of the names that protobuf's JSON takes."""
    return data.get(field, data.get(camel_case(field)))


def camel_case(field: str) -> str:
    """The other name of a field."""
    first, *others = field.split("_")
    return first + "".join(map(str.title, others))


def mapping(data: Json, where: str, what: str) -> dict[str, Json]:
    """The data as a mapping, an empty one for null.

    Raises: BadInputError for anything else.
    """
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise BadInputError(f"{where}: {what} must be a mapping: Envoy's config has one there")
    return data


def control_planes(config: Json) -> tuple[str, ...]:
    """The clusters that the config gets configuration from: what they count is no traffic of clients."""
    return tuple(dict.fromkeys(_asked_for_configuration(config)))


def clusters(config: Json, files: Iterable[Json]) -> dict[str, str] | None:
    """What statistics call the clusters of the config, by every name that they have; None where others tell them.

    Args:
        config: of an Envoy.
        files: what else its ConfigMaps have, among which a file of CDS may be.
    """
    dynamic = either(config, "dynamic_resources") if isinstance(config, dict) else None
    source = either(dynamic, "cds_config") if isinstance(dynamic, dict) else None
    if source is not None and not (isinstance(source, dict) and _BY_FILE & source.keys()):
        return None
    static = either(config, "static_resources") if isinstance(config, dict) else None
    listed = [either(static, "clusters")] if isinstance(static, dict) else []
    listed += [each.get("resources") for each in files if isinstance(each, dict)] if source is not None else []
    found = dict[str, str]()
    for each in (each for some in listed if isinstance(some, list) for each in some if isinstance(each, dict)):
        if isinstance(name := each.get("name"), str):
            found[name] = str(either(each, "alt_stat_name") or name)
    return {told: told for told in found.values()} | found


# ConfigSource's ways to a file, one of them of old.
_BY_FILE = frozenset(name for field in ("path_config_source", "path") for name in (field, camel_case(field)))


def _asked_for_configuration(data: Json) -> Iterator[str]:
    if isinstance(data, dict):
        for key, value in data.items():
            if key in _ASKING and isinstance(value, dict):
                yield from _clusters_of(value)
            else:
                yield from _asked_for_configuration(value)
    elif isinstance(data, list):
        for value in data:
            yield from _asked_for_configuration(value)


# ApiConfigSource, wherever it may stand.
_ASKING = frozenset(name for field in ("ads_config", "api_config_source") for name in (field, camel_case(field)))


def _clusters_of(source: Mapping[str, Json]) -> Iterator[str]:
    """The clusters that an ApiConfigSource names: of gRPC, and of REST."""
    for service in either(source, "grpc_services") or ():
        grpc = either(service, "envoy_grpc") if isinstance(service, dict) else None
        if isinstance(grpc, dict) and isinstance(name := either(grpc, "cluster_name"), str):
            yield name
    yield from (each for each in either(source, "cluster_names") or () if isinstance(each, str))
