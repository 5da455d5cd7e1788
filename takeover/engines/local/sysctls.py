"""The kernel's settings that are a Pod's own: what a kubelet takes of a Pod's `sysctls`, without being told to.

See the Kubernetes page "Using sysctls in a Kubernetes Cluster".
"""

from collections.abc import Iterator, Sequence

from takeover.engines.local.security import Sysctl
from takeover.engines.local.volume_rules import twice
from takeover.engines.local.without_effect import Fault
from takeover.scenario.yaml_text import Key

_SAFE = frozenset(
    f"net.ipv4.{name}"
    for name in (
        "ip_local_port_range",
        "ip_local_reserved_ports",
        "ip_unprivileged_port_start",
        "ping_group_range",
        "tcp_fin_timeout",
        "tcp_keepalive_intvl",
        "tcp_keepalive_probes",
        "tcp_keepalive_time",
        "tcp_rmem",
        "tcp_syncookies",
        "tcp_wmem",
    )
)
_OF_IPC = "kernel.shm_rmid_forced"


def dotted(name: str) -> str:
    """A setting's name with dots: the API takes it with slashes, too."""
    return name.replace("/", ".")


def faults(given: Sequence[Sysctl], at: tuple[Key, ...]) -> Iterator[Fault]:
    """What is wrong with a Pod's settings. What the kernel takes for a value, it says itself."""
    for index, each in enumerate(given):
        if dotted(each.name) == _OF_IPC:
            yield (*at, index, "name"), f"is {_OF_IPC}: the local engine's containers share no memory; remove it"
        elif dotted(each.name) not in _SAFE:
            what = "which no kubelet takes from a Pod by itself; it takes"
            yield (*at, index, "name"), f"is {each.name[:80]!a}, {what} {', '.join(sorted(_SAFE))}"
    yield from twice((dotted(each.name) for each in given), *at)
