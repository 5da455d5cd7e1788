"""The Envoys of a mesh, by what they say of themselves: `KIND~IP~POD.NAMESPACE`, as Istio's do."""

import ipaddress
from dataclasses import dataclass

SIDECAR, GATEWAY = "sidecar", "gateway"
FORM = f"{SIDECAR}~IP~POD.NAMESPACE or {GATEWAY}~IP~POD.NAMESPACE"
"""What node ids are to be like, for people."""


@dataclass(frozen=True)
class Proxy:
    """An Envoy of the mesh.

    Args:
        kind: SIDECAR or GATEWAY.
        ip: of its Pod.
        pod: the Pod's name.
        namespace: of the Pod, as the manifests have it.
    """

    kind: str
    ip: str
    pod: str
    namespace: str

    @classmethod
    def of(cls, node: str) -> "Proxy | None":
        """The Envoy with that node id; None for one that is none of a mesh."""
        kind, _, rest = node.partition("~")
        ip, _, name = rest.partition("~")
        pod, dot, namespace = name.rpartition(".")
        return cls(kind, ip, pod, namespace) if kind in (SIDECAR, GATEWAY) and _is_ip(ip) and dot else None


def _is_ip(text: str) -> bool:
    """Whether others can be sent there: of one endpoint that is none, Envoys refuse all of its cluster."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
