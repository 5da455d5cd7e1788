"""What a world asks endpoints at its own times, it asks once, at the start: later ones would come in between probes.

So it is with health checks, and with what a cluster of Redis asks for its slots.
"""

from takeover.check.world.configuration import (
    CLUSTER,
    Configuration,
    content_of,
    drop,
    kind_of,
    listed,
    objects,
    set_field,
)
from takeover.scenario.envoy_config import either

_NEVER_AGAIN = "86400s"
_MORE_OFTEN = ("unhealthy_interval", "unhealthy_edge_interval", "healthy_edge_interval", "no_traffic_healthy_interval")


def check_once(configuration: Configuration) -> None:
    """Has every health check wait long for its next turn."""
    for cluster, place in configuration.of_type(CLUSTER):
        checks = [each for each in listed(cluster, "health_checks") if isinstance(each, dict)]
        for each in checks:
            drop(each, *_MORE_OFTEN, "initial_jitter", "interval_jitter", "interval_jitter_percent")
            for field in ("interval", "no_traffic_interval"):
                set_field(each, field, _NEVER_AGAIN)
        for _, found in objects(either(cluster, "cluster_type")):
            if kind_of(found).endswith(".RedisClusterConfig"):
                set_field(content_of(found), "cluster_refresh_rate", _NEVER_AGAIN)
                what = f"the slots of {cluster.get('name')} are asked for once, at the start"
                configuration.differs(what, "that would come at its own times, in the midst of probes", place)
        if checks:
            what = f"the health of {cluster.get('name')} is checked once, at the start"
            configuration.differs(what, "its connections would come at their own times, in the midst of probes", place)
