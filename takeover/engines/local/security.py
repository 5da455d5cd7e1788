"""As whom and with what rights containers run, by the form of `securityContext`.

Shapes and defaults are those of the Kubernetes API reference (core/v1).
"""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from takeover.engines.local.strict_object import StrictObject


class Capabilities(StrictObject, frozen=True):
    add: list[str] = []
    drop: list[str] = []


class Sysctl(StrictObject, frozen=True):
    name: str
    value: str


class PodSecurityContext(StrictObject, frozen=True):
    """What its containers have that say nothing else."""

    run_as_user: int | None = None
    run_as_group: int | None = None
    run_as_non_root: bool = False
    fs_group: int | None = None
    fs_group_change_policy: Literal["Always", "OnRootMismatch"] = "Always"
    supplemental_groups: list[int] = []
    sysctls: list[Sysctl] = []
    seccomp_profile: dict[str, str] = {}
    app_armor_profile: dict[str, str] = {}
    se_linux_options: dict[str, str] = {}


class SecurityContext(StrictObject, frozen=True):
    """A container's. `supplementalGroups` is its Pod's, whose groups are put there once both are known to be right."""

    run_as_user: int | None = None
    run_as_group: int | None = None
    run_as_non_root: bool | UnsetType = UNSET
    privileged: bool = False
    allow_privilege_escalation: bool = True
    capabilities: Capabilities = Capabilities()
    read_only_root_filesystem: Literal[False] = False
    seccomp_profile: dict[str, str] = {}
    app_armor_profile: dict[str, str] = {}
    se_linux_options: dict[str, str] = {}
    supplemental_groups: list[int] = []

    @property
    def uid(self) -> int:
        return self.run_as_user or 0

    @property
    def gid(self) -> int:
        return self.run_as_group or 0

    def within(self, pod: PodSecurityContext) -> "SecurityContext":
        """With what it leaves open as its Pod says."""
        groups = pod.supplemental_groups + ([pod.fs_group] if pod.fs_group is not None else [])
        return msgspec.structs.replace(
            self,
            run_as_user=pod.run_as_user if self.run_as_user is None else self.run_as_user,
            run_as_group=pod.run_as_group if self.run_as_group is None else self.run_as_group,
            run_as_non_root=pod.run_as_non_root if self.run_as_non_root is UNSET else self.run_as_non_root,
            supplemental_groups=list(dict.fromkeys(groups)),
        )
