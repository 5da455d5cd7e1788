"""Whether the user has the rights that the engine needs, asked of the cluster beforehand."""

import asyncio
from collections.abc import Iterable, Mapping

from takeover.base.errors import BadInputError
from takeover.engines.kubernetes.api import Api

Right = tuple[str, str, str, tuple[str, ...]]
"""Resource, subresource, group, verbs."""

NEEDED: tuple[Right, ...] = (
    ("namespaces", "", "", ("create", "patch", "list", "watch", "delete")),
    ("services", "", "", ("create", "patch")),
    ("configmaps", "", "", ("create", "patch")),
    ("pods", "", "", ("create", "patch", "get", "list", "watch", "delete", "deletecollection")),
    ("pods", "exec", "", ("create", "get")),
    ("pods", "portforward", "", ("create", "get")),
    ("pods", "log", "", ("get",)),
    ("pods", "ephemeralcontainers", "", ("patch",)),
    ("events", "", "", ("list",)),
    ("endpointslices", "", "discovery.k8s.io", ("list", "watch")),
)
"""What every run asks of a cluster."""
OF_KINDS: Mapping[str, Right] = {
    "Secret": ("secrets", "", "", ("create", "patch")),
    "ServiceAccount": ("serviceaccounts", "", "", ("create", "patch")),
}
"""Kind of object → what a scenario needs besides that has such."""


async def check(api: Api, needed: Iterable[Right] = NEEDED) -> None:
    """Raises: BadInputError that names every missing right in one line."""
    wanted = [(resource, subresource, group, verb) for resource, subresource, group, verbs in needed for verb in verbs]
    answers = await asyncio.gather(*(_allowed(api, *each) for each in wanted))
    missing: dict[str, list[str]] = {}
    for (resource, subresource, _, verb), allowed in zip(wanted, answers, strict=True):
        if not allowed:
            missing.setdefault(resource + (f"/{subresource}" if subresource else ""), []).append(verb)
    if missing:
        named = "; ".join(f"{resource}: {', '.join(verbs)}" for resource, verbs in missing.items())
        raise BadInputError(
            f"context {api.target.context} lacks rights in the cluster ({named}): ask for a ClusterRole with them"
        )


async def _allowed(api: Api, resource: str, subresource: str, group: str, verb: str) -> bool:
    attributes = {"resource": resource, "subresource": subresource, "group": group, "verb": verb}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = await api.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body)
    return bool(answer["status"].get("allowed"))
