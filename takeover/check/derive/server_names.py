"""Connections whose cluster is the name for which they ask (SNI), as the gateways between meshes have it.

https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/sni_cluster_filter
"""

from collections.abc import Iterator, Sequence

from takeover.check.derive.chain_match import Chain, filters_of
from takeover.check.derive.chains import Doors
from takeover.check.derive.draft import Door, Draft, slug
from takeover.check.derive.tcp import EXCHANGES

_BY_NAME = "envoy.extensions.filters.network.sni_cluster.v3.SniCluster"


def drafts(doors: Doors, chain: Chain, door: Door, clusters: Sequence[str]) -> Iterator[Draft]:
    """A request over TLS for the name of each cluster that the chain takes, which that cluster's host answers.

    Args:
        clusters: the names of those that there are.
    """
    if all(kind != _BY_NAME for kind, _ in filters_of(chain.data.get("filters"))):
        return
    for name in clusters:
        if (named := doors.for_name(chain, door, name)) is None:
            continue
        yield Draft(
            subject="tcp",
            name=slug(door.listener, chain.name, "to", name),
            entry=named.entry(EXCHANGES[0][1]),
            rank=1,
            of=(door.listener, door.chain, "tcp"),
            listener=door.listener,
            chain=chain.name,
            condition=f"SNI: {name}",
            expects=name,
        )
