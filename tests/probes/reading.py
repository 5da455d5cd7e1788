"""Probes as they are written in a probes.yaml of a test's own."""

import textwrap
from pathlib import Path

from takeover.probes.probe import Group, Probe
from takeover.probes.probe_file import FILE, read_probes
from takeover.scenario.library import Library
from tests.copied import copy_manifests

GROUP = """\
- group: edges
  why: to be read
  from: client/client
  to: {pod: envoy-traffic-mock, port: 80}
  probes:
"""


def read(tmp_path: Path, text: str) -> tuple[Group, ...]:
    """The groups of a scenario whose probes.yaml is `text`."""
    folder = copy_manifests(tmp_path / "manifests", "inbound-interception") / "inbound-interception"
    (folder / FILE).write_text(text)
    return read_probes(Library(tmp_path / "manifests").scenario(folder.name))


def read_one(tmp_path: Path, text: str) -> Probe:
    """The probe whose fields are `text`, but for its name."""
    [group] = read(tmp_path, GROUP + textwrap.indent("- name: one\n" + textwrap.indent(text, "  "), "  "))
    return group.probes[0]
