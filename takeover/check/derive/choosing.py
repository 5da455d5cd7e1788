"""What a request carries where something in it chooses its cluster, or its endpoint."""

from collections.abc import Iterator

from takeover.check.derive.ask import Ask
from takeover.check.derive.route_reading import choosing_header, weights
from takeover.check.messages import objects
from takeover.model.json import JsonObject

WORD = "probe"
"""Where any word does."""


def with_choice(route: JsonObject, ask: Ask, clusters: tuple[str, ...]) -> Ask:
    """With the headers by which a request chooses its cluster, and what its endpoint is chosen by."""
    action = route.get("route", {})
    ask = _hashed(action, ask)
    if name := choosing_header(action.get("weighted_clusters", {})):
        return ask.with_header(name, "0")
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


def others_of_choice(route: JsonObject, ask: Ask, clusters: tuple[str, ...]) -> Iterator[tuple[str, Ask]]:
    """Where a header chooses the cluster of a request, or of its copy: a request for each other one.

    Of a weighted choice at the first number that is its own.
    """
    action = route.get("route", {})
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
