"""Requests to rtnetlink, in network namespaces of the test's own: what came of them, as another library reads it."""

import json
import subprocess
import sys
from pathlib import Path

from takeover.node import host

ROOT = Path(__file__).parents[3]
MAKES = """
import json, os, socket
from pyroute2 import IPRoute
from takeover.engines.local.inside import rtnetlink
from takeover.node import kernel
here = os.open("/proc/self/ns/net", os.O_RDONLY)
kernel.unshare(kernel.NEW_NETWORK)
with rtnetlink.Links() as links, IPRoute() as told:
    links.make([rtnetlink.up(1), rtnetlink.pair("one", "a-name-of-15-by", here)])
    index = socket.if_nametoindex("one")
    links.make([
        rtnetlink.address(index, "10.9.8.7"),
        rtnetlink.default_route(index, "10.1.1.1"),
        rtnetlink.route(index, "10.2.3.4", "10.9.8.7"),
    ])
    up = [each.get_attr("IFLA_IFNAME") for each in told.get_links() if each["flags"] & 1]
    kind = told.get_links(ifname="one")[0].get_nested("IFLA_LINKINFO", "IFLA_INFO_KIND")
    addresses = [
        (each.get_attr("IFA_ADDRESS"), each["prefixlen"], each["scope"])
        for each in told.get_addr(index=index, family=2)
    ]
    routes = [
        (each.get_attr("RTA_DST"), each["dst_len"], each.get_attr("RTA_GATEWAY"), each.get_attr("RTA_PREFSRC"))
        for each in told.get_routes(family=2, table=254)
    ]
kernel.enter(here)
print(json.dumps([sorted(up), kind, addresses, sorted(routes, key=str), [name for _, name in socket.if_nameindex()]]))
"""
REFUSED = """
import socket
from takeover.engines.local.inside import rtnetlink
with rtnetlink.Links() as links:
    try:
        links.make([rtnetlink.up(1), rtnetlink.route(1, "10.2.3.4", "10.9.8.7"), rtnetlink.address(1, "10.9.8.7")])
    except OSError as error:
        print(error.errno, error.strerror)
    links.make([rtnetlink.route(1, "10.2.3.4", "10.9.8.7")])  # what stood behind the refusal is there
"""


def ran(program: str) -> str:
    apart = [*host.in_own_user_namespace(), "unshare", "--mount", "--net"]
    ended = subprocess.run([*apart, sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_links_addresses_and_routes_are_as_asked_for() -> None:
    up, kind, addresses, routes, outside = json.loads(ran(MAKES))
    assert up == ["lo", "one"]
    assert kind == "veth"
    assert addresses == [["10.9.8.7", 32, 0]]
    assert routes == [["10.2.3.4", 32, None, "10.9.8.7"], [None, 0, "10.1.1.1", None]]
    assert "a-name-of-15-by" in outside


def test_a_refusal_names_the_change_and_those_after_it_are_made() -> None:
    assert ran(REFUSED) == "22 add route to 10.2.3.4: Invalid argument\n"
