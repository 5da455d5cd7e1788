"""PROXY headers: the one by which a listener takes a connection, and others.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/listener/proxy_protocol/v3/proxy_protocol.proto.
"""

from collections.abc import Iterator

from takeover.base.addresses import is_address
from takeover.check.derive.chain_match import Client, filters_of
from takeover.model.json import JsonObject

_FILTER = "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol"
_VERSIONS = {2: "V2", 1: "V1"}


def versions(listener: JsonObject) -> tuple[int, ...]:
    """Those that the listener takes, the one to begin with first; empty where it takes no header."""
    for kind, config in filters_of(listener.get("listener_filters")):
        if kind == _FILTER:
            refused = config.get("disallowed_versions", ())
            return tuple(number for number, name in _VERSIONS.items() if name not in refused) or tuple(_VERSIONS)
    return ()


def header(client: Client, version: int) -> JsonObject:
    """As probes.yaml has it: it says where the client comes from, and where it goes."""
    is_6 = ":" in client.source
    fits = is_address(client.address) and (":" in client.address) == is_6
    to = client.address if fits else "2001:db8::9" if is_6 else "192.0.2.9"
    return {"version": version, "source": _at(client.source, 4321), "destination": _at(to, client.port)}


def others(proxy: JsonObject) -> Iterator[tuple[str, JsonObject | None]]:
    """Other headers in the place of that one, and none, each with what it is."""
    ends = {key: value for key, value in proxy.items() if key != "version"}
    other = 1 if proxy["version"] == 2 else 2
    yield f"PROXY: version {other}", {"version": other, **ends}
    yield "PROXY: none", None
    yield "PROXY: LOCAL", {"version": 2, "command": "LOCAL"}
    yield "PROXY: a TLV more", {"version": 2, **ends, "tlvs": [{"type": "authority", "value": "probe.example"}]}
    yield "PROXY: wrong", {"raw": "PROXY TCP9 nobody\r\n"}


def _at(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
