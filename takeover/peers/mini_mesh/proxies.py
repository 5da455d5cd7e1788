"""The Envoys of a mesh, by what they say of themselves: `KIND~IP~POD.NAMESPACE`, as Istio's do."""

from dataclasses import dataclass

from takeover.peers.mini_mesh.addresses import is_address

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
        # Of one endpoint whose address is none Envoys refuse all of its cluster.
        return cls(kind, ip, pod, namespace) if kind in (SIDECAR, GATEWAY) and is_address(ip) and dot else None
