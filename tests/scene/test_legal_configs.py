"""What Envoy takes, a scenario may have: each form of config from its folder to what was observed, on a real Envoy."""

import contextlib
import re
import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from takeover.engines import choose
from takeover.envoy.releases import resolve
from takeover.probes.observing import Observer
from takeover.probes.probe_file import read_probes
from takeover.scenario.library import Library
from takeover.scene import NoAnswerError, Scene
from takeover.scene.diagnostics import Diagnostics

HTTP = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
UDP = "type.googleapis.com/envoy.extensions.filters.udp.udp_proxy.v3"
INTERNAL = "type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener"
TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"


def manager(prefix: str, action: str) -> str:
    return f"""
      - name: http
        typed_config:
          "@type": {HTTP}
          stat_prefix: {prefix}
          route_config:
            virtual_hosts: [{{name: all, domains: ["*"], routes: [{{match: {{prefix: /}}, {action}}}]}}]
          http_filters: [{{name: router, typed_config: {{"@type": {ROUTER}}}}}]
"""


ANSWER = "direct_response: {status: 200, body: {inline_string: inner}}"
# No node, no admin, no access log; a listener without a name, internal, of UDP; clusters without a type.
ENVOY = f"""
bootstrap_extensions: [{{name: envoy.bootstrap.internal_listener, typed_config: {{"@type": {INTERNAL}}}}}]
static_resources:
  listeners:
  - address: {{socket_address: {{address: 0.0.0.0, port_value: 8080}}}}
    filter_chains:
    - filters: {manager("outer", "route: {cluster: to-inner}")}
  - name: inner
    internal_listener: {{}}
    filter_chains:
    - filters: {manager("inner", ANSWER)}
  - name: udp
    address: {{socket_address: {{address: 0.0.0.0, port_value: 5353, protocol: UDP}}}}
    listener_filters:
    - name: envoy.filters.udp_listener.udp_proxy
      typed_config:
        "@type": {UDP}.UdpProxyConfig
        stat_prefix: of-udp
        matcher: {{on_no_match: {{action: {{name: r, typed_config: {{"@type": {UDP}.Route, cluster: no-type}}}}}}}}
  - name: tls
    address: {{socket_address: {{address: 0.0.0.0, port_value: 8443}}}}
    filter_chains:
    - filters: {manager("tls", ANSWER)}
      transport_socket:
        name: tls
        typed_config:
          "@type": {TLS}
          common_tls_context:
            tls_certificates:
            - certificate_chain: {{filename: /etc/envoy/certificate.pem}}
              private_key: {{filename: /etc/envoy/key.pem}}
  clusters:
  - name: no-type
    load_assignment:
      cluster_name: no-type
      endpoints:
      - lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: 9}}}}}}}}]
  - name: to-inner
    load_assignment:
      cluster_name: to-inner
      endpoints:
      - lb_endpoints:
        - endpoint: {{address: {{envoy_internal_address: {{server_listener_name: inner, endpoint_id: a}}}}}}
"""
FILES = {
    # Envoy's container has a name of its own.
    "scenario.yaml": "envoys: [{pod: web, container: proxy}]\n",
    "kustomization.yaml": """\
resources: [pods.yaml]
generatorOptions: {disableNameSuffixHash: true}
configMapGenerator:
- {name: config, files: [envoy.yaml, certificate.pem, key.pem]}
""",
    "pods.yaml": """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 1
  containers:
  - name: proxy
    image: envoyproxy/envoy:v1.40.0
    command: [envoy]
    args: [-c, /etc/envoy/envoy.yaml, --concurrency, "1", --file-flush-interval-msec, "2"]
    volumeMounts: [{name: config, mountPath: /etc/envoy}]
  volumes: [{name: config, configMap: {name: config}}]
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 1
  containers: [{name: main, image: "nginx:1.18-alpine", command: [sleep, infinity]}]
""",
    "envoy.yaml": ENVOY,
    "probes.yaml": """\
- group: twice
  why: the second one finds nothing of the first
  from: client
  to: {pod: web, port: 8080}
  probes: [{name: first}, {name: second}]
""",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scenario's."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here: it makes the certificate")
    folder = tmp_path_factory.mktemp("library") / "odd"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", "key.pem", "-out", "certificate.pem", "-days", "2"),
            *("-subj", "/CN=web.example", "-addext", "subjectAltName=DNS:web.example"),
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    (folder / "key.pem").chmod(0o644)
    return folder


@pytest.fixture(scope="module")
def deploy(folder: Path) -> Iterator[Callable[[], Scene]]:
    release = resolve(None)[0]
    with contextlib.ExitStack() as closing:
        engine = choose.engine(choose.EngineOptions("local", {}), [release], lambda _: None)
        closing.callback(engine.close)

        def deployed() -> Scene:
            scene = Scene.deploy(engine, release, Library(folder.parent).scenario("odd"))
            closing.callback(scene.close)
            return scene

        yield deployed


@pytest.fixture(scope="module")
def odd(deploy: Callable[[], Scene]) -> Scene:
    return deploy()


def test_what_is_missing_is_added_and_said(odd: Scene) -> None:
    told = [each.partition("envoy.yaml: ")[2] for each in odd.deployment.scenario.supplied]
    assert told[0] == "no admin: one on 127.0.0.1:9901 is added"
    listeners = ("outer of listener 0.0.0.0:8080", "inner of listener inner", "tls of listener tls")
    assert told[1:] == [
        f"no access log in the HTTP connection manager {each}: one to stdout is added" for each in listeners
    ]


def test_the_trace_goes_through_an_internal_listener_whose_connection_stays(odd: Scene) -> None:
    for _ in range(2):  # the second request finds the connection of the first
        with odd.watched() as observed:
            answer = odd.ask("client", f"http://{odd.pod('web').ip}:8080/")
        assert (answer.status_code, answer.text) == (200, "inner")
        assert [each.listener for each in observed.entries] == ["inner", "0.0.0.0:8080"]
        assert "listener 0.0.0.0_8080" in observed.trace
        assert {"http inner", "http outer", "cluster to-inner"} <= set(observed.trace)


def test_all_is_told_of_a_failure(odd: Scene) -> None:
    files = Diagnostics.of(odd).files()
    assert "not to be had" not in "".join(files.values())
    assert {"web-proxy.log", "client-main.log"} & files.keys() == {"web-proxy.log"}  # the client wrote nothing
    assert "internal_listener" in files["config_dump.json"]


def test_probes_are_observed(deploy: Callable[[], Scene]) -> None:
    fresh = deploy()
    [group] = read_probes(fresh.deployment.scenario)
    first, second = (each.observation for each in Observer(fresh, group).observe())
    assert first == second
    assert (first.status, first.body, len(first.log)) == (200, "inner", 2)


def test_https_is_asked_with_whom_to_trust(odd: Scene, folder: Path) -> None:
    trusting = ssl.create_default_context(cafile=folder / "certificate.pem")
    trusting.check_hostname = False  # it is for a name, and asked by an address
    url = f"https://{odd.pod('web').ip}:8443/"
    with odd.watched() as observed:
        answer = odd.ask("client", url, tls=trusting)
        with odd.new_http("client", tls=trusting) as client:
            again = [client.get(url).text for _ in range(3)]
    assert (answer.status_code, answer.text, again) == (200, "inner", ["inner"] * 3)
    assert [each.listener for each in observed.entries] == ["tls"] * 4
    assert observed.counter("listener.0.0.0.0_8443.ssl.handshake") == 2


def test_a_certificate_of_nobody_is_one_line_with_the_remedy(odd: Scene) -> None:
    url = f"https://{odd.pod('web').ip}:8443/"
    with odd.watched() as observed, pytest.raises(NoAnswerError) as caught:
        odd.ask("client", url)
    assert re.match(rf"no answer to GET {re.escape(url)} from client: ConnectError .*certificate", str(caught.value))
    assert str(caught.value).endswith("; say whom to trust, for instance tls=ssl.create_default_context(cafile=…)")
    assert observed.entries == []
