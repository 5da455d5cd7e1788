"""Requests for what Envoy does by a client's address alone: tags of ranges, hashes.

Source: https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/ip_tagging_filter
"""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, Final

from takeover.check.derive.adapting import Edge
from takeover.check.derive.ask import Ask
from takeover.check.derive.client_address import REMOTE
from takeover.check.derive.draft import slug
from takeover.check.derive.expressions import CannotMakeError
from takeover.check.derive.nets import OUTSIDE, Nets
from takeover.check.messages import objects

TAGGING: Final = "envoy.extensions.filters.http.ip_tagging.v3.IPTagging"
_MOST_TAGS, _MOST_RANGES = 10, 3


def tagged(data: Mapping[str, Any], ask: Ask) -> Iterator[Edge]:
    """For each tag a request from some of its ranges, and from just beside one of them."""
    for tag in itertools.islice(objects(data.get("ip_tags")), _MOST_TAGS):
        name, nets = str(tag.get("ip_tag_name")), Nets({"cidr_ranges": tag.get("ip_list", ())})
        yield from _from(slug("tagged", name), ask, itertools.islice(nets.good(), _MOST_RANGES))
        yield from _from(slug("tagged", name, "just not"), ask, itertools.islice(nets.bad(), 1))


def hashed(data: Mapping[str, Any], ask: Ask) -> Iterator[Edge]:
    """Where a client's address is hashed: a request from another one."""
    if data.get("source_ip") is True:
        yield from _from("hashed-by-address", ask, OUTSIDE[:1])


def _from(name: str, ask: Ask, addresses: Iterator[str] | tuple[str, ...]) -> Iterator[Edge]:
    number = 0
    for each in addresses:
        try:
            made = REMOTE.put(ask, each)
        except CannotMakeError:
            continue  # of IPv6, where listeners are of IPv4
        number += 1
        yield Edge(name=name if number == 1 else f"{name}-{number}", entry={}, ask=made)
