"""Which extensions of a binary stand in some probed configuration."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from takeover.inventory.running import Extension
from takeover.reach.configurations import Configuration
from takeover.reach.implied import implied
from takeover.reach.walking import Met
from takeover.scenario.yaml_text import Key

_OF_UPSTREAMS = (
    "envoy.config.cluster.v3.Cluster",
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    "envoy.extensions.filters.http.router.v3.Router",
    "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
)
_HTTP_FILTERS = "envoy.extensions.filters.http."
_NETWORK_FILTERS = "envoy.extensions.filters.network."
_HTTP_MANAGER = f"{_NETWORK_FILTERS}http_connection_manager."
_OF_HTTP = (f"{_HTTP_MANAGER}v3.HttpConnectionManager", "envoy.config.route.v3.RouteConfiguration")
_LISTENER = "envoy.config.listener.v3.Listener"


@dataclass(frozen=True)
class Occurrence:
    """A place where an extension stands.

    Args:
        extension: as CATEGORY/NAME.
        configuration: where.
        path: of its message there; of the message that implies it.
        is_implied: whether no message of its own stands there.
    """

    extension: str
    configuration: Configuration
    path: tuple[Key, ...]
    is_implied: bool = False


class Known:
    """The extensions of one binary, found by their messages or their names.

    Args:
        extensions: all that it has.
    """

    def __init__(self, extensions: Iterable[Extension]) -> None:
        self.ids: list[str] = []
        self._by_url: dict[str, list[Extension]] = {}
        self._by_name: dict[str, list[Extension]] = {}
        for each in extensions:
            self.ids.append(each.id)
            for url in each.type_urls:
                self._by_url.setdefault(url, []).append(each)
            if not each.type_urls:
                self._by_name.setdefault(each.name, []).append(each)

    def named(self, met: Met) -> str:
        """The extension whose message stands there, as CATEGORY/NAME; empty if it is none."""
        if not met.is_packed:  # the same message may stand elsewhere for another reason
            return ""
        found = self._by_url.get(met.message) or self._by_name.get(met.name, [])
        return _fitting(found, met).id if found else ""


def _fitting(found: Sequence[Extension], met: Met) -> Extension:
    """Of several of one message the one of the category that belongs to where it stands."""
    if len(found) == 1:
        return found[0]
    side = next((side for side in map(_side, reversed(met.above)) if side), "http")
    for each in found:
        if each.category.startswith("envoy.matching."):
            fits = (".network." in each.category) == (side == "connection")
        else:
            fits = ("upstream" in each.category) == (side == "upstream")
        if fits:
            return each
    return found[0]


def _side(message: str) -> Literal["upstream", "http", "connection", ""]:
    """What a message that stands around others says of them; empty if nothing."""
    if message in _OF_UPSTREAMS:
        return "upstream"
    if message in _OF_HTTP or message.startswith(_HTTP_FILTERS):
        return "http"
    if message == _LISTENER or (message.startswith(_NETWORK_FILTERS) and not message.startswith(_HTTP_MANAGER)):
        return "connection"
    return ""


def occurrences(known: Known, configuration: Configuration, met: Iterable[Met]) -> Iterator[Occurrence]:
    """Where the binary's extensions stand.

    Args:
        known: those of the binary.
        configuration: where they are looked for.
        met: all messages in it.
    """
    there = set(known.ids)
    for each in met:
        if name := known.named(each):
            yield Occurrence(name, configuration, each.path)
        for other in implied(each):
            if other in there:
                yield Occurrence(other, configuration, each.path, is_implied=True)
