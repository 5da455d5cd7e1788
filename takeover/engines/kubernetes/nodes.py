"""Whether a new cluster can be used yet: its nodes take Pods, its DNS answers."""

from takeover.base.errors import TakeoverError
from takeover.engines.kubernetes import watching
from takeover.engines.kubernetes.api import Api
from takeover.engines.kubernetes.watching import Watch
from takeover.model.json import JsonObject

_TIMEOUT = 180.0
_DNS = "k8s-app=kube-dns"
"""The label that CoreDNS has in every kubeadm cluster, kind's among them."""


async def wait_until_usable(api: Api) -> None:
    """Waits until every node and the cluster's DNS are Ready. Raises: TakeoverError that says what was last seen."""
    for what, path, selector in (
        ("node", "/api/v1/nodes", ""),
        ("DNS", "/api/v1/namespaces/kube-system/pods", _DNS),
    ):
        async with Watch(api, path, selector) as watch:
            try:
                await watch.until(_all_ready, _TIMEOUT, _not_ready)
            except TimeoutError as error:
                raise TakeoverError(f"the cluster's {what} is not Ready after {_TIMEOUT:g} s: {error}") from None


def _all_ready(seen: list[JsonObject]) -> bool | None:
    return True if seen and all(watching.is_ready(each) for each in seen) else None


def _not_ready(seen: list[JsonObject]) -> str:
    names = [each["metadata"]["name"] for each in seen if not watching.is_ready(each)]
    return ", ".join(names) if seen else "there is none"
