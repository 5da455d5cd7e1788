"""Clusters of a dump that has none at all, as where only its listeners and routes were taken: those that are named."""

from takeover.check.given.canonical import named
from takeover.check.world import asking
from takeover.check.world.configuration import CLUSTER, HTTP2, Configuration, copied

_NAME = "cluster-{}.made.invalid"
_PORT = 80
_OVER_GRPC = frozenset({"access_log", "ext_authz", "ext_proc", "rate_limit", "tracing", "metrics"})


def make_clusters(configuration: Configuration) -> None:
    """Makes a cluster for each name, with an endpoint of its own; where the dump has any cluster, none is missing."""
    given = configuration.given
    if given.kind != "config dump" or any(each.type_url == CLUSTER for each in given.resources):
        return
    uses = asking.asked(configuration)
    names = sorted(name for name, each in uses.items() if name and asking.kind(each) != "xds")
    for number, name in enumerate(names, 1):
        address = {"socket_address": {"address": _NAME.format(number), "port_value": _PORT}}
        endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
        made = {
            "name": name,
            "type": "STRICT_DNS",
            "load_assignment": {"cluster_name": name, "endpoints": endpoints},
        }
        if asking.kind(uses[name]) in _OVER_GRPC:
            made["typed_extension_protocol_options"] = copied(HTTP2)
        configuration.add_static("clusters", made)
    if names:
        what = f"{len(names)} clusters are made, with an endpoint each: {named(names)}"
        configuration.differs(what, "the dump has no section with clusters")
