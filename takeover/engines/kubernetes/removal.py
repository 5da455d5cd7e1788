"""Removing namespaces, and saying what holds those that stay."""

import asyncio
from collections.abc import Collection, Iterable

from takeover.base.errors import NotRemovedError
from takeover.engines.kubernetes.api import Api
from takeover.engines.kubernetes.watching import Watch
from takeover.model.json import JsonObject

_HELD_TIMEOUT = 20.0
"""Seconds for which a namespace is waited for whose content has somebody's finalizers."""
_HOLDS = frozenset(
    {"NamespaceFinalizersRemaining", "NamespaceDeletionContentFailure", "NamespaceDeletionDiscoveryFailure"}
)


async def remove_namespace(api: Api, namespace: str) -> None:
    """Ends a namespace's Pods at once, then deletes it; a second call does nothing."""
    await api.delete(f"/api/v1/namespaces/{namespace}/pods", grace=0, collection=True)
    await api.delete(f"/api/v1/namespaces/{namespace}")


async def remove_and_wait(
    api: Api, names: Collection[str], selector: str, timeout: float, going: Collection[str] = ()
) -> None:
    """Removes these namespaces, which the selector selects, and waits until they are gone.

    Args:
        timeout: in seconds; it is shorter for those that somebody's finalizers hold.
        going: those of them that are being deleted already.

    Raises: NotRemovedError that names what is left, what holds it, and how to look.
    """
    await asyncio.gather(*(remove_namespace(api, name) for name in names if name not in going))

    def left(seen: Iterable[JsonObject]) -> list[JsonObject]:
        return [each for each in seen if each["metadata"]["name"] in names]

    def told(seen: Iterable[JsonObject]) -> str:
        return "; ".join(_told(each) for each in sorted(left(seen), key=lambda each: str(each["metadata"]["name"])))

    async with Watch(api, "/api/v1/namespaces", selector) as watch:
        try:
            # Content that goes by itself has gone when only what is held is left.
            await watch.until(lambda seen: True if all(map(held_by, left(seen))) else None, timeout, told)
            await watch.until(lambda seen: None if left(seen) else True, min(timeout, _HELD_TIMEOUT), told)
        except TimeoutError as error:
            command = " ".join(api.target.kubectl())
            raise NotRemovedError(f"still there: {error}; look: {command} get namespaces -l {selector}") from None


def held_by(namespace: JsonObject) -> str:
    """What keeps a namespace that was deleted, in the cluster's words; "" if nothing that it tells of."""
    conditions = namespace.get("status", {}).get("conditions") or []
    said = [str(each.get("message", "")) for each in conditions if each["type"] in _HOLDS and each["status"] == "True"]
    own = namespace["metadata"].get("finalizers") or []
    said += [f"it has the finalizers {', '.join(own)}"] if own else []
    return " ".join(" ".join(said).split())


def _told(namespace: JsonObject) -> str:
    return f"namespace {namespace['metadata']['name']} ({held_by(namespace) or 'it is being deleted'})"
