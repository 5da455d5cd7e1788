"""Shares of requests for which something is done become all or none: what runtime sets, probes say themselves."""

from takeover.check.shares import COPIES, settled, share_of
from takeover.check.trees import FRACTION
from takeover.check.world.configuration import Configuration, content_of, inner, kind_of, objects, set_field
from takeover.scenario.envoy_config import camel_case, either

_PERCENT = ("numerator", "denominator")


def settle_shares(configuration: Configuration) -> None:
    """Sets those without a runtime key (`RuntimeFractionalPercent`), and says so of each."""
    for name, document in configuration.documents():
        of_values = set[int]()
        for path, found in objects(document):
            if kind_of(found) == FRACTION:
                of_values.add(id(inner(content_of(found), "runtime_fraction")))
            percent = inner(found, "default_value")
            if id(found) in of_values or not either(percent, "numerator") or either(found, "runtime_key"):
                continue
            share = share_of({key: either(percent, key) for key in _PERCENT if either(percent, key) is not None})
            if not 0 < share < 1:
                continue
            is_of_copies = any(each in (COPIES, camel_case(COPIES)) for each in path)
            all_or_none = {"numerator": round(settled(share, copies=is_of_copies) * 100)}
            set_field(found, "default_value", all_or_none)
            what = f"a share of {share * 100:g} % is {all_or_none['numerator']} %"
            configuration.differs(what, "else chance decides of each request", configuration.place_in(name, path))
