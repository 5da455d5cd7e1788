"""Bodies of Envoy's admin API without what is of chance in them, and what it tells of clusters in one order."""

import re
from typing import Any

from takeover.model.json import encode
from takeover.probes.normal_rules import BODY_STEPS, Rule
from takeover.probes.own_words import JSON, PROTOBUF_MARK
from takeover.probes.removals import Step, applied

ADMIN_RULES = (
    Rule(
        "own-version",
        re.compile(r'"version":"[0-9a-f]{40}/\d+\.\d+\.\d+'),
        '"version":"<version>',
        "each version tells its own name",
    ),
    Rule(
        "own-time",
        re.compile(r'"(last_updated|uptime_current_epoch|uptime_all_epochs|days_until_expiration)":"[^"]*"'),
        r'"\1":"<time>"',
        "how long it runs, when it was configured, and how long a certificate is still good, is another each time",
    ),
    Rule(
        "own-memory",
        re.compile(
            r'"(allocated|heap_size|pageheap_unmapped|pageheap_free|total_thread_cache|total_physical_bytes)":"\d+"'
        ),
        r'"\1":"<bytes>"',
        "what memory it has at a moment is of chance",
    ),
    PROTOBUF_MARK,
)
"""Of bodies of the admin API, JSON among them in the order of its keys: an Envoy prints what maps hold in any."""

_UNORDERED = ("cluster_statuses", "configs", "static_endpoint_configs")


def _without_chance(content: Any) -> str:
    """By which its place is found: a time in it would make that one of chance."""
    return applied((rule.step for rule in ADMIN_RULES), encode(content, order="sorted").decode())


def _in_one_order(content: Any) -> Any:
    """JSON of the admin API in which lists that it tells in any order, those of clusters, are sorted.

    The hundred kilobytes of its extensions, in any order, too, are the inventory's to compare.
    """
    match content:
        case dict():
            named = {name: _in_one_order(each) for name, each in content.items() if name != "extensions"}
            return {
                name: sorted(each, key=_without_chance) if name in _UNORDERED and isinstance(each, list) else each
                for name, each in named.items()
            }
        case list():
            return list(map(_in_one_order, content))
        case _:
            return content


def _in_the_order_of_keys(text: str) -> str:
    try:
        return encode(_in_one_order(JSON.decode(text)), order="sorted").decode()
    except (ValueError, RecursionError):  # then it is no JSON
        lines = text.splitlines(keepends=True)
        is_listed = bool(lines) and all("::" in line for line in lines)
        return "".join(sorted(lines, key=lambda line: line.partition("::")[0])) if is_listed else text


ADMIN_STEPS = (Step("own-order", _in_the_order_of_keys), *(rule.step for rule in ADMIN_RULES), *BODY_STEPS)
"""What is done to a body of the admin API."""
