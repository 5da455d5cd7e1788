"""What a world asks endpoints at its own times, it asks once, at the start: later ones would come in between probes.

So it is with health checks, and with what a cluster of Redis asks for its slots.
"""

from collections.abc import Set

from takeover.check.messages import seconds
from takeover.check.world import asking
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
from takeover.check.world.health_answers import THRIFT, unanswered
from takeover.model.json import JsonObject
from takeover.scenario.envoy_config import either

_NEVER_AGAIN = "86400s"
_LONG = 10  # seconds
_MORE_OFTEN = ("unhealthy_interval", "unhealthy_edge_interval", "healthy_edge_interval", "no_traffic_healthy_interval")


def check_once(configuration: Configuration, of_control_plane: Set[str]) -> None:
    """Has every health check wait long for its next turn, and none ask what nothing here answers.

    Args:
        of_control_plane: clusters that this run's own control plane answers.
    """
    checked = False
    for cluster, place in configuration.of_type(CLUSTER):
        name = str(cluster.get("name"))
        checks = [each for each in listed(cluster, "health_checks") if isinstance(each, dict)]
        if checks and (why := _unmet(configuration, cluster, checks, name in of_control_plane)):
            drop(cluster, "health_checks")
            configuration.differs(f"the health of {name} is not checked: its hosts are well", why, place)
            checks = []
        for each in checks:
            drop(each, *_MORE_OFTEN, "initial_jitter", "interval_jitter", "interval_jitter_percent")
            for field in ("interval", "no_traffic_interval"):
                set_field(each, field, _NEVER_AGAIN)
            if seconds(either(each, "timeout")) < _LONG:  # there is no second turn that a busy machine could have
                set_field(each, "timeout", f"{_LONG}s")
        checked |= bool(checks)
        for _, found in objects(either(cluster, "cluster_type")):
            if kind_of(found).endswith(".RedisClusterConfig"):
                set_field(content_of(found), "cluster_refresh_rate", _NEVER_AGAIN)
                what = f"the slots of {name} are asked for once, at the start"
                configuration.differs(what, "that would come at its own times, in the midst of probes", place)
    if checked:
        what = f"the health of clusters is checked once, at the start, each time for {_LONG} s at least"
        configuration.differs(what, "connections would come at their own times, in the midst of probes")
        configuration.differs("hosts answer health checks as the checks want it", "what yours answer is not known")


def _unmet(configuration: Configuration, cluster: JsonObject, checks: list[JsonObject], is_ours: bool) -> str:
    """Why nothing here answers a cluster's health checks; empty where something does."""
    if is_ours:
        return "this run's own control plane is there"
    found = next(filter(None, (unanswered(each, cluster) for each in checks)), "")
    if found == THRIFT and asking.kind(asking.asked(configuration).get(str(cluster.get("name")), [])) == "thrift":
        return ""
    return found
