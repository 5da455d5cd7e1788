"""Which fields of Envoy's messages some probed configuration sets: of the main ones, of all that stand in one."""

from collections.abc import Iterable

import msgspec

from takeover.reach.walking import Met, descriptor_of

_CONFIG, _EXTENSIONS = "envoy.config.", "envoy.extensions."
_TLS = f"{_EXTENSIONS}transport_sockets.tls.v3."
MESSAGES = (
    f"{_CONFIG}bootstrap.v3.Bootstrap",
    f"{_CONFIG}listener.v3.Listener",
    f"{_CONFIG}listener.v3.FilterChain",
    f"{_CONFIG}listener.v3.FilterChainMatch",
    f"{_EXTENSIONS}filters.network.http_connection_manager.v3.HttpConnectionManager",
    f"{_EXTENSIONS}filters.network.tcp_proxy.v3.TcpProxy",
    f"{_CONFIG}route.v3.RouteConfiguration",
    f"{_CONFIG}route.v3.VirtualHost",
    f"{_CONFIG}route.v3.Route",
    f"{_CONFIG}route.v3.RouteMatch",
    f"{_CONFIG}route.v3.HeaderMatcher",
    f"{_CONFIG}route.v3.QueryParameterMatcher",
    f"{_CONFIG}route.v3.RouteAction",
    f"{_CONFIG}route.v3.RouteAction.HashPolicy",
    f"{_CONFIG}route.v3.RouteAction.RequestMirrorPolicy",
    f"{_CONFIG}route.v3.RouteAction.UpgradeConfig",
    f"{_CONFIG}route.v3.WeightedCluster",
    f"{_CONFIG}route.v3.WeightedCluster.ClusterWeight",
    f"{_CONFIG}route.v3.RedirectAction",
    f"{_CONFIG}route.v3.DirectResponseAction",
    f"{_CONFIG}route.v3.InternalRedirectPolicy",
    f"{_CONFIG}route.v3.RetryPolicy",
    f"{_CONFIG}route.v3.HedgePolicy",
    f"{_CONFIG}route.v3.RateLimit",
    f"{_CONFIG}route.v3.RateLimit.Action",
    f"{_CONFIG}accesslog.v3.AccessLog",
    f"{_CONFIG}accesslog.v3.AccessLogFilter",
    f"{_CONFIG}core.v3.SubstitutionFormatString",
    f"{_CONFIG}cluster.v3.Cluster",
    f"{_CONFIG}cluster.v3.Cluster.CommonLbConfig",
    f"{_CONFIG}cluster.v3.CircuitBreakers",
    f"{_CONFIG}cluster.v3.CircuitBreakers.Thresholds",
    f"{_CONFIG}cluster.v3.OutlierDetection",
    f"{_CONFIG}core.v3.HealthCheck",
    f"{_CONFIG}core.v3.HealthCheck.HttpHealthCheck",
    f"{_CONFIG}endpoint.v3.ClusterLoadAssignment",
    f"{_CONFIG}endpoint.v3.LocalityLbEndpoints",
    f"{_CONFIG}endpoint.v3.LbEndpoint",
    f"{_CONFIG}endpoint.v3.Endpoint",
    f"{_EXTENSIONS}upstreams.http.v3.HttpProtocolOptions",
    f"{_CONFIG}core.v3.HttpProtocolOptions",
    f"{_CONFIG}core.v3.Http1ProtocolOptions",
    f"{_CONFIG}core.v3.Http2ProtocolOptions",
    f"{_TLS}DownstreamTlsContext",
    f"{_TLS}UpstreamTlsContext",
    f"{_TLS}CommonTlsContext",
    f"{_TLS}CertificateValidationContext",
    f"{_TLS}TlsParameters",
)
"""The main ones: what most configurations are made of."""
_OWN = ("envoy.", "xds.")
"""With which the names of the API's own messages begin: what it takes from others is counted with none."""


class MessageReach(msgspec.Struct, frozen=True):
    """What of one message is set.

    Args:
        message: its full name.
        set: the fields that some configuration sets.
        missing: those that none sets.
        deprecated: those that Envoy is about to take away: they do not count. Set ones stand in `set_deprecated`.
        unknown: fields that are set and that xds-protos does not know: they do not count either.
    """

    message: str
    set: list[str]
    missing: list[str]
    deprecated: list[str] = []
    set_deprecated: list[str] = []
    unknown: list[str] = []

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self.set) + len(self.missing)

    @property
    def short(self) -> str:
        """Its name without the package."""
        return short_name(self.message)


def short_name(message: str) -> str:
    """A message's name without its package, or with the part of it that tells several of one name apart."""
    parts = message.split(".")
    package = [each for each in parts if each[:1].islower()]
    name = ".".join(parts[len(package) :])
    return f"{package[-2]}.{name}" if name in _SEVERAL else name


_SEVERAL = ("HttpProtocolOptions",)


def messages_met(met: Iterable[Met]) -> list[str]:
    """The full names of all messages of Envoy's API among these, in one order."""
    return sorted({each.message for each in met if each.is_known and each.message.startswith(_OWN)})


def fields_reached(met: Iterable[Met], messages: Iterable[str] = MESSAGES) -> list[MessageReach]:
    """For each of the messages which of its fields are set, in their order in the message."""
    found: dict[str, set[str]] = {each: set() for each in messages}
    unknown: dict[str, set[str]] = {each: set() for each in found}
    for each in met:
        if each.message in found:
            found[each.message].update(each.fields)
            unknown[each.message].update(each.unknown)
    return [_reached(each, found[each], unknown[each]) for each in found]


def _reached(message: str, there: set[str], unknown: set[str]) -> MessageReach:
    descriptor = descriptor_of(message)
    assert descriptor is not None, message
    fields = {each.name: bool(each.GetOptions().deprecated) for each in descriptor.fields}
    return MessageReach(
        message,
        [name for name, is_deprecated in fields.items() if not is_deprecated and name in there],
        [name for name, is_deprecated in fields.items() if not is_deprecated and name not in there],
        [name for name, is_deprecated in fields.items() if is_deprecated],
        [name for name, is_deprecated in fields.items() if is_deprecated and name in there],
        sorted(unknown),
    )
