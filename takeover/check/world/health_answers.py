"""What answers a cluster's health checks so that its hosts are well: statuses, texts and bytes that the checks want."""

import base64
import binascii
from dataclasses import dataclass

from takeover.check.world.configuration import content_of, inner, kind_of, listed
from takeover.check.world.upstream_tls import matching
from takeover.model.json import JsonObject
from takeover.peers.world.table import HealthRequest
from takeover.scenario.envoy_config import either
from takeover.scenario.typed_yaml import Json

THRIFT = "nothing here answers a health check of Thrift where no filter speaks that"
_AGENT = "Envoy/HC"
_METHODS = ("METHOD_UNSPECIFIED", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
"""Of `core.v3.RequestMethod`, by their numbers."""
_HEALTHY = 200
_WITHOUT_BODY = (204, 304)
_LAST = 599
_CLUSTER = "x-envoy-upstream-healthchecked-cluster"
"""By which a host says whose it is, where a check asks for that."""
_PING, _PONG = b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n"
_NONE = b":0\r\n"


@dataclass(frozen=True)
class Answers:
    """What is answered.

    Args:
        requests: of HTTP.
        exchanges: bytes that come first on a connection, and their answer, in hex.
        has_proxy_header: whether a check's connection begins with a PROXY header.
    """

    requests: tuple[HealthRequest, ...] = ()
    exchanges: tuple[tuple[str, str], ...] = ()
    has_proxy_header: bool = False


NONE = Answers()


def answers(cluster: JsonObject) -> Answers:
    """Those to all health checks of a cluster."""
    requests, exchanges, has_proxy_header = list[HealthRequest](), list[tuple[str, str]](), False
    for each in listed(cluster, "health_checks"):
        http, tcp, redis = inner(each, "http_health_check"), inner(each, "tcp_health_check"), _redis(each)
        if http:
            requests.append(_request(http, str(cluster.get("name"))))
        if sent := _payload(inner(tcp, "send")):
            exchanges.append((sent.hex(), _received(tcp).hex()))
        if redis is not None:
            key = str(redis.get("key") or "").encode()
            asked = (b"*2\r\n$6\r\nEXISTS\r\n$%d\r\n%s\r\n" % (len(key), key), _NONE) if key else (_PING, _PONG)
            exchanges.append((asked[0].hex(), asked[1].hex()))
        has_proxy_header |= "proxy_protocol_config" in tcp or "proxyProtocolConfig" in tcp
    return Answers(tuple(requests), tuple(exchanges), has_proxy_header)


def unanswered(check: JsonObject, cluster: JsonObject) -> str:
    """Why nothing here can answer a health check as it wants it; empty where that can be done."""
    http, tcp = inner(check, "http_health_check"), inner(check, "tcp_health_check")
    if either(http, "codec_client_type") in ("HTTP3", 2):
        return "its health check speaks HTTP/3, which nothing here does"
    if http and not _status(http):
        return "its health check expects no status that ends an answer"
    if (matcher := _matcher(http)) and not matching(matcher):
        return "no name is known that its health check's `service_name_matcher` takes"
    if _received(tcp) and not _payload(inner(tcp, "send")):
        return "its health check waits for bytes of a host that was sent none"
    custom = inner(check, "custom_health_check")
    kind = kind_of(inner(custom, "typed_config")) or str(custom.get("name", "")) if custom else ""
    if kind.endswith((".Thrift", ".thrift")):
        return THRIFT
    redis = _redis(check)
    if redis is not None and redis.get("key") and _has_credentials(cluster):
        return "its health check asks a Redis for a key behind credentials"
    return f"nothing here answers a health check of {kind}" if kind and redis is None else ""


def _request(check: JsonObject, name: str) -> HealthRequest:
    status, matcher = _status(check), _matcher(check)
    changed = [inner(each, "header").get("key") for each in listed(check, "request_headers_to_add")]
    changed += listed(check, "request_headers_to_remove")
    return HealthRequest(
        method=_method(either(check, "method")),
        path=str(check.get("path", "")),
        host=str(check.get("host") or name),
        agent="" if "user-agent" in (str(each).lower() for each in changed) else _AGENT,
        status=status,
        headers=(f"{_CLUSTER}: {matching(matcher)}",) if matcher else (),
        body=(_received(check) if status not in _WITHOUT_BODY else b"").hex(),
    )


def _method(value: Json) -> str:
    """What Envoy asks by; where that is no method, it says so itself."""
    name = dict(enumerate(_METHODS)).get(value, "") if isinstance(value, int) else str(value or _METHODS[0])
    return "GET" if name == _METHODS[0] else name


def _status(check: JsonObject) -> int:
    """One that it expects, 200 if it may be that; 0 where there is none that ends an answer."""
    try:
        ranges = [
            range(
                max(int(str(either(each, "start") or 0)), _HEALTHY), min(int(str(either(each, "end") or 0)), _LAST + 1)
            )
            for each in listed(check, "expected_statuses")
        ] or [range(_HEALTHY, _HEALTHY + 1)]
    except ValueError:  # Envoy says what is wrong with it
        return _HEALTHY
    found = [_HEALTHY] if any(_HEALTHY in each for each in ranges) else [each.start for each in ranges if each]
    if _received(check):
        found = [status for each in ranges for status in each if status not in _WITHOUT_BODY]
    return found[0] if found else 0


def _matcher(check: JsonObject) -> Json:
    """That of the service's name; an empty one where there is none. `service_name` was its prefix."""
    if isinstance(prefix := either(check, "service_name"), str) and prefix:
        return {"prefix": prefix}
    return inner(check, "service_name_matcher")


def _redis(check: Json) -> JsonObject | None:
    """The configuration of a health check of Redis; None for another one."""
    custom = inner(check, "custom_health_check")
    config = inner(custom, "typed_config")
    return content_of(config) if kind_of(config).endswith(".health_checkers.redis.v3.Redis") else None


def _has_credentials(cluster: JsonObject) -> bool:
    options = inner(cluster, "typed_extension_protocol_options").values()
    return any(kind_of(each).endswith(".RedisProtocolOptions") for each in options if isinstance(each, dict))


def _received(check: JsonObject) -> bytes:
    """All blocks that are waited for, in their order."""
    return b"".join(_payload(each) for each in listed(check, "receive"))


def _payload(data: Json) -> bytes:
    """The bytes of a `HealthCheck.Payload`; none where Envoy would not take it."""
    if not isinstance(data, dict):
        return b""
    try:
        if isinstance(text := data.get("text"), str):
            return bytes.fromhex(text)
        return base64.b64decode(str(data.get("binary") or ""), validate=False)
    except (ValueError, binascii.Error):
        return b""
