"""What a connection manager takes away from a request's host before virtual hosts are looked for.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto.
"""

import re
from dataclasses import dataclass

from takeover.model.json import JsonObject

_PORT = re.compile(r":(\d+)$")


@dataclass(frozen=True)
class Stripping:
    """What is taken away.

    Args:
        any_port: whether a port is, whichever.
        own_port: the only port that is; None: none is.
        dot: whether a dot at the name's end is.
    """

    any_port: bool = False
    own_port: int | None = None
    dot: bool = False

    def of(self, host: str) -> str:
        """What is left."""
        port = _PORT.search(host)
        name, rest = (host[: port.start()], port[0]) if port else (host, "")
        if self.dot:
            name = name.removesuffix(".")
        return name if port and self.takes(int(port[1])) else name + rest

    def takes(self, port: int) -> bool:
        """Whether that port is."""
        return self.any_port or port == self.own_port


def stripping(manager: JsonObject, port: int) -> Stripping:
    """That of a connection manager. Args: port: where its clients go, as it sees it."""
    return Stripping(
        any_port=manager.get("strip_any_host_port") is True,
        own_port=port if manager.get("strip_matching_host_port") is True else None,
        dot=manager.get("strip_trailing_host_dot") is True,
    )
