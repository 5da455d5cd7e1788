"""What each Envoy of a mesh is told: the resources of a sidecar, and those of the gateway."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from takeover.peers.mini_mesh import forms
from takeover.peers.mini_mesh.authority import Certificate
from takeover.peers.mini_mesh.forms import Resource
from takeover.peers.mini_mesh.manifests import Manifests, MeshError, Service, Workload
from takeover.peers.mini_mesh.wishes import Gateway, GatewayRoute, Wishes

ALLOW, BLOCK = "AllowAll", "BlockAllCluster"
"""The article's names of where goes what is for nobody of the mesh."""
_OUTBOUND, _INBOUND = 15001, 15006
_ANY = "0.0.0.0"  # noqa: S104 - in the Pod, to which the rules send all
_EVERYTHING = [{"name": "everything", "match": {"prefix": "/"}}]
# As Istio's: what came to nobody is sent again, to another one if there is one.
_AGAIN = {
    "retry_on": "connect-failure,refused-stream,reset-before-request",
    "num_retries": 2,
    "retry_host_predicate": [
        {
            "name": "envoy.retry_host_predicates.previous_hosts",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
            },
        }
    ],
    "host_selection_retry_max_attempts": 3,
}
# A sidecar may be there before its application listens.
_AGAIN_WITHIN_THE_POD = {
    "retry_on": "connect-failure",
    "num_retries": 20,
    "retry_back_off": {"base_interval": "0.025s", "max_interval": "0.1s"},
}


@dataclass(frozen=True)
class Known:
    """All that the mesh knows at a moment.

    Args:
        manifests: which Services there are, and whose Pods are whose.
        wishes: what people want.
        pods: workload → the IPs of its Pods that can be asked, in order.
        domain: what identities begin with.
    """

    manifests: Manifests
    wishes: Wishes
    pods: Mapping[Workload, Sequence[str]]
    domain: str

    def identity(self, workload: Workload) -> str:
        """Who its Pods are, as SPIFFE has it."""
        return f"spiffe://{self.domain}/ns/{workload.namespace}/sa/{workload.account}"

    def endpoints(self, service: Service, target: int | str) -> list[tuple[str, int]]:
        """Where the Service's requests go."""
        behind = ((each, each.port_of(target)) for each in self.manifests.behind(service))
        return [(ip, port) for each, port in behind if port is not None for ip in self.pods.get(each, ())]


def of_sidecar(known: Known, workload: Workload, certificate: Certificate, authority: str) -> list[Resource]:
    """What the sidecar in a Pod of that workload is told."""
    identity = known.identity(workload)
    outward = {"allow": ALLOW, "block": BLOCK}[known.wishes.outbound]
    return [
        *forms.secrets(identity, certificate, authority),
        *_clusters_of_the_mesh(known, identity),
        forms.cluster(ALLOW, "ORIGINAL_DST", lb_policy="CLUSTER_PROVIDED"),
        forms.cluster(BLOCK, "STATIC"),
        *(_application(known, each) for each in _ports(known, workload)),
        forms.listener(
            "virtualOutbound", _ANY, _OUTBOUND, "OUTBOUND",
            use_original_dst=True,
            filter_chains=[{"name": "virtualOutbound-tcp", "filters": [forms.tcp("virtualOutbound", outward)]}],
        ),
        *_listeners_of_services(known),
        *_listeners_of_the_pod(known, workload, identity),
        *(
            _routes_of_service(service, port.port)
            for service in known.manifests.services
            for port in service.ports
        ),
    ]  # fmt: skip


def of_gateway(known: Known, workload: Workload, certificate: Certificate, authority: str) -> list[Resource]:
    """What the gateway is told."""
    identity = known.identity(workload)
    told = [*forms.secrets(identity, certificate, authority), *_clusters_of_the_mesh(known, identity)]
    gateway = known.wishes.gateway
    if gateway is None:
        return told
    name = f"0.0.0.0_{gateway.port}"
    # It limits nothing by itself: what is limited, its route says, which so can change without the listener.
    limits = {"name": _RATE_LIMIT, "typed_config": forms.local_ratelimit("http_local_rate_limiter")}
    manager = forms.http(name, "gateway_http", [limits], **forms.routes_by_rds("gateway"))
    chains = [{"name": "http", "filters": [manager]}]
    listener = forms.listener(name, _ANY, gateway.port, "OUTBOUND", filter_chains=chains)
    return [*told, listener, forms.routes("gateway", gateway.hosts, list(_gateway_routes(known, gateway)))]


def _cluster_name(service: Service, port: int) -> str:
    return f"outbound|{service.name}|{port}"


def _clusters_of_the_mesh(known: Known, identity: str) -> Iterator[Resource]:
    """A cluster for each port of each Service, and where its endpoints are."""
    for service in known.manifests.services:
        others = sorted({known.identity(each) for each in known.manifests.behind(service)})
        if len(others) != 1:
            raise MeshError(f"Service {service.name} selects Pods of {len(others)} service accounts: it must be one")
        for port in service.ports:
            name = _cluster_name(service, port.port)
            yield forms.cluster(
                name,
                "EDS",
                eds_cluster_config={"eds_config": forms.ADS},
                transport_socket=forms.tls_to(identity, others[0], service.name.rpartition("/")[2]),
                typed_extension_protocol_options=forms.http1(known.wishes.requests_per_connection),
            )
            yield forms.endpoints(name, known.endpoints(service, port.target))


def _listeners_of_services(known: Known) -> Iterator[Resource]:
    """Section 2.3: for each Service's address a listener that opens no socket; virtualOutbound hands over to it."""
    header = known.wishes.header
    filters = [forms.header_by_lua(*header)] if header[0] else []
    for service in known.manifests.services:
        for port in service.ports:
            name = f"{service.address}_{port.port}"
            cluster = _cluster_name(service, port.port)
            manager = forms.http(name, cluster, filters, **forms.routes_by_rds(cluster))
            chains = [{"name": "http", "filters": [manager]}]
            fields = {"bind_to_port": False, "filter_chains": chains}
            yield forms.listener(name, service.address, port.port, "OUTBOUND", **fields)


def _routes_of_service(service: Service, port: int) -> Resource:
    name = _cluster_name(service, port)
    route = {"cluster": name, "retry_policy": _AGAIN}
    return forms.routes(name, ["*"], [{**each, "route": route} for each in _EVERYTHING])


def _ports(known: Known, workload: Workload) -> list[int]:
    """The ports of its Pods to which Services lead."""
    targets = {
        workload.port_of(port.target)
        for service in known.manifests.services
        if service.selects(workload)
        for port in service.ports
    }
    return sorted(each for each in targets if each is not None)


def _application(known: Known, port: int) -> Resource:
    name = f"inbound|{port}"
    options = forms.http1(known.wishes.requests_per_connection)
    assignment = _within_the_pod(name, port)
    return forms.cluster(name, "STATIC", load_assignment=assignment, typed_extension_protocol_options=options)


def _within_the_pod(cluster: str, port: int) -> Resource:
    assignment = forms.endpoints(cluster, [("127.0.0.1", port)])
    return {key: value for key, value in assignment.items() if key != "@type"}


def _listeners_of_the_pod(known: Known, workload: Workload, identity: str) -> Iterator[Resource]:
    """Chapter 1: what comes to the Pod, by mutual TLS with whoever is of the mesh."""
    is_strict = known.wishes.mutual_tls == "strict"
    ports = _ports(known, workload)
    if not ports:
        return
    socket = forms.tls_from(identity, f"spiffe://{known.domain}/")
    yield forms.listener(
        "virtualInbound", _ANY, _INBOUND, "INBOUND",
        # Which port was dialled, before the rule sent it here; and whether it is TLS.
        listener_filters=[
            forms.listener_filter("original_dst", "OriginalDst"),
            forms.listener_filter("tls_inspector", "TlsInspector"),
        ],
        filter_chains=[
            *(_chain(port, f"tls_{port}", "tls", socket) for port in ports),
            *([] if is_strict else [_chain(port, f"plain_{port}", "raw_buffer") for port in ports]),
        ],
    )  # fmt: skip


def _chain(port: int, name: str, protocol: str, socket: Resource | None = None) -> Resource:
    """What comes to that port, with TLS or without."""
    route = {"cluster": f"inbound|{port}", "retry_policy": _AGAIN_WITHIN_THE_POD}
    listed = forms.routes(f"inbound|{port}", ["*"], [{**each, "route": route} for each in _EVERYTHING])
    manager = forms.http(
        "virtualInbound", f"inbound_{name}", [],
        route_config={key: value for key, value in listed.items() if key != "@type"},
        # The application learns who asks; whatever a client says of that is thrown away.
        forward_client_cert_details="SANITIZE_SET",
        set_current_client_cert_details={"uri": True},
    )  # fmt: skip
    return {
        "name": name,
        "filter_chain_match": {"destination_port": port, "transport_protocol": protocol},
        "filters": [manager],
        **({} if socket is None else {"transport_socket": socket}),
    }


_RATE_LIMIT = "envoy.filters.http.local_ratelimit"
_ALWAYS = {"numerator": 100, "denominator": "HUNDRED"}


def _gateway_routes(known: Known, gateway: Gateway) -> Iterator[Resource]:
    """Sections 3.1 to 3.3, in the order in which they are wished."""
    for number, route in enumerate(gateway.routes):
        headers = [{"name": name, "string_match": {"exact": value}} for name, value in route.headers]
        told: Resource = {
            "name": f"{number}",
            "match": {"prefix": route.path, **({"headers": headers} if headers else {})},
            "route": {**_shares(known, route), "retry_policy": _AGAIN},
        }
        if route.limit is not None:
            told["typed_per_filter_config"] = {_RATE_LIMIT: _limit(number, route)}
        yield told


def _shares(known: Known, route: GatewayRoute) -> Resource:
    """Where the route leads: to one cluster, or to several by their weights."""
    weights = [(_gateway_cluster(known, name), weight) for name, weight in route.to]
    if len(weights) == 1:
        return {"cluster": weights[0][0]}
    shares: Resource = {"clusters": [{"name": name, "weight": weight} for name, weight in weights]}
    if route.chosen_by:
        shares["header_name"] = route.chosen_by
    return {"weighted_clusters": shares}


def _gateway_cluster(known: Known, name: str) -> str:
    """The cluster of a Service by its first port."""
    service = known.manifests.service(name)
    if service is None:
        there = ", ".join(each.name for each in known.manifests.services) or "none"
        raise MeshError(f"mesh.yaml: no Service {name}; there are {there}")
    return _cluster_name(service, service.ports[0].port)


def _limit(number: int, route: GatewayRoute) -> Resource:
    assert route.limit is not None
    return forms.local_ratelimit(
        f"route_{number}_local_rate_limiter",
        token_bucket={
            "max_tokens": route.limit.requests,
            "tokens_per_fill": 1,
            "fill_interval": forms.duration(route.limit.every),
        },
        filter_enabled={"runtime_key": "local_rate_limit_enabled", "default_value": _ALWAYS},
        filter_enforced={"runtime_key": "local_rate_limit_enforced", "default_value": _ALWAYS},
        response_headers_to_add=[
            {"append_action": "OVERWRITE_IF_EXISTS_OR_ADD", "header": {"key": "x-local-rate-limit", "value": "true"}}
        ],
    )
