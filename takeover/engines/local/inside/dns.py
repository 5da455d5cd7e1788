"""Cluster DNS: dnsmasq, which answers `NAME.NAMESPACE.svc.cluster.local` with the Service's address.

See the Kubernetes page "DNS for Services and Pods".
"""

import signal
import subprocess
from pathlib import Path

ADDRESS = "10.96.0.10"
DOMAIN = "cluster.local"


def resolv_conf(namespace: str) -> str:
    """/etc/resolv.conf of a Pod in `namespace`, with dnsPolicy ClusterFirst."""
    return f"search {namespace}.svc.{DOMAIN} svc.{DOMAIN} {DOMAIN}\nnameserver {ADDRESS}\noptions ndots:5\n"


class ClusterDns:
    """The DNS server of one node; `root` is the root file system that holds dnsmasq."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._hosts = root / "run" / "cluster-hosts"
        self._process: subprocess.Popen[bytes] | None = None

    def serve(self, names: dict[str, str]) -> None:
        """Answers these names (full name → IP) from now on, and no others: everything else does not exist."""
        self._hosts.write_text("".join(f"{address} {name}\n" for name, address in sorted(names.items())))
        if self._process is None:
            self._start()
        else:
            self._process.send_signal(signal.SIGHUP)

    def _start(self) -> None:
        command = [
            "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--pid-file=",
            "--no-resolv", "--no-hosts", "--addn-hosts=/run/cluster-hosts",
            "--local=/#/", "--cache-size=0", "--no-negcache",
            f"--listen-address={ADDRESS}", "--bind-interfaces",
        ]  # fmt: skip
        self._process = subprocess.Popen(
            ["chroot", str(self._root), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(self._root / "run" / "dnsmasq.log").open("wb"),
        )

    def log(self) -> str:
        """What dnsmasq complained about."""
        return (self._root / "run" / "dnsmasq.log").read_text(errors="replace")
