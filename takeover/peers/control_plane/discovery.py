"""The types of xDS resources, the gRPC services that carry each, and the order in which an update is sent."""

from dataclasses import dataclass

PREFIX = "type.googleapis.com/"


@dataclass(frozen=True)
class Kind:
    """One type of resources.

    Args:
        short: as people call it, for instance "cds".
        message: the full name of its Protobuf message.
        service: the gRPC service of a stream that carries it alone.
        method: what follows "Stream" and "Delta" in the names of its methods.
        is_whole: an answer by state of the world has all: what is absent is deleted, and who names none gets all.
    """

    short: str
    message: str
    service: str
    method: str
    is_whole: bool = False

    @property
    def url(self) -> str:
        return PREFIX + self.message


CDS = Kind("cds", "envoy.config.cluster.v3.Cluster", "cluster.v3.ClusterDiscoveryService", "Clusters", is_whole=True)
EDS = Kind(
    "eds",
    "envoy.config.endpoint.v3.ClusterLoadAssignment",
    "endpoint.v3.EndpointDiscoveryService",
    "Endpoints",
)
LDS = Kind(
    "lds", "envoy.config.listener.v3.Listener", "listener.v3.ListenerDiscoveryService", "Listeners", is_whole=True
)
SRDS = Kind(
    "srds",
    "envoy.config.route.v3.ScopedRouteConfiguration",
    "route.v3.ScopedRoutesDiscoveryService",
    "ScopedRoutes",
    is_whole=True,
)
RDS = Kind("rds", "envoy.config.route.v3.RouteConfiguration", "route.v3.RouteDiscoveryService", "Routes")
VHDS = Kind("vhds", "envoy.config.route.v3.VirtualHost", "route.v3.VirtualHostDiscoveryService", "VirtualHosts")
SDS = Kind(
    "sds",
    "envoy.extensions.transport_sockets.tls.v3.Secret",
    "secret.v3.SecretDiscoveryService",
    "Secrets",
)
RTDS = Kind("rtds", "envoy.service.runtime.v3.Runtime", "runtime.v3.RuntimeDiscoveryService", "Runtime")
ECDS = Kind(
    "ecds",
    "envoy.config.core.v3.TypedExtensionConfig",
    "extension.v3.ExtensionConfigDiscoveryService",
    "ExtensionConfigs",
)

KINDS = (RTDS, SDS, CDS, EDS, LDS, SRDS, RDS, VHDS, ECDS)
"""In the order that makes before it breaks: what others refer to comes first."""
BY_SHORT_NAME = {each.short: each for each in KINDS}
BY_URL = {each.url: each for each in KINDS}


def url_of(name: str) -> str:
    """The type URL of a short name ("cds"), of a message's full name, or of a URL."""
    if name in BY_SHORT_NAME:
        return BY_SHORT_NAME[name].url
    return name if "/" in name else PREFIX + name


def short_name(url: str) -> str:
    """The short name of a type URL; of one without, its message's name."""
    return BY_URL[url].short if url in BY_URL else url.rpartition("/")[2]


def is_whole(url: str) -> bool:
    """See `Kind`."""
    return url in BY_URL and BY_URL[url].is_whole


@dataclass(frozen=True)
class Method:
    """A gRPC method that serves resources.

    Args:
        label: as the record has it: "ads", "delta-ads", "cds", "delta-cds" ….
        is_delta: likewise.
        url: of the only type that it carries; "" if any.
    """

    label: str
    is_delta: bool
    url: str = ""


def methods() -> dict[str, dict[str, Method]]:
    """Service → name → method."""
    found = {
        "envoy.service.discovery.v3.AggregatedDiscoveryService": {
            "StreamAggregatedResources": Method("ads", is_delta=False),
            "DeltaAggregatedResources": Method("delta-ads", is_delta=True),
        }
    }
    for each in KINDS:
        found[f"envoy.service.{each.service}"] = {
            f"Stream{each.method}": Method(each.short, is_delta=False, url=each.url),
            f"Delta{each.method}": Method(f"delta-{each.short}", is_delta=True, url=each.url),
        }
    return found
