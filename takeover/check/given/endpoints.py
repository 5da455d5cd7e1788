"""Endpoints for clusters whose own are not in a dump: without one, a cluster answers nobody."""

import ipaddress
import re
from collections.abc import Sequence

import msgspec

from takeover.check.given.canonical import named
from takeover.check.records import Different, Resource
from takeover.model.json import JsonObject, encode
from takeover.peers.control_plane.discovery import CDS, EDS

_NETWORK = ipaddress.IPv4Network("198.18.0.0/15")
"""That no host has but in tests (RFC 2544)."""
_LIKE_ONE = re.compile(rb"198\.1[89]\.\d{1,3}\.\d{1,3}")
_PORT = 80


def made_endpoints(
    resources: Sequence[Resource], bootstrap: JsonObject
) -> tuple[tuple[Resource, ...], tuple[Different, ...]]:
    """An endpoint, at an address of its own, for each cluster of EDS that has none among the resources."""
    there = {each.name for each in resources if each.type_url == EDS.url}
    asking: dict[str, Resource] = {}
    for each in resources:
        name = _asked(each.data) if each.type_url == CDS.url else None
        if name is not None and name not in there:
            asking.setdefault(name, each)
    if not asking:
        return (), ()
    used = set(_LIKE_ONE.findall(encode([bootstrap, *(each.data for each in resources)])))
    addresses = (str(each) for each in _NETWORK.hosts() if str(each).encode() not in used)
    made = tuple(
        _endpoint(cluster, name, address) for (name, cluster), address in zip(asking.items(), addresses, strict=False)
    )
    what = f"an endpoint is made for {len(made)} cluster{'s' * (len(made) > 1)}: {named(asking)}"
    return made, (Different(what=what, why="the dump has none of them: /config_dump?include_eds has"),)


def _asked(cluster: JsonObject) -> str | None:
    """The name by which a cluster asks for its endpoints; None: it does not."""
    if cluster.get("type") not in ("EDS", 3):
        return None
    config = cluster.get("eds_cluster_config")
    service = config.get("service_name") if isinstance(config, dict) else None
    return str(service or cluster.get("name", ""))


def _endpoint(cluster: Resource, name: str, address: str) -> Resource:
    host = {"address": {"socket_address": {"address": address, "port_value": _PORT}}}
    data = {"@type": EDS.url, "cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": host}]}]}
    return msgspec.structs.replace(cluster, type_url=EDS.url, name=name, data=data, is_static=False, is_inline=False)
