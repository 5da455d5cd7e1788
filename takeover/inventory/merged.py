"""One config of many: all that several Envoys listen for and send to, in one Envoy that no traffic gets to."""

from collections.abc import Iterable
from typing import Any

from takeover.envoy.rejection import same_field

# An enum's values may be written as numbers.
_RESOLVED = ("STRICT_DNS", "LOGICAL_DNS", 1, 2)
_UDP = ("UDP", 1)


def merged(configs: Iterable[tuple[str, Any]], admin: str) -> dict[str, Any]:
    """A bootstrap config with all listeners, clusters and secrets of `configs`. Clusters of one name are taken once.

    Args:
        configs: each with the name of its scenario, as it was read. One alone keeps all that it has besides.
        admin: the path of the Unix socket of the admin API.
    """
    listed = list(configs)
    listeners: dict[str, Any] = {}
    named: dict[str, dict[str, Any]] = {"clusters": {}, "secrets": {}}
    extensions: dict[str, Any] = {}
    for scenario, config in listed:
        for listener in _list(config, "static_resources", "listeners"):
            number = 1 + len(listeners)
            name = f"{scenario}/{_value(listener, 'name') or number}"
            name = f"{name}/{number}" if name in listeners else name  # of another Envoy of that scenario
            listeners[name] = _unbound(listener, name, number)
        for kind, found in named.items():
            found |= {_value(each, "name"): each for each in _list(config, "static_resources", kind)}
        extensions |= {_value(each, "name"): each for each in _list(config, "bootstrap_extensions")}
    return _with(
        listed[0][1] if len(listed) == 1 else {},
        node={"id": "facts", "cluster": "facts"},
        admin={"address": {"pipe": {"path": admin}}},
        bootstrap_extensions=list(extensions.values()),
        static_resources={
            "listeners": list(listeners.values()),
            "clusters": [_unresolved(each) for each in named["clusters"].values()],
            "secrets": list(named["secrets"].values()),
        },
    )


def _unbound(listener: dict[str, Any], name: str, number: int) -> dict[str, Any]:
    """The listener where no traffic comes: on an address of its own here, while its statistics bear the written one."""
    if any(_value(listener, *path) is not None for path in _OF_NO_SOCKET):
        return listener
    address: dict[str, Any] = {"address": "127.0.0.1", "port_value": number}
    if is_udp := _value(listener, "address", "socket_address", "protocol") in _UDP:
        address |= {"protocol": "UDP", "port_value": 0}  # without a socket Envoy takes none: some port of loopback's
    return _with(
        listener,
        name=name,
        address={"socket_address": address},
        additional_addresses=[],
        bind_to_port=is_udp,
        stat_prefix=_value(listener, "stat_prefix") or _written_address(listener),
    )


_OF_NO_SOCKET = [("internal_listener",), ("api_listener",), ("address", "envoy_internal_address")]


def _written_address(listener: dict[str, Any]) -> str:
    if pipe := _value(listener, "address", "pipe", "path"):
        return str(pipe)
    address = _value(listener, "address", "socket_address")
    port = _value(address, "port_value") or _value(address, "named_port") or 0
    return f"{_value(address, 'address')}_{port}".replace(":", "_")


def _unresolved(cluster: dict[str, Any]) -> dict[str, Any]:
    """The cluster, with no names that would have to be resolved: only its own is asked for."""
    extension = str(_value(cluster, "cluster_type", "typed_config", "@type") or "")
    if _value(cluster, "type") not in _RESOLVED and not extension.endswith(".DnsCluster"):
        return cluster
    rest = {key: value for key, value in cluster.items() if not same_field(key, "cluster_type")}
    return _with(rest, type="STATIC", load_assignment={"cluster_name": _value(cluster, "name")})


def _value(message: Any, *path: str) -> Any:
    """The value of a field of a field, however their names are written; None where there is none."""
    for name in path:
        fields = message.items() if isinstance(message, dict) else ()
        message = next((value for key, value in fields if same_field(key, name)), None)
    return message


def _list(message: Any, *path: str) -> list[Any]:
    return _value(message, *path) or []


def _with(message: Any, **fields: Any) -> dict[str, Any]:
    """The message with those fields in the place of its own, however their names are written there."""
    kept = {key: value for key, value in message.items() if not any(same_field(key, each) for each in fields)}
    return kept | fields
