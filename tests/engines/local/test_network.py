"""The links of a node, in namespaces of the test's own: who has which address, what is left of a Pod that is gone."""

import json
import subprocess
import sys
from pathlib import Path

from takeover.node import host

ROOT = Path(__file__).parents[3]
PROGRAM = """
import json, pathlib, sys, tempfile
from pyroute2 import IPRoute
from takeover.engines.local.inside.network import Network
pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("0")  # whatever this machine has, which a new one may take
folder = pathlib.Path(tempfile.mkdtemp())
network = Network(folder)
pods = [network.add_pod({}) for _ in range(3)]
with IPRoute() as links:
    def names():
        return sorted(each.get_attr("IFLA_IFNAME") for each in links.get_links())
    def addresses():
        return sorted(each.get_attr("IFA_ADDRESS") for each in links.get_addr())
    network.add_address("10.96.0.10")
    before = names()
    network.remove_pod(pods[1][0])
    network._count = 252
    later = [network.add_pod({})[1] for _ in range(2)]
    network._count = 507
    later.append(network.add_pod({})[1])
    own = addresses()
forward = pathlib.Path("/proc/sys/net/ipv4/ip_forward").read_text().strip()
print(json.dumps([[each[1] for each in pods], [each[0].name for each in pods], before, later, own, forward,
                  sorted(each.name for each in (folder / "netns").iterdir())]))
for each in (folder / "netns").iterdir():
    network.remove_pod(each)
(folder / "netns").rmdir()
folder.rmdir()
"""


def test_pods_have_addresses_one_after_the_other_and_nothing_is_left_of_one_that_is_gone() -> None:
    apart = [*host.in_own_user_namespace(), "unshare", "--mount", "--net"]
    ended = subprocess.run([*apart, sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr

    pods, namespaces, before, later, own, forward, left = json.loads(ended.stdout)
    assert pods == ["10.244.0.2", "10.244.0.3", "10.244.0.4"]
    assert namespaces == ["1", "2", "3"]
    assert before == ["lo", "pod1", "pod2", "pod3"]
    assert later == ["10.244.0.254", "10.244.1.1", "10.244.2.1"]
    assert {"10.244.0.1", "10.96.0.10", "127.0.0.1"} <= set(own)
    assert forward == "1"
    assert left == ["1", "253", "254", "3", "508"]
