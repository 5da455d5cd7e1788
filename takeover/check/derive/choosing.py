"""What a request carries where something in it chooses its cluster, or its endpoint."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from takeover.check.derive.ask import Ask
from takeover.check.derive.route_reading import choosing_header, weights
from takeover.check.messages import inner, objects
from takeover.check.records import Dialled
from takeover.model.json import JsonObject

WORD = "probe"
"""Where any word does."""
FIRST = "0"
"""The number of the first of weighted clusters."""
_DESTINATION = "x-envoy-original-dst-host"


class Choices(msgspec.Struct, frozen=True):
    """What requests may choose.

    Args:
        clusters: the names of those that there are.
        destinations: cluster → the header by which a request says where it goes then, and an address that answers.
    """

    clusters: tuple[str, ...] = ()
    destinations: Mapping[str, tuple[str, str]] = {}

    def of(self, action: JsonObject) -> Iterator[tuple[str, str]]:
        """The headers that say so, and their values, for each cluster that a RouteAction may lead to."""
        named = {str(action.get("cluster")), *(name for name, _ in weights(action.get("weighted_clusters", {})))}
        yield from dict.fromkeys(
            to for name, to in self.destinations.items() if name in named or "cluster_header" in action
        )


def choices_of(clusters: Mapping[str, JsonObject], dialled: Iterable[Dialled]) -> Choices:
    """Those of a configuration. Args: clusters: by name; dialled: what answers in the world."""
    found: dict[str, tuple[str, str]] = {}
    for each in dialled:
        settings = inner(clusters.get(each.cluster), "original_dst_lb_config")
        if settings.get("use_http_header") is True and each.cluster not in found:
            header = str(settings.get("http_header_name") or _DESTINATION).lower()
            found[each.cluster] = header, f"{each.address}:{each.port}"
    return Choices(tuple(clusters), found)


def with_choice(route: JsonObject, ask: Ask, choices: Choices) -> Ask:
    """With the headers by which a request chooses its cluster, and what its endpoint is chosen by."""
    action, clusters = route.get("route", {}), choices.clusters
    ask = _hashed(action, ask)
    for header, value in choices.of(action):
        ask = ask.with_header(header, value)
    if name := choosing_header(action.get("weighted_clusters", {})):
        return ask.with_header(name, FIRST)
    if (name := action.get("cluster_header")) and clusters:
        return ask.with_header(name, clusters[0])
    return ask


def _hashed(action: JsonObject, ask: Ask) -> Ask:
    """With what is hashed: of a request that has nothing of it Envoy hashes a number of chance."""
    policies = [*objects(action.get("hash_policy"))]
    if any(each.get("connection_properties", {}).get("source_ip") for each in policies):
        return ask
    for each in policies:
        if name := each.get("header", {}).get("header_name"):
            return ask if str(name).startswith(":") else ask.with_header(str(name), WORD)
        if name := each.get("query_parameter", {}).get("name"):
            return ask.with_query(str(name), WORD)
        if name := each.get("cookie", {}).get("name"):
            return ask.with_cookie(str(name), WORD)
    return ask


def others_of_choice(route: JsonObject, ask: Ask, choices: Choices) -> Iterator[tuple[str, Ask]]:
    """Where a header chooses the cluster of a request, or of its copy: a request for each other one.

    Of a weighted choice at the first number that is its own. Where one says the destination: none, and a wrong one.
    """
    action, clusters = route.get("route", {}), choices.clusters
    for header, _ in choices.of(action):
        yield f"no {header}", ask.without_header(header)
        yield f"a name in {header}", ask.with_header(header, "no-address")
    if name := action.get("cluster_header"):
        yield from ((f"to {each}", ask.with_header(name, each)) for each in clusters[1:])
    for policy in objects(action.get("request_mirror_policies")):
        if name := policy.get("cluster_header"):
            yield from ((f"mirrored to {each}", ask.with_header(name, each)) for each in clusters)
    choice = action.get("weighted_clusters", {})
    if not (header := choosing_header(choice)):
        return
    before = 0
    for place, (name, weight) in enumerate(weights(choice)):
        if place:
            yield f"weight of {name}", ask.with_header(header, str(before))
        before += weight
