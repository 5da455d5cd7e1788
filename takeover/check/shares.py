"""Shares of requests (`FractionalPercent`), and what a run makes of one that no runtime key can set.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-v3/type/v3/percent.proto
"""

from typing import Final

from takeover.model.json import JsonObject

PER: Final = {"HUNDRED": 100, "TEN_THOUSAND": 10_000, "MILLION": 1_000_000}
COPIES: Final = "request_mirror_policies"
"""Where a share is of requests that are copied, too: a copy takes nothing from its request."""


def share_of(percent: JsonObject) -> float:
    """A `FractionalPercent`, its fields by their names in the proto file, as a number from 0 to 1."""
    return float(percent.get("numerator", 0)) / PER.get(percent.get("denominator", "HUNDRED"), 100)


def settled(share: float, *, copies: bool = False) -> float:
    """All (1) or none (0), whichever the share is nearer to; of copies all, if there are any."""
    return float(share > 0 if copies else share >= 0.5)
