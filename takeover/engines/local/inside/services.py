"""Services as kube-proxy does them in its iptables mode: a chain for each port, one rule for each endpoint.

See the Kubernetes page "Virtual IPs and Service Proxies".
"""

from dataclasses import dataclass

# Made once, and never touched again. The rule about established connections is kube-proxy's, and does more than it
# says: the kernel tracks connections only while some rule of the network namespace asks for it, so without this one a
# Service that loses its last endpoint would take the translation from the connections that are established.
_FOUNDATION = """*nat
:KUBE-SERVICES -
:KUBE-POSTROUTING -
-A PREROUTING -j KUBE-SERVICES
-A OUTPUT -j KUBE-SERVICES
-A POSTROUTING -j KUBE-POSTROUTING
COMMIT
*filter
:KUBE-REFUSED -
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -j KUBE-REFUSED
-A OUTPUT -j KUBE-REFUSED
COMMIT
"""


@dataclass(frozen=True)
class ServicePortEndpoints:
    """One port of a Service and who answers there: the Pods that are ready."""

    cluster_ip: str
    port: int
    endpoints: tuple[tuple[str, int], ...]


def only_grew(before: list[ServicePortEndpoints], now: list[ServicePortEndpoints]) -> bool:
    """Whether everything that was an endpoint is one."""
    known = {(each.cluster_ip, each.port): set(each.endpoints) for each in now}
    return all(set(each.endpoints) <= known.get((each.cluster_ip, each.port), set()) for each in before)


def rules(ports: list[ServicePortEndpoints], with_foundation: bool) -> str:
    """The input of `iptables-restore --noflush` for all Services: it fills its own chains anew, in one step.

    Args:
        with_foundation: also makes what leads there; the first time.
    """
    nat = ["*nat", ":KUBE-SERVICES -", ":KUBE-POSTROUTING -"]
    nat += [f":KUBE-SVC-{number} -" for number, _ in enumerate(ports)]
    refused = ["*filter", ":KUBE-REFUSED -"]
    hairpins = set()
    for number, service in enumerate(ports):
        to_service = f"-d {service.cluster_ip}/32 -p tcp -m tcp --dport {service.port}"
        if not service.endpoints:
            refused.append(f"-A KUBE-REFUSED {to_service} -j REJECT --reject-with icmp-port-unreachable")
            continue
        nat.append(f"-A KUBE-SERVICES {to_service} -j KUBE-SVC-{number}")
        for position, (address, port) in enumerate(service.endpoints):
            left = len(service.endpoints) - position
            # The first of n takes one connection in n, the next one in n - 1 of the rest, the last all that is left.
            chance = f" -m statistic --mode random --probability {1 / left:.10f}" if left > 1 else ""
            nat.append(f"-A KUBE-SVC-{number} -p tcp{chance} -j DNAT --to-destination {address}:{port}")
            hairpins.add(address)
    # A Pod that reaches itself through its own Service must not see itself as the client.
    nat += [f"-A KUBE-POSTROUTING -s {address}/32 -d {address}/32 -j MASQUERADE" for address in sorted(hairpins)]
    filled = "\n".join([*nat, "COMMIT", *refused, "COMMIT", ""])
    return _FOUNDATION + filled if with_foundation else filled
