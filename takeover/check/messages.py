"""Messages of Envoy's API as JSON has them, read without trust: where something else stands there is nothing."""

import re
import urllib.parse
from collections.abc import Iterator
from typing import Any, Final

from takeover.model.json import JsonObject

CHOICE: Final = "x-takeover-choice"
"""A request's header by whose number it chooses between the weighted clusters of a route."""


def objects(value: Any) -> Iterator[JsonObject]:
    """Those of a list that are objects; none of what is no list."""
    return (each for each in value if isinstance(each, dict)) if isinstance(value, list) else iter(())


def inner(data: Any, *fields: str) -> JsonObject:
    """What stands in fields within each other; an empty object where one is missing."""
    for each in fields:
        data = data.get(each) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def is_of_udp(socket_address: JsonObject) -> bool:
    """Whether a `core.v3.SocketAddress` is one of UDP."""
    return socket_address.get("protocol") in ("UDP", 1)


def apart_of_udp(socket_address: JsonObject) -> str:
    """What stands behind an address that is a listener's name: one of TCP and one of UDP may be at one port."""
    return "/udp" if is_of_udp(socket_address) else ""


def uri_of(text: str) -> urllib.parse.SplitResult:
    """The parts of a URI; none where what stands there is none, such as `https://[redacted]/keys`."""
    try:
        return urllib.parse.urlsplit(text)
    except ValueError:
        return urllib.parse.urlsplit("")


def config_of(extension: Any) -> JsonObject:
    """The config of a `TypedExtensionConfig`; an empty one where there is none."""
    return inner(extension, "typed_config")


def message_of(config: JsonObject) -> str:
    """The full name of the message that an Any holds; empty where it does not say."""
    return str(config.get("@type", "")).rpartition("/")[2]


def seconds(duration: object) -> float:
    """A `google.protobuf.Duration` as JSON has it; 0 if it is none."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)s", str(duration))
    return float(found[1]) if found else 0.0
