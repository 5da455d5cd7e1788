"""Weighted clusters of routes are chosen by a number in a header: a request goes to the same one each time then."""

from takeover.check.messages import CHOICE
from takeover.check.world.configuration import Configuration, inner, listed, objects, set_field
from takeover.model.json import JsonObject
from takeover.scenario.envoy_config import either

_NOT_SET = (None, 0, "0")
_BY_THEMSELVES = ("header_name", "use_hash_policy")
"""By either of them Envoy chooses without chance, as it was given."""


def by_a_header(configuration: Configuration) -> None:
    """Names the header in each route that would choose by chance, and says so.

    Only virtual hosts have it: neither the TCP proxy's weighted clusters nor those of other protocols do.
    """
    for _, document in configuration.documents():
        for _, found in objects(document):
            for host in listed(found, "virtual_hosts"):
                for _, route in objects(host):
                    choice = inner(route, "route", "weighted_clusters")
                    if _is_of_chance(choice):
                        set_field(choice, "header_name", CHOICE)
                        what = f"weighted clusters are chosen by the number in the header `{CHOICE}`"
                        configuration.differs(what, "else chance chooses, for one request now this, now that")


def _is_of_chance(choice: JsonObject) -> bool:
    weighted = [each for each in listed(choice, "clusters") if isinstance(each, dict)]
    several = sum(either(each, "weight") not in _NOT_SET for each in weighted) > 1
    return several and not any(either(choice, each) for each in _BY_THEMSELVES)
