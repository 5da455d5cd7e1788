"""Health checks of a world: each endpoint is asked once, at the start; later ones would come in between probes."""

from takeover.check.world.configuration import CLUSTER, Configuration, drop, listed, set_field

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
        if checks:
            what = f"the health of {cluster.get('name')} is checked once, at the start"
            configuration.differs(what, "its connections would come at their own times, in the midst of probes", place)
