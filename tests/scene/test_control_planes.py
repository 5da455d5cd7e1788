"""A control plane in a Pod of its own: a test tells and asks it past Envoy, and a failure shows what it recorded."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from takeover.engines import choose
from takeover.envoy.releases import resolve
from takeover.evidence.control_plane_record import XdsEntry
from takeover.evidence.deliveries import Deliveries
from takeover.model.trace import ControlPlaneHop, Delivered, text
from takeover.report.trace_view import trace_view
from takeover.scenario.library import Library
from takeover.scene import Scene
from takeover.scene.control_planes import control_planes_of
from takeover.scene.diagnostics import Diagnostics
from takeover.suite.control_plane import ControlPlane

FILES = {
    "scenario.yaml": """\
envoys:
- {pod: proxy, container: envoy, config: envoy.yaml}
""",
    "kustomization.yaml": """\
resources: [pods.yaml]
generatorOptions: {disableNameSuffixHash: true}
configMapGenerator:
- name: bootstrap
  files: [envoy.yaml]
- name: control-plane-config
  files: [xds-cds.yaml]
""",
    "pods.yaml": """\
apiVersion: v1
kind: Service
metadata: {name: control-plane}
spec:
  selector: {app: control-plane}
  ports: [{name: xds, port: 18000}, {name: api, port: 18001}]
---
apiVersion: v1
kind: Pod
metadata: {name: control-plane, labels: {app: control-plane}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: control-plane
    image: envoy-takeover/peers
    command: ["takeover", "control-plane", "/etc/control-plane"]
    readinessProbe: {httpGet: {path: /ready, port: 18001}, periodSeconds: 1}
    volumeMounts: [{name: config, mountPath: /etc/control-plane}]
  volumes: [{name: config, configMap: {name: control-plane-config}}]
---
apiVersion: v1
kind: Pod
metadata: {name: proxy, labels: {app: proxy}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: envoy
    image: envoyproxy/envoy:v1.40.0
    command: ["envoy", "-c", "/etc/envoy/envoy.yaml", "--concurrency", "1", "--disable-hot-restart"]
    volumeMounts: [{name: bootstrap, mountPath: /etc/envoy}]
  volumes: [{name: bootstrap, configMap: {name: bootstrap}}]
""",
    "envoy.yaml": """\
node: {id: proxy, cluster: tests}
dynamic_resources:
  ads_config: {api_type: GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: control-plane}}]}
  cds_config: {ads: {}, resource_api_version: V3}
static_resources:
  clusters:
  - name: control-plane
    type: STRICT_DNS
    connect_timeout: 1s
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
    load_assignment:
      cluster_name: control-plane
      endpoints:
      - lb_endpoints:
        - endpoint: {address: {socket_address: {address: control-plane.default.svc.cluster.local, port_value: 18000}}}
""",
    "xds-cds.yaml": """\
resources:
- {"@type": type.googleapis.com/envoy.config.cluster.v3.Cluster, name: first}
""",
}
CLUSTERS = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
SECOND = {"@type": CLUSTERS, "name": "second"}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder: Path = tmp_path_factory.mktemp("library")
    (folder / "demo").mkdir()
    for name, content in FILES.items():
        (folder / "demo" / name).write_text(content)
    release = resolve(None)[0]
    with (
        contextlib.closing(choose.engine(choose.EngineOptions("local", {}), [release], lambda _: None)) as engine,
        contextlib.closing(Scene.deploy(engine, release, Library(folder).scenario("demo"))) as deployed,
    ):
        yield deployed


def test_it_is_found_told_and_asked(scene: Scene) -> None:
    assert [each.name for each in control_planes_of(scene.deployment)] == ["control-plane/control-plane"]
    with ControlPlane(scene) as control_plane:
        first = control_plane.snapshot().version
        control_plane.acknowledged(first)
        version = control_plane.change(set=[SECOND], version="second")
        control_plane.acknowledged(version)
        [ack] = [each for each in control_plane.record() if (each.event, each.version) == ("ack", version)]
        assert (ack.kind, ack.method) == ("cds", "ads")
    assert {"cluster.first.upstream_cx_total", "cluster.second.upstream_cx_total"} <= scene.envoy.stats().keys()


def test_a_failure_shows_what_it_recorded(scene: Scene) -> None:
    with ControlPlane(scene) as control_plane:
        last = str(control_plane.record()[-1])
    told = Diagnostics.of(scene)
    assert last in told.sections()["record of the control plane control-plane/control-plane"].splitlines()
    assert last in told.files()["control-plane-control-plane-xds.txt"].splitlines()
    assert scene.envoy.stats()["control_plane.connected_state"] == 1, "the way to its API is not the one of xDS"


def test_a_block_tells_what_was_in_force_and_what_came_while_it_ran(scene: Scene) -> None:
    with ControlPlane(scene) as control_plane:
        control_plane.acknowledged(control_plane.change(set=[{**SECOND, "connect_timeout": "2s"}], version="two"))
        with scene.watched() as quiet:
            pass
        with scene.watched() as updated:
            control_plane.acknowledged(control_plane.change(set=[SECOND], version="three"))
        record = control_plane.record()
    nonces = {each.version: each.nonce for each in record if each.event == "response"}
    two, three = Delivered("cds", "two", nonces["two"]), Delivered("cds", "three", nonces["three"], within=True)
    assert quiet.hops == [ControlPlaneHop("control-plane/control-plane", [two])]
    assert [each for each in updated.hops if isinstance(each, ControlPlaneHop)] == [
        ControlPlaneHop("control-plane/control-plane", [two, three])
    ]
    assert updated.trace == [], "what was delivered is no step of the traffic"
    told = f"control plane control-plane/control-plane: cds version two, nonce {nonces['two']}"
    assert text(quiet.hops) == told
    assert text(updated.hops).startswith(f"{told}; then cds version three, nonce {nonces['three']}")
    [drawn] = trace_view(quiet.hops).others
    assert (drawn.kind, drawn.facts) == ("control plane", (f"cds version two, nonce {nonces['two']}",))


def test_what_a_control_plane_does_not_tell_is_not_told_of_it() -> None:
    entries = [
        XdsEntry(1, 0.5, "response", 1, "ads", "me", type=CLUSTERS, version="1", nonce="n"),
        XdsEntry(2, 0.6, "ack", 1, "ads", "me", type=CLUSTERS, version="1", nonce="n"),
    ]
    answers: list[list[XdsEntry] | OSError] = [entries, OSError("gone"), [], []]

    def read(after: int) -> list[XdsEntry]:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return [each for each in answer if each.number > after]

    deliveries = Deliveries({"plane": read}, {"me": "", "other": ""})
    deliveries.begin()
    assert deliveries.end() == []
    deliveries.begin()
    assert deliveries.end() == [ControlPlaneHop("plane", [Delivered("cds", "1", "n")])]
