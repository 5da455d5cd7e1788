"""Images that a cluster does not get: that says nothing of the Envoy that would have run."""

import re

from takeover.base.errors import BadInputError, LostError, TakeoverError
from takeover.engines import images
from takeover.engines.kubernetes import container_states
from takeover.model.json import JsonObject

_REASONS = frozenset(
    {
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
"""Why a kubelet lets a container wait whose image it has not."""
# What registries, the way to them, and kubelets say that may be otherwise in a minute.
_FOR_NOW = re.compile(
    r"too ?many ?requests|rate limit|QPS exceeded|50\d (internal server error|bad gateway|service unavailable|gateway)|"
    r"timeout|timed out|deadline exceeded|connection (refused|reset)|no route to host|network is unreachable|"
    r"server misbehaving|temporary failure|\bEOF\b",
    re.IGNORECASE,
)


def why_not(pod: JsonObject, place: str, only: str | None = None) -> TakeoverError | None:
    """What to say of a Pod that does not get an image; None for one that lacks none.

    Args:
        place: the Pod in messages.
        only: the one container that counts.

    Returns: a BadInputError, or a LostError where it is a registry's state, or the way's to it.
    """
    for entry, _ in container_states.container_statuses(pod):
        waiting = (entry.get("state") or {}).get("waiting") or {}
        if only not in (None, entry["name"]) or waiting.get("reason") not in _REASONS:
            continue
        said = " ".join(str(waiting.get("message", "")).split())
        reference = entry.get("image", "")
        told = f"{place}, container {entry['name']}: {waiting['reason']}: {said}"
        if waiting["reason"] == "RegistryUnavailable" or _FOR_NOW.search(said.replace(reference, "")):
            return LostError(f"{told}; try again, or, where it stays so: {_remedy(reference)}")
        return BadInputError(f"{told}; {_remedy(reference)}")
    return None


def _remedy(reference: str) -> str:
    if build := images.how_to_build(reference):
        return f"build it: {build}"
    role = images.role_of(reference)
    option = f"--image {role.name}=REFERENCE" if role else "--image, or in the manifest"
    return f"the cluster cannot get the image {reference}: load it there, or name another one ({option})"
