"""Weighted clusters are chosen without chance: a request, or a connection, goes to the same one each time then.

For requests a number in a header chooses. For bytes, and calls of Thrift and Dubbo, nothing can: the cluster with most
weight is left of them.
"""

from takeover.check.messages import CHOICE
from takeover.check.world.configuration import Configuration, content_of, inner, kind_of, listed, objects, set_field
from takeover.model.json import JsonObject
from takeover.scenario.envoy_config import either
from takeover.scenario.typed_yaml import Json

_TCP = ".TcpProxy"
_CALLS = (".ThriftProxy", ".DubboProxy")


def certain(configuration: Configuration) -> dict[str, str]:
    """Names the header in each route that would choose by chance, takes clusters from TCP proxies, and says so.

    Returns for each cluster that was taken away to which all its bytes go instead.
    """
    left = dict[str, str]()
    for _, document in configuration.documents():
        for _, found in objects(document):
            for host in listed(found, "virtual_hosts"):
                for _, route in objects(host):
                    _by_a_header(configuration, inner(route, "route", "weighted_clusters"))
            if kind_of(found).endswith(_TCP):
                left |= _one(configuration, inner(content_of(found), "weighted_clusters"), "bytes")
            elif kind_of(found).endswith(_CALLS):
                for _, action in objects(content_of(found)):
                    left |= _one(configuration, inner(action, "weighted_clusters"), "calls")
    return left


def _by_a_header(configuration: Configuration, choice: JsonObject) -> None:
    # Of the two fields Envoy takes one, be the other false.
    is_settled = either(choice, "header_name") or either(choice, "use_hash_policy") is not None
    if len(_weighted(choice)) > 1 and not is_settled:
        set_field(choice, "header_name", CHOICE)
        what = f"weighted clusters are chosen by the number in the header `{CHOICE}`"
        configuration.differs(what, "else chance chooses, for one request now this, now that")


def _one(configuration: Configuration, choice: JsonObject, of: str) -> dict[str, str]:
    weighted = _weighted(choice)
    if len(weighted) <= 1:
        return {}
    kept = max(weighted, key=_weight)
    choice["clusters"] = [kept]
    name = str(either(kept, "name"))
    what = f"{of} for {len(weighted)} weighted clusters all go to {name}"
    configuration.differs(what, "else chance chooses, for one connection now this, now that")
    return {str(either(each, "name")): name for each in weighted if each is not kept}


def _weighted(choice: JsonObject) -> list[JsonObject]:
    return [each for each in listed(choice, "clusters") if isinstance(each, dict) and _weight(each)]


def _weight(cluster: JsonObject) -> int:
    weight: Json = either(cluster, "weight")
    return int(weight) if isinstance(weight, int | float) or str(weight).isdecimal() else 0
