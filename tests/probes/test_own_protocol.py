"""A probe protocol that comes from outside the package, by registration alone: it asks three letters at a time."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from takeover.base.errors import BadInputError
from takeover.probes.protocols.contract import named, register
from tests.copied import copy_manifests

TOY = """
from takeover.model.request import ProbeRequest, ProbeStep
from takeover.net import raw
from takeover.net.http1 import Answer
from takeover.probes.entries import ProbeEntry
from takeover.probes.protocols.contract import register


class DripEntry(ProbeEntry):
    '''A probe that drips.

    Args:
        drops: what is sent, drop by drop.
    '''

    drops: tuple[str, ...] = ()


class Drip:
    name = "drip"
    entry = DripEntry

    def read(self, group, entry):
        if not entry.drops:
            raise entry.error("a dripping probe needs drops")
        return [each.encode() for each in entry.drops]

    def record(self, sends, source, to):
        return ProbeRequest(source=source, to=to, protocol=self.name, steps=[ProbeStep(send=s.decode()) for s in sends])

    def exchange(self, probe, stream):
        return Exchange(probe, stream)


class Exchange:
    def __init__(self, probe, stream):
        self.probe, self.stream, self.answer, self.end = probe, stream, Answer(), "open"

    def run(self):
        for drop in self.probe.sends:
            self.stream.send(drop)
        conversation = raw.converse(self.stream, b"", self.probe.within)
        self.answer, self.end = Answer(body=conversation.received), conversation.end

    def look_for_the_end(self):
        pass


register(Drip())
"""
GROUP = """\
- group: drops
  why: a protocol of our own
  bases: [hostile]
  edits:
  - in: envoy.yaml
    replace: $.static_resources..socket_address[?@=='127.0.0.1']
    with: {cluster_ip: hostile/upstream}
  from: client/client
  to: {service: envoy-traffic-mock, port: 80}
  protocol: drip
  probes:
  - name: get
    drops: ["GET / HT", "TP/1.1\\r\\nHost: x\\r\\n", "Connection: close\\r\\n\\r\\n"]
"""
SUITE = """
import pytest

@pytest.mark.scenario("inbound-interception")
def test_it(scene): ...
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The bundled scenarios with one group more, a suite, and the module that brings the protocol."""
    copy_manifests(tmp_path / "manifests", "inbound-interception")
    (tmp_path / "manifests/inbound-interception/probes.yaml").write_text(GROUP)
    (tmp_path / "toy_protocol.py").write_text(TOY)
    (tmp_path / "test_it.py").write_text(SUITE)
    return tmp_path


def run(project: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pytest", "--rootdir=.", "-c", "/dev/null", "-o", "pythonpath=.", "test_it.py"]
    command += [
        "--reports=reports",
        "--scenarios=manifests",
        "--probes",
        "-m",
        "probes",
        "-k",
        "drops",
        "-p",
        "no:cacheprovider",
    ]
    return subprocess.run([*command, *options], cwd=project, capture_output=True, text=True, timeout=600)


def test_its_probes_are_observed(project: Path) -> None:
    result = run(project, "-p", "toy_protocol")

    assert result.returncode == 0, result.stdout + result.stderr
    [document] = (project / "reports/latest/results").glob("*.json")
    [probe] = json.loads(document.read_bytes())["probes"]
    assert (probe["request"]["protocol"], probe["seen"]["end"]) == ("drip", "closed")
    assert probe["seen"]["body"].startswith("HTTP/1.1 200 OK\r\n")
    assert probe["seen"]["log"][0]["status"] == 200


def test_its_own_fields_are_checked(project: Path) -> None:
    path = project / "manifests/inbound-interception/probes.yaml"
    path.write_text(GROUP.partition("    drops")[0])
    result = run(project, "-p", "toy_protocol")

    assert result.returncode == 4
    assert "probes.yaml:12: a dripping probe needs drops" in result.stderr


def test_without_it_the_protocols_are_listed(project: Path) -> None:
    result = run(project)

    assert result.returncode == 4
    assert "probes.yaml:10: protocol is one of http1, http2, tcp, grpc, websocket, connect, not drip" in result.stderr


def test_a_name_that_is_taken_is_refused() -> None:
    with pytest.raises(BadInputError, match="probe protocol tcp: the name is taken"):
        register(named("tcp"))
