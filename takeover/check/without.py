"""What was given without resources that an Envoy does not take."""

from collections.abc import Collection, Container

from msgspec.structs import replace

from takeover.check.coverage.taken_apart import CLUSTER, LISTENER, ROUTES, texts
from takeover.check.records import Given, Resource
from takeover.model.json import JsonObject
from takeover.scenario.envoy_config import either

LISTS = {"listeners": LISTENER, "clusters": CLUSTER}
"""Which of the bootstrap's lists has resources of which type."""


def static(given: Given, key: str) -> list[Resource]:
    """The resources of one of the bootstrap's lists, in its order."""
    return [each for each in given.resources if each.type_url == LISTS[key] and each.is_static and not _is_inline(each)]


def every(given: Given, key: str) -> list[Resource]:
    """Those of the bootstrap's list, then those of the type that a control plane serves besides."""
    listed = static(given, key)
    names = {each.name for each in listed}
    served = (each for each in given.resources if each.type_url == LISTS[key] and not each.is_static)
    return [*listed, *(each for each in served if not _is_inline(each) and each.name not in names)]


def without(given: Given, names: Collection[tuple[str, int]]) -> Given:
    """Without some of all (the list's key, and the number in it), and what stands within them."""
    gone = [every(given, key)[number].place.path for key, number in names]
    bootstrap: JsonObject = dict(given.bootstrap)
    there = next((each for each in ("static_resources", "staticResources") if each in bootstrap), "static_resources")
    content = dict(bootstrap.get(there) or {})
    for key in LISTS:
        if isinstance(listed := either(content, key), list):
            content[key] = [each for number, each in enumerate(listed) if (key, number) not in names]
    bootstrap[there] = content
    kept = tuple(each for each in given.resources if not any(_is_in(each.place.path, path) for path in gone))
    return replace(given, bootstrap=bootstrap, resources=kept)


def needing(given: Given, resource: tuple[str, int]) -> list[tuple[str, int]]:
    """The listeners of the bootstrap that name a cluster of it, in a table of routes, too: Envoy takes none without it.

    Those that are served it takes, mostly; what it says of one that it does not, is said of that one.
    """
    key, number = resource
    if key != "clusters" or number >= len(static(given, key)):
        return []
    name = static(given, key)[number].name
    return [
        ("listeners", place) for place, each in enumerate(static(given, "listeners")) if name in set(texts(each.data))
    ]


def served(given: Given) -> dict[tuple[str, str], Resource]:
    """What a control plane serves, by type and name."""
    return {(each.type_url, each.name): each for each in given.resources if not each.is_static and not _is_inline(each)}


def served_besides(given: Given) -> dict[tuple[str, str], Resource]:
    """That without those of the lists, such as routes and secrets."""
    return {key: each for key, each in served(given).items() if each.type_url not in LISTS.values()}


def less(given: Given, gone: Container[tuple[str, str]]) -> Given:
    """Without some of those, by type and name. A table of routes stays, without any routes: Envoy waits for one."""
    kept = []
    for each in given.resources:
        if each.is_static or _is_inline(each) or (each.type_url, each.name) not in gone:
            kept.append(each)
        elif each.type_url == ROUTES:
            data = {"@type": ROUTES, "name": each.name, "virtual_hosts": []}
            kept.append(replace(each, data=data))
    return replace(given, resources=tuple(kept))


def _is_inline(resource: Resource) -> bool:
    return bool(getattr(resource, "is_inline", False))


def _is_in(path: str, outer: str) -> bool:
    return path == outer or path.startswith((f"{outer}.", f"{outer}["))
