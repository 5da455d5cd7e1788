"""Exchanges that Envoy's admin interface tells while they happen: times, ports and numbers of chance stand in them.

Source: https://www.envoyproxy.io/docs/envoy/latest/operations/traffic_tapping
"""

import re
from typing import Final

MARKS: Final = (
    '"downstream_connection"',
    '"upstream_connection"',
    '"http_streamed_trace_segment"',
    '"headers_received_time"',
    '"key": "date"',
)
_ADDRESS = r"_address\": \{[^{}]*\{[^{}]*"
FOUND: Final = re.compile(
    r"(?P<port>\"downstream_connection\": \{\s*\"local" + _ADDRESS + r"\}\s*\},\s*"
    r"\"remote" + _ADDRESS + r"\"port_value\": "
    r"|\"upstream_connection\": \{\s*\"local" + _ADDRESS + r"\"port_value\": )\d+"
    r"|(?P<id>\"http_streamed_trace_segment\": \{\s*\"trace_id\": \")\d{1,20}(?=\")"
    r"|(?P<time>\"headers_received_time\": \")\d{4}-\d\d-\d\dT[\d:.]+Z"
    r"|(?P<date>\"key\": \"date\",\s+\"value\": \")\w{3}, \d\d \w{3} (?!1970)\d{4} [\d:]{8} GMT"
)
"""A client's port, an exchange's number, when its headers came, an answer's date (1970 is an upstream's own)."""


def without_chance(found: re.Match[str]) -> str:
    """What of it is the same each time."""
    kind = found.lastgroup
    assert kind is not None
    return f"{found[kind]}<{kind}>"
