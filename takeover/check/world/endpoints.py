"""One endpoint where several would be chosen from by chance: what is observed of a request is the same each time then.

Each priority of a cluster keeps its first healthy endpoint, and one for each different metadata by which subsets are
chosen: that of `envoy.lb` alone. Clusters that choose by a hash keep all, where something is hashed: where nothing is,
Envoy takes a number of chance.
"""

from collections.abc import Iterator

from takeover.check.records import Place
from takeover.check.world.asking import clusters_of
from takeover.check.world.configuration import CLUSTER, ENDPOINTS, Configuration, inner, kind_of, listed, objects
from takeover.model.json import JsonObject, encode
from takeover.scenario.envoy_config import either
from takeover.scenario.typed_yaml import Json

_HASHES = ("RING_HASH", "MAGLEV")
_HASHING = (".RingHash", ".Maglev")
_SUBSETS = "envoy.lb"
_WELL = (None, "UNKNOWN", "HEALTHY", 0, 1)


def one_of_each(configuration: Configuration) -> None:
    """Leaves out the others, and says so."""
    hashing = set[str]()
    hashed = _hashed(configuration)
    for cluster, place in configuration.of_type(CLUSTER):
        name = str(cluster.get("name"))
        if _chooses_by_hash(cluster) and (hashed is None or name in hashed or _hashes_itself(cluster)):
            hashing |= {name, str(either(inner(cluster, "eds_cluster_config"), "service_name"))}
        elif isinstance(assignment := either(cluster, "load_assignment"), dict):
            _reduce(configuration, assignment, name, place)
    for assignment, place in configuration.of_type(ENDPOINTS):
        name = str(either(assignment, "cluster_name"))
        if name not in hashing:
            _reduce(configuration, assignment, name, place)


def _chooses_by_hash(cluster: JsonObject) -> bool:
    if either(cluster, "lb_policy") in _HASHES:
        return True
    policy = either(cluster, "load_balancing_policy")
    return any(kind_of(found).endswith(_HASHING) for _, found in objects(policy))


def _hashes_itself(cluster: JsonObject) -> bool:
    """Whether its policy says what is hashed."""
    policy = either(cluster, "load_balancing_policy")
    return any(listed(found, "hash_policy") for _, found in objects(policy))


def _hashed(configuration: Configuration) -> set[str] | None:
    """Clusters for which a route or a proxy says what is hashed; None: any may be, as requests say which it is."""
    found = set[str]()
    for _, document in configuration.documents():
        for _, each in objects(document):
            if not listed(each, "hash_policy"):
                continue
            if not (names := set(clusters_of(each)) - {""}):
                return None
            found |= names
    return found


def _reduce(configuration: Configuration, assignment: JsonObject, name: str, place: Place) -> None:
    localities = [each for each in listed(assignment, "endpoints") if isinstance(each, dict)]
    chosen: dict[tuple[Json, bytes], JsonObject] = {}
    count = 0
    for locality, each in _endpoints(localities):
        count += 1
        of_subset = inner(each, "metadata", "filter_metadata", _SUBSETS)
        key = locality.get("priority", 0), encode(of_subset, order="sorted")
        first = chosen.setdefault(key, each)
        if _is_well(each) and not _is_well(first):
            chosen[key] = each
    if len(chosen) == count:
        return
    kept = {id(each) for each in chosen.values()}
    for locality in localities:
        field = "lb_endpoints" if "lb_endpoints" in locality else "lbEndpoints"
        locality[field] = [each for each in locality.get(field) or () if id(each) in kept]
    assignment["endpoints"] = [each for each in localities if listed(each, "lb_endpoints")]
    what = f"{len(chosen)} of the {count} endpoints of {name}"
    configuration.differs(what, "which of them a request goes to is of chance", place)


def _endpoints(localities: list[JsonObject]) -> Iterator[tuple[JsonObject, JsonObject]]:
    for locality in localities:
        yield from ((locality, each) for each in listed(locality, "lb_endpoints") if isinstance(each, dict))


def _is_well(endpoint: JsonObject) -> bool:
    return either(endpoint, "health_status") in _WELL
