"""A Deployment as a test sees it: each of its Pods is a witness, also one that came later."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from takeover.base.errors import BadInputError
from takeover.engines import choose
from takeover.envoy.releases import resolve
from takeover.scenario.library import Library
from takeover.scene import Scene
from tests.scene.test_scene import FILES, static

HTTP = FILES["outer.yaml"].split("filters:\n      - ", 1)[1].split("  clusters:", 1)[0]
KUBERNETES = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: front}
spec:
  replicas: 2
  selector: {matchLabels: {app: front}}
  template:
    metadata: {labels: {app: front}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: envoy
        image: envoyproxy/envoy:v1.40.0
        command: ["envoy", "-c", "/etc/envoy/envoy.yaml", "--concurrency", "1", "--disable-hot-restart"]
        args: ["--file-flush-interval-msec", "2"]
        # Once: each comes through the listener, and would be seen in a block that it falls into.
        readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 3600}
        volumeMounts: [{name: configs, mountPath: /etc/envoy}]
      - name: shop
        image: nginx:1.18-alpine
        command: ["nginx", "-c", "/etc/shop/nginx.conf", "-g", "daemon off;"]
        readinessProbe: {tcpSocket: {port: 80}, periodSeconds: 1}
        volumeMounts: [{name: configs, mountPath: /etc/shop}]
      volumes:
      - name: configs
        configMap: {name: configs}
---
apiVersion: v1
kind: Service
metadata: {name: front}
spec: {selector: {app: front}, ports: [{port: 80, targetPort: 8080}]}
"""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    library = tmp_path_factory.mktemp("library")
    (library / "demo").mkdir()
    files = {
        "scenario.yaml": "envoys: [{pod: front, container: envoy}]\n"
        "destinations: [{pod: front, container: shop, port: 80, log: combined}]\n",
        "kustomization.yaml": FILES["kustomization.yaml"].replace("outer.yaml, inner.yaml", "envoy.yaml"),
        "pod.yaml": KUBERNETES,
        "envoy.yaml": static(8080, HTTP, 80),
        "nginx.conf": FILES["nginx.conf"],
    }
    for name, text in files.items():
        Path(library / "demo" / name).write_text(text)
    release = resolve(None)[0]
    with (
        contextlib.closing(choose.engine(choose.EngineOptions("local", {}), [release], lambda _: None)) as engine,
        contextlib.closing(Scene.deploy(engine, release, Library(library).scenario("demo", ["client"]))) as scene,
    ):
        yield scene


def _trace(pod: str) -> list[str]:
    names = ("listener", "0.0.0.0_8080"), ("http", "outer"), ("cluster", "next")
    return [*(f"{kind} {pod}/envoy {name}" for kind, name in names), f"destination {pod}/shop"]


def test_every_replica_is_a_witness_of_its_own_and_so_is_one_that_came_later(scene: Scene) -> None:
    for number in (2, 3, 2):
        scene.scale("front", number)
        pods = scene.pods("front")
        assert [each.name for each in pods] == [scene.pod(f"front-{each}").name for each in range(number)]
        for index, pod in enumerate(pods):
            with scene.watched() as observed:
                assert scene.ask("client/client", f"http://{pod.ip}:8080/").text == "hello\n"
            assert observed.trace == _trace(f"front-{index}")
            assert len(observed.destination(f"front-{index}", "shop")) == 1


def test_its_service_leads_to_one_and_the_trace_says_to_which(scene: Scene) -> None:
    with scene.watched() as observed:
        scene.ask("client/client", f"http://{scene.service_ip('front')}/")
    assert observed.trace in [_trace("front-0"), _trace("front-1")]


def test_within_a_block_none_comes_or_goes(scene: Scene) -> None:
    with scene.watched(), pytest.raises(BadInputError, match=r"scale front outside of `with scene\.watched\(\)`"):
        scene.scale("front", 3)
    assert len(scene.pods("front")) == 2


def test_a_deployment_that_there_is_not(scene: Scene) -> None:
    for call in (scene.pods, lambda name: scene.scale(name, 2)):
        with pytest.raises(BadInputError, match="scenario demo has no Deployment back; it has front"):
            call("back")
