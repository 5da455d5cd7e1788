"""What every Envoy is to have: one snapshot for all, and one of its own for a node that got one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from takeover.peers.control_plane.resources import Resource, ResourceError


@dataclass(frozen=True)
class TypeState:
    """All resources of a type, by name, and the version of the snapshot that changed one of them last."""

    version: str
    resources: Mapping[str, Resource] = field(default_factory=dict)


@dataclass(frozen=True)
class Snapshot:
    """All resources, by type URL."""

    version: str
    types: Mapping[str, TypeState] = field(default_factory=dict)
    first_version: str = ""
    """Of the first one: what a type has that never had a resource."""

    def of_type(self, url: str) -> TypeState:
        return self.types.get(url) or TypeState(self.first_version or self.version)

    def resources(self) -> dict[tuple[str, str], Resource]:
        """By type URL and name."""
        return {(url, name): each for url, state in self.types.items() for name, each in state.resources.items()}


class Snapshots:
    """The snapshots in force; the common one stands under the node ""."""

    def __init__(self) -> None:
        self._in_force = {"": Snapshot("0")}
        self._count = 0

    def of(self, node: str) -> Snapshot:
        """What that node gets."""
        return self._in_force.get(node) or self._in_force[""]

    def replace(self, resources: Iterable[Resource], version: str = "", node: str = "") -> Snapshot:
        """A snapshot of these resources and no others. Raises: ResourceError for two of one name."""
        made: dict[tuple[str, str], Resource] = {}
        for each in resources:
            if (each.url, each.name) in made:
                raise ResourceError(f"{each.url} {each.name} is there twice")
            made[each.url, each.name] = each
        return self._publish(made, version, node)

    def change(
        self,
        resources: Iterable[Resource],
        remove: Iterable[tuple[str, str]] = (),
        version: str = "",
        node: str = "",
    ) -> Snapshot:
        """A snapshot like the last one but for these.

        Args:
            resources: what takes the place of what has its name, or is added.
            remove: type URL and name of what is there no more.
            version: the new snapshot's; counted if it is empty.
            node: whose.

        Raises: ResourceError for one that is to be removed and is not there.
        """
        made = self.of(node).resources()
        for url, name in remove:
            if made.pop((url, name), None) is None:
                raise ResourceError(f"there is no {url} {name} to remove")
        made |= {(each.url, each.name): each for each in resources}
        return self._publish(made, version, node)

    def _publish(self, made: Mapping[tuple[str, str], Resource], version: str, node: str) -> Snapshot:
        before = self.of(node)
        self._count += 1
        version = version or str(self._count)
        by_type: dict[str, dict[str, Resource]] = {url: {} for url in before.types}
        for (url, name), each in made.items():
            old = before.of_type(url).resources.get(name)
            is_same = old is not None and old.content == each.content
            by_type.setdefault(url, {})[name] = replace(each, version=old.version if old and is_same else version)
        types = {}
        for url, now in by_type.items():
            was = before.of_type(url)
            is_same = url in before.types and was.resources == now
            types[url] = TypeState(was.version if is_same else version, now)
        first = before.first_version or version
        self._in_force[node] = Snapshot(version, types, first)
        return self._in_force[node]
