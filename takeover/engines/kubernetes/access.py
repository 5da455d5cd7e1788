"""Whether the user has the rights that the engine needs, asked of the cluster beforehand."""

import asyncio

from takeover.base.errors import BadInputError
from takeover.engines.kubernetes.api import Api

NEEDED = (
    # resource, subresource, group, verbs
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
"""What a run asks of a cluster."""


async def check(api: Api) -> None:
    """Raises: BadInputError that names every missing right in one line."""
    wanted = [(resource, subresource, group, verb) for resource, subresource, group, verbs in NEEDED for verb in verbs]
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
