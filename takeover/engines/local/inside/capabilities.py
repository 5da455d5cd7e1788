"""What a container's root may do: see capabilities(7), and securityContext.capabilities of the Kubernetes API."""

from collections.abc import Iterable
from pathlib import Path

from takeover.engines.local.security import SecurityContext

# fmt: off
ALL = (
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
    "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
    "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
    "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
    "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
    "CHECKPOINT_RESTORE",
)
"""In the order of the kernel's numbers."""
# What a container has that asks for nothing: the default set of Docker and containerd, without MKNOD.
_DEFAULT = (
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW",
    "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
)
# What reaches beyond a Pod where no user namespace is around it: devices, mounts, files by their number, the kernel's
# modules, clock and log. No container gets it, whoever runs us: what is tested is the same for root and others.
_OF_THE_MACHINE = frozenset((
    "AUDIT_CONTROL", "AUDIT_READ", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "DAC_READ_SEARCH", "LINUX_IMMUTABLE",
    "MAC_ADMIN", "MAC_OVERRIDE", "MKNOD", "PERFMON", "SYSLOG", "SYS_ADMIN", "SYS_BOOT", "SYS_MODULE", "SYS_PACCT",
    "SYS_RAWIO", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "WAKE_ALARM",
))
# fmt: on


def refused(security: SecurityContext) -> list[str]:
    """Those that are asked for by name and given to no container."""
    return sorted(_OF_THE_MACHINE.intersection(security.capabilities.add))


def bounding(security: SecurityContext) -> list[str]:
    """The capabilities (`CAP_…`) that a container may have, of those that this machine grants us.

    A privileged one has all that concern its Pod. A runtime refuses to give what it does not have itself.
    """
    asked, dropped = set(security.capabilities.add), set(security.capabilities.drop)
    wanted = set(ALL if security.privileged or "ALL" in asked else () if "ALL" in dropped else _DEFAULT)
    wanted = (wanted | asked) - dropped - _OF_THE_MACHINE
    status = Path("/proc/self/status").read_text()
    ours = int(next(line for line in status.splitlines() if line.startswith("CapEff")).split()[1], 16)
    return [f"CAP_{name}" for number, name in enumerate(ALL) if ours >> number & 1 and name in wanted]


def numbers(names: Iterable[str]) -> list[int]:
    """The kernel's numbers of capabilities (`CAP_…`)."""
    return [ALL.index(each.removeprefix("CAP_")) for each in names]
