from collections.abc import Callable
from pathlib import Path

import pytest

from takeover.scenario.library import Library
from takeover.scenario.loader import Scenario

ENVOY = """\
# kept byte for byte
node: {id: from-the-manifest, cluster: demo}
static_resources:
  listeners:
  - name: one
    address: {socket_address: {address: 10.107.42.16, port_value: 80}}
  - name: two
    address: {socket_address: {address: 0.0.0.0, port_value: 15001}}
  clusters: []
"""

FILES = {
    "scenario.yaml": """\
title: Demo
chinese: 演示
article: "1"
chapter: inbound
envoys: [{pod: web, container: web}]
bind:
- in: envoy.yaml
  replace: $.node.id
  was: from-the-manifest
  with: {config_id: true}
- in: envoy.yaml
  replace: $.static_resources.listeners[?@.name=='one'].address.socket_address.address
  with: {cluster_ip: web}
""",
    "kustomization.yaml": """\
resources:
- pod.yaml
- part
generatorOptions: {disableNameSuffixHash: true}
configMapGenerator:
- name: envoyconfig
  files: [envoy.yaml]
""",
    "pod.yaml": """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, env: []}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: 10.107.42.16, ports: [{port: 80}]}
""",
    "envoy.yaml": ENVOY,
    "part/kustomization.yaml": """\
namespace: v1
resources: [app.yaml]
generatorOptions: {disableNameSuffixHash: true}
configMapGenerator:
- name: settings
  files: [app.conf, other=app.conf]
""",
    "part/app.yaml": """\
apiVersion: v1
kind: Namespace
metadata: {name: v1}
---
apiVersion: v1
kind: Service
metadata: {name: app}
""",
    "part/app.conf": "a b\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Makes a small scenario's folder; `changes` replaces files by their path (None leaves one out)."""

    def make(changes: dict[str, str | None] | None = None) -> Path:
        root = tmp_path / "demo"
        for name, text in {**FILES, **(changes or {})}.items():
            if text is not None:
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
        return root

    return make


def load(root: Path, *bases: str) -> Scenario:
    """The scenario in that folder, read anew."""
    return Library(root.parent).scenario(root.name, bases)
