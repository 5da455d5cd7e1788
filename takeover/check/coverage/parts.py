"""The parts of a configuration that probes can reach, and by what Envoy tells of each that it was reached."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeVar

from takeover.check.records import Place
from takeover.check.scopes import Scoped

_Part = TypeVar("_Part", bound="Part")

PathRule = tuple[Literal["exact", "prefix", "separated", "expression", "connect", "other"], str, bool]
"""How a route matches a path, with what, and whether letters' case counts; "connect": the method CONNECT alone."""


@dataclass(frozen=True)
class Part:
    """What all parts have.

    Args:
        id: in Envoy's own terms, with those of what it stands in before.
        within: the id of that.
        paths: its place by each way in which that is said: within its resource, within the file.
    """

    id: str
    name: str
    within: str
    where: Place
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Route(Part):
    """A route.

    Args:
        logged_as: what Envoy's log calls it; empty where it has no name, and gets none.
        clusters: where it leads; None: somewhere that the request decides.
        answers: whether it answers by itself.
        status: that of its own answer or redirect; None where it leads to a cluster or says none.
        has_more: whether it asks for something besides the path: a request may go past it.
    """

    logged_as: str
    clusters: frozenset[str] | None
    answers: bool
    status: int | None
    path: PathRule
    has_more: bool = True


@dataclass(frozen=True)
class VirtualHost(Part):
    """A virtual host.

    Args:
        domains: in small letters.
        scope: the name of the scope in whose table it stands; empty where routes are not scoped.
    """

    domains: tuple[str, ...]
    routes: tuple[Route, ...]
    scope: str = ""


@dataclass(frozen=True)
class FilterChain(Part):
    """A filter chain.

    Args:
        label: what probes that aim at it call it: see `chain_names`.
        logged_as: what Envoy's log calls it; empty where it has no name, and gets none.
        prefixes: those of the statistics that its filters count with, such as `http.web` or `tcp.web`.
        unknown: why its routes, or some of them, are not known; empty where they are.
        scoped: how requests find their table; None: there is one for all.
    """

    label: str
    logged_as: str
    prefixes: tuple[str, ...]
    hosts: tuple[VirtualHost, ...] = ()
    unknown: str = ""
    scoped: Scoped | None = None

    @cached_property
    def routes(self) -> Mapping[str, Sequence[Route]]:
        """Those of each name in Envoy's log; of the empty one all that have none."""
        return _grouped((route for host in self.hosts for route in host.routes), lambda each: each.logged_as)


@dataclass(frozen=True)
class Listener(Part):
    """A listener.

    Args:
        logged_as: what the access log that is added calls it.
        statistics: what its counters begin with; empty for one of UDP, which has none of connections: those of its
            address are of the listener that takes TCP there.
    """

    logged_as: str
    statistics: str
    chains: tuple[FilterChain, ...]


@dataclass(frozen=True)
class Cluster(Part):
    """A cluster.

    Args:
        logged_as: what Envoy's access log calls it: by `alt_stat_name` where it has one; several may have the same.
        statistics: what its counters begin with.
        is_named: whether anything of a listener or of a table of routes has its name.
    """

    logged_as: str
    statistics: str
    is_named: bool


@dataclass(frozen=True)
class Parts:
    """All of a configuration's."""

    listeners: tuple[Listener, ...]
    clusters: tuple[Cluster, ...]

    @cached_property
    def by_statistics(self) -> Mapping[str, Listener]:
        """The listeners by what their counters begin with."""
        return {each.statistics: each for each in self.listeners if each.statistics}

    @cached_property
    def by_logged_name(self) -> Mapping[str, Listener]:
        """The listeners by what the access log that is added calls them."""
        return {each.logged_as: each for each in self.listeners}

    @cached_property
    def clusters_by_statistics(self) -> Mapping[str, Sequence[Cluster]]:
        """The clusters by what their counters begin with."""
        return _grouped(self.clusters, lambda each: each.statistics)

    @cached_property
    def clusters_by_logged_name(self) -> Mapping[str, Sequence[Cluster]]:
        """The clusters by what Envoy's access log calls them."""
        return _grouped(self.clusters, lambda each: each.logged_as)


def _grouped(parts: Iterable[_Part], called: Callable[[_Part], str]) -> Mapping[str, Sequence[_Part]]:
    """The parts by what they are called, in their order."""
    found: dict[str, list[_Part]] = {}
    for each in parts:
        found.setdefault(called(each), []).append(each)
    return found
