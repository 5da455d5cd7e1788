"""The mesh at a moment: who is there, who can be asked, what each Envoy is to be told."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from takeover.peers.mini_mesh.authority import Authority, Certificate
from takeover.peers.mini_mesh.forms import Resource
from takeover.peers.mini_mesh.manifests import Manifests, MeshError, Workload, read_manifests
from takeover.peers.mini_mesh.proxies import GATEWAY, SIDECAR, Proxy
from takeover.peers.mini_mesh.told import Known, of_gateway, of_sidecar
from takeover.peers.mini_mesh.wishes import Wishes, merged, read_data, read_wishes
from takeover.peers.yaml_data import is_yaml_file

WISHES = "mesh.yaml"
DOMAIN = "mesh.example"
PATIENCE = 5.0
"""Seconds after which an Envoy counts as gone whose stream it has not ended itself: it comes again before."""
Check = Callable[[list[Resource]], None]
"""Looks at all that any Envoy could be told, before it is in force; what it raises keeps it from that."""


@dataclass
class _Envoy:
    """An Envoy of the mesh that was here.

    Args:
        can_be_asked: whether it has taken the listeners and secrets with which others reach its Pod.
        left: since when it has no stream, by the clock; None as long as it has one.
    """

    proxy: Proxy
    workload: Workload
    certificate: Certificate
    can_be_asked: bool = False
    left: float | None = None


class Mesh:
    """What Kubernetes' API server and a control plane's own objects are to a bigger mesh.

    Args:
        manifests: Services and Pods.
        wished: the data of mesh.yaml, what people want of the mesh.
        clock: seconds.
        check: looks at what is to be in force.

    Raises: MeshError.
    """

    def __init__(
        self,
        manifests: Manifests,
        wished: Any,
        clock: Callable[[], float] = time.monotonic,
        check: Check = lambda _: None,
    ) -> None:
        self._check = check
        self._manifests = manifests
        self._wished = wished
        self._wishes = self._rehearsed(manifests, wished)
        self._clock = clock
        self._authority = Authority()
        self._envoys: dict[str, _Envoy] = {}
        """Node id → Envoy, in the order in which they came."""

    @classmethod
    def read(cls, folder: Path, check: Check = lambda _: None) -> "Mesh":
        """The mesh of a folder's manifests and its mesh.yaml. Raises: MeshError."""
        return cls(*_read(folder), check=check)

    def read_again(self, folder: Path) -> None:
        """Takes what the folder says now. Raises: MeshError, and all stays as it was."""
        self._take(*_read(folder))

    def wish(self, wished: Any) -> None:
        """Takes the data of another mesh.yaml. Raises: MeshError, and all stays as it was."""
        self._take(self._manifests, wished)

    def change(self, patch: Any) -> None:
        """Takes the data with a patch: see `merged`. Raises: MeshError, and all stays as it was."""
        self._take(self._manifests, merged(self._wished, patch))

    def came(self, node: str) -> bool:
        """Says that an Envoy has opened a stream; returns whether it is one of the mesh."""
        if (known := self._envoys.get(node)) is not None:
            known.left = None
            return True
        proxy = Proxy.of(node)
        workload = None if proxy is None else self._workload(proxy)
        if proxy is None or workload is None:
            return False
        certificate = self._authority.issue(self._known().identity(workload))
        self._envoys[node] = _Envoy(proxy, workload, certificate)
        return True

    def can_be_asked(self, node: str) -> None:
        """Says that the Envoy has taken what it needs to be reached: others learn of its Pod."""
        if (envoy := self._envoys.get(node)) is not None:
            envoy.can_be_asked = True

    def retire(self, pod: str) -> bool:
        """Sends nobody to that Pod any more, though it is there; returns whether it is."""
        found = [each for each in self._envoys.values() if each.proxy.pod == pod]
        for each in found:
            each.can_be_asked = False
        return bool(found)

    def left(self, node: str, by_itself: bool) -> None:
        """Says that the Envoy has no stream any more.

        Args:
            node: its id.
            by_itself: it ended its stream, as it does when it ends: nobody is sent there from now on. Else it may well
                come again, and counts as there for `PATIENCE`.
        """
        if by_itself:
            self._envoys.pop(node, None)
        elif (envoy := self._envoys.get(node)) is not None:
            envoy.left = self._clock()

    def forget_the_lost(self) -> list[str]:
        """Forgets who did not come again within `PATIENCE`, and returns them."""
        now = self._clock()
        lost = [node for node, each in self._envoys.items() if each.left is not None and now - each.left > PATIENCE]
        for node in lost:
            del self._envoys[node]
        return lost

    def rotate(self, account: str = "") -> list[str]:
        """Issues new certificates, to the Pods of one service account or to all; returns the nodes that get one."""
        found = {node: each for node, each in self._envoys.items() if account in ("", each.workload.account)}
        for envoy in found.values():
            envoy.certificate = self._authority.issue(self._known().identity(envoy.workload))
        return list(found)

    def told(self) -> dict[str, list[Resource]]:
        """Node id → all that this Envoy is to be told now."""
        known = self._known()
        return {
            node: _OF_KIND[each.proxy.kind](known, each.workload, each.certificate, self._authority.certificate)
            for node, each in self._envoys.items()
        }

    @property
    def authority(self) -> str:
        """The certificate of the mesh's authority, as PEM."""
        return self._authority.certificate

    @property
    def wished(self) -> Any:
        """The data of mesh.yaml that are in force."""
        return self._wished

    def about(self) -> list[dict[str, object]]:
        """Who is there, for people to read; no keys."""
        known = self._known()
        return [
            {
                "node": node,
                "identity": known.identity(each.workload),
                "certificate": each.certificate.chain,
                "can_be_asked": each.can_be_asked,
            }
            for node, each in self._envoys.items()
        ]

    def _take(self, manifests: Manifests, wished: Any) -> None:
        wishes = self._rehearsed(manifests, wished)
        self._manifests, self._wished, self._wishes = manifests, wished, wishes
        for each in self._envoys.values():  # of a Pod that is in no manifest any more nothing is taken away
            before, each.workload = each.workload, self._workload(each.proxy) or each.workload
            if each.workload.account != before.account:  # others ask for the new identity from now on
                each.certificate = self._authority.issue(self._known().identity(each.workload))

    def _rehearsed(self, manifests: Manifests, wished: Any) -> Wishes:
        """The wishes, with which any Envoy can be told all. Raises: MeshError, and what `check` raises."""
        wishes = read_wishes(wished)
        self._check(list(_rehearsal(manifests, wishes)))
        return wishes

    def _workload(self, proxy: Proxy) -> Workload | None:
        return self._manifests.workload(proxy.pod, proxy.namespace)

    def _known(self) -> Known:
        pods: dict[Workload, list[str]] = {}
        for each in self._envoys.values():
            if each.proxy.kind == SIDECAR and each.can_be_asked:
                pods.setdefault(each.workload, []).append(each.proxy.ip)
        return Known(self._manifests, self._wishes, pods, DOMAIN)


_OF_KIND: dict[str, Callable[[Known, Workload, Certificate, str], list[Resource]]] = {
    SIDECAR: of_sidecar,
    GATEWAY: of_gateway,
}


def _rehearsal(manifests: Manifests, wishes: Wishes) -> Iterator[Resource]:
    """All that any Envoy could be told, without endpoints and certificates.

    Raises: MeshError where none could be told anything of these.
    """
    known, nothing = Known(manifests, wishes, {}, DOMAIN), Certificate("", "")
    for workload in manifests.workloads:
        for of_kind in _OF_KIND.values():
            yield from of_kind(known, workload, nothing, "")


def _read(folder: Path) -> tuple[Manifests, Any]:
    files = [each for each in folder.iterdir() if is_yaml_file(each.name) and each.name != WISHES]
    file = folder / WISHES
    for each in files:
        if each.stem == file.stem:
            raise MeshError(f"{each.name}: what is wanted of the mesh stands in {WISHES}: rename it")
    if not file.is_file():
        raise MeshError(f"{folder} has no {WISHES}: it says what is wanted of the mesh; it may be short, as `{{}}`")
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise MeshError(f"{WISHES}: no YAML: {error}") from error
    return read_manifests(files), read_data(text)
