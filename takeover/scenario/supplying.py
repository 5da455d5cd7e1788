"""What an Envoy's config needs to be observed, and is added on the way in where it is missing.

That is: the config id, by which a deployment's Envoy is told from any other; an admin API; an access log for all that
has one. What is there stays as it is written.
"""

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.scenario.documents import Documents
from takeover.scenario.edits import ConfigId
from takeover.scenario.envoy_config import either, mapping
from takeover.scenario.places import DestinationPlace, EnvoyPlace, workloads
from takeover.scenario.replicas import replicas
from takeover.scenario.typed_yaml import Json

CONFIG_ID = "envoy-takeover.config_id"
"""The key of the config id in `node.metadata`: `node.id` is the user's."""

_ADMIN_ADDRESS = "127.0.0.1"  # an engine's forwarding comes in over the Pod's loopback
_ADMIN_PORTS = range(9901, 9999)
_PORT_KEYS = ("port_value", "portValue", "containerPort", "port")
_PROTOBUF = "type.googleapis.com/envoy.extensions."
_FORMAT_OF_CONNECTIONS = {
    "filter_chain": "%FILTER_CHAIN_NAME%",
    "upstream_cluster": "%UPSTREAM_CLUSTER%",
    "upstream_host": "%UPSTREAM_HOST%",
    "original_destination": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "downstream_remote": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%",
    "flags": "%RESPONSE_FLAGS%",
    "termination": "%CONNECTION_TERMINATION_DETAILS%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
}
_FORMAT_OF_REQUESTS = {
    **_FORMAT_OF_CONNECTIONS,
    "route": "%ROUTE_NAME%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "authority": "%REQ(:AUTHORITY)%",
    "protocol": "%PROTOCOL%",
    "status": "%RESPONSE_CODE%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "request_id": "%REQ(X-REQUEST-ID)%",
}
LOGGED = frozenset(("listener", *_FORMAT_OF_REQUESTS))
"""What the fields of our own access log are called."""
# What has an access log of its own, and one entry in it for each request or connection: type → what it is called.
_LOGGING = {
    f"{_PROTOBUF}filters.network.http_connection_manager.v3.HttpConnectionManager": "HTTP connection manager",
    f"{_PROTOBUF}filters.network.tcp_proxy.v3.TcpProxy": "TCP proxy",
}


@dataclass(frozen=True)
class Supplied:
    """What came of it.

    Args:
        documents: with all that was added.
        envoys: each with the port of its admin API.
        sentences: what was missing and was added; the config id, which no config has of itself, is not told.
    """

    documents: Documents
    envoys: tuple[EnvoyPlace, ...]
    sentences: tuple[str, ...]


def supplied(
    documents: Documents, envoys: Sequence[EnvoyPlace], destinations: Sequence[DestinationPlace]
) -> Supplied:  # fmt: skip
    """Adds what is missing to the config of each Envoy.

    Raises: BadInputError for a config whose form does not allow it, and for Envoys of a Pod with the same admin port.
    """
    edited, sentences = dict(documents.edited), list[str]()
    may_be_several = len(envoys) > 1 or any(each.pod in replicas(documents) for each in envoys)
    for config in dict.fromkeys(each.config for each in envoys):
        where = display_path(documents.files[config])
        data = mapping(documents.data(config), where, "the document")
        port = _admin_port(data, where)
        if port is None:
            pods_of_it = {each.pod for each in envoys if each.config == config}
            wanted = [each.admin_port for each in envoys if each.config == config and each.admin_port]
            port = wanted[0] if wanted else _free_port(documents, envoys, destinations, pods_of_it, where)
            data = {**data, "admin": {**mapping(data.get("admin"), where, "admin"), "address": _address(port)}}
            sentences.append(f"{where}: no admin: one on {_ADMIN_ADDRESS}:{port} is added")
        envoys = [_reached(each, port, where) if each.config == config else each for each in envoys]
        of_several = {"upstream_local": "%UPSTREAM_LOCAL_ADDRESS%"} if may_be_several else {}
        edited[config] = _with_config_id(_with_access_logs(data, where, of_several, sentences), where)
    _check_apart(envoys)
    return Supplied(replace(documents, edited=edited), tuple(envoys), tuple(sentences))


def _reached(envoy: EnvoyPlace, port: int, where: str) -> EnvoyPlace:
    """The Envoy with its admin port, which must be the one that is written, if one is."""
    if envoy.admin_port not in (0, port):
        raise BadInputError(f"{envoy.where}: admin is {envoy.admin_port}, but that of {where} listens on {port}")
    return replace(envoy, admin_port=port)


def _check_apart(envoys: Sequence[EnvoyPlace]) -> None:
    """Refuses two Envoys that could not both listen."""
    known: dict[tuple[str, int], EnvoyPlace] = {}
    for each in envoys:
        other = known.setdefault((each.pod, each.admin_port), each)
        if other is not each:
            raise BadInputError(
                f"{each.where}: {other.container} of the same Pod has the admin port {each.admin_port}, too: "
                "give each a config of its own, with a port of its own"
            )


def _with_config_id(data: dict[str, Json], where: str) -> dict[str, Json]:
    node = mapping(data.get("node"), where, "node")
    metadata = mapping(node.get("metadata"), where, "node.metadata")
    if CONFIG_ID in metadata:
        raise BadInputError(f"{where}: node.metadata has {CONFIG_ID}, which a run puts there: remove it")
    return {**data, "node": {**node, "metadata": {**metadata, CONFIG_ID: ConfigId()}}}


def _admin_port(data: dict[str, Json], where: str) -> int | None:
    """The port of the config's admin API, None if it has none."""
    admin = mapping(data.get("admin"), where, "admin")
    if "address" not in admin:
        return None
    address = mapping(admin["address"], where, "admin.address")
    socket = mapping(either(address, "socket_address"), where, "admin.address.socket_address")
    port = either(socket, "port_value")
    if type(port) is not int or not 0 < port < 1 << 16:
        raise BadInputError(f"{where}: admin.address must be a socket_address with a port_value that others can ask")
    return port


def _address(port: int) -> Json:
    return {"socket_address": {"address": _ADMIN_ADDRESS, "port_value": port}}


def _free_port(
    documents: Documents,
    envoys: Iterable[EnvoyPlace],
    destinations: Iterable[DestinationPlace],
    names: set[str],
    where: str,
) -> int:
    """A port on which nothing in those Pods listens, as far as manifests and configs tell."""
    used = {port for name, pod in workloads(documents).items() if name in names for port in _ports(pod)}
    used |= {each.port for each in destinations if each.pod in names}
    for each in envoys:
        if each.pod in names:
            used |= {each.admin_port, *_ports(documents.data(each.config))}
    for port in _ADMIN_PORTS:
        if port not in used:
            return port
    raise BadInputError(f"{where}: no port from {_ADMIN_PORTS[0]} on is free for an admin API: give it one")


def _ports(data: Json) -> Iterator[int]:
    if isinstance(data, dict):
        for key, value in data.items():
            if key in _PORT_KEYS and isinstance(value, int):
                yield value
            yield from _ports(value)
    elif isinstance(data, list):
        for value in data:
            yield from _ports(value)


def _with_access_logs(
    data: dict[str, Json], where: str, more: Mapping[str, str], sentences: list[str]
) -> dict[str, Json]:
    """The config with access logs in the listeners; `more`: fields of theirs beside those that all have."""
    key = "staticResources" if "staticResources" in data else "static_resources"
    resources = data.get(key)
    if not isinstance(resources, dict) or not isinstance(listeners := resources.get("listeners"), list):
        return data
    logged = [_logged(each, name_of(each), where, more, sentences) for each in listeners]
    return {**data, key: {**resources, "listeners": logged}}


def _logged(data: Json, listener: str, where: str, more: Mapping[str, str], sentences: list[str]) -> Json:
    """The data of a listener, in which all that has an access log has one; the same object if nothing was missing."""
    if isinstance(data, list):
        listed = [_logged(each, listener, where, more, sentences) for each in data]
        return data if all(map(operator.is_, data, listed)) else listed
    if not isinstance(data, dict):
        return data
    logged = {key: _logged(value, listener, where, more, sentences) for key, value in data.items()}
    kind = data.get("@type")
    if isinstance(kind, str) and kind in _LOGGING and not either(data, "access_log"):
        logged.pop("accessLog", None)
        logged["access_log"] = [access_log(kind, listener, more)]
        what = " ".join(filter(None, (_LOGGING[kind], str(either(data, "stat_prefix") or ""))))
        sentences.append(f"{where}: no access log in the {what} of listener {listener}: one to stdout is added")
        return logged
    return data if all(map(operator.is_, data.values(), logged.values())) else logged


def observed_kind(message: str) -> str:
    """The type of what has an access log of its own, by the name of its message; empty for all else."""
    url = f"type.googleapis.com/{message}"
    return url if url in _LOGGING else ""


def access_log(kind: str, listener: str, more: Mapping[str, str]) -> Json:
    """The access log that is added.

    Args:
        kind: the type of that which has it.
        listener: what the listener is called, in which that is.
        more: fields beside those that all have.
    """
    fields = _FORMAT_OF_CONNECTIONS if kind.endswith(".TcpProxy") else _FORMAT_OF_REQUESTS
    written = {"listener": listener.replace("%", "%%"), **fields, **more}
    stdout = {"@type": f"{_PROTOBUF}access_loggers.stream.v3.StdoutAccessLog", "log_format": {"json_format": written}}
    return {"name": "envoy.access_loggers.stdout", "typed_config": stdout}


def name_of(listener: Json) -> str:
    """What a listener is called: by its address, if it has no name."""
    if not isinstance(listener, dict):
        return ""
    address = listener.get("address")
    socket = either(address, "socket_address") if isinstance(address, dict) else None
    at = f"{socket.get('address')}:{either(socket, 'port_value')}" if isinstance(socket, dict) else "without a name"
    return str(listener.get("name") or at)
