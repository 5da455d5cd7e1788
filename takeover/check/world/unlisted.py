"""Clusters that are named, and that nobody gave.

So it is with a dump that has none at all, as where only its listeners and routes were taken, and with a bootstrap whose
clusters come by CDS.
"""

from takeover.check.given.canonical import named
from takeover.check.world import asking
from takeover.check.world.configuration import CLUSTER, HTTP2, Configuration, copied, inner
from takeover.scenario.envoy_config import either

_NAME = "cluster-{}.made.invalid"
_PORT = 80
_OVER_GRPC = frozenset({"access_log", "ext_authz", "ext_proc", "rate_limit", "tracing", "metrics"})


def make_clusters(configuration: Configuration) -> None:
    """Makes a cluster for each name, with an endpoint of its own; where a dump has any cluster, none is missing."""
    given = configuration.given
    is_dump = given.kind == "config dump"
    has_any = any(each.type_url == CLUSTER for each in given.resources)
    if has_any if is_dump else not _come_by_cds(configuration):
        return
    known = {str(each.get("name")) for each, _ in configuration.of_type(CLUSTER)}
    uses = asking.asked(configuration)
    of_control_planes = {name for name, each in uses.items() if any(use.kind == "xds" for use in each)}
    names = sorted(name for name in uses.keys() - known - of_control_planes if name)
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
        why = "the dump has no section with clusters" if is_dump else "they come by CDS, and none were given"
        configuration.differs(what, why)


def _come_by_cds(configuration: Configuration) -> bool:
    """Whether a control plane has clusters that were not given."""
    dynamic = inner(configuration.bootstrap, "dynamic_resources")
    served = any(each.type_url == CLUSTER for each in configuration.served)
    return isinstance(either(dynamic, "cds_config"), dict) and not served
