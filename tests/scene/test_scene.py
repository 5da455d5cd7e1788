"""A scenario of somebody's own on the local engine: what its configs lack is supplied, its log is nginx's own form."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from takeover.base.errors import BadInputError, DeploymentError
from takeover.engines import choose
from takeover.engines.contract import Engine
from takeover.envoy.releases import resolve
from takeover.evidence.quiescence import waited_for
from takeover.model.release import Release, ServerInfo
from takeover.scenario.edits import replace
from takeover.scenario.library import Library
from takeover.scene import Scene
from takeover.scene.diagnostics import Diagnostics

NGINX = """\
user daemon daemon;
worker_processes 1;
pid /tmp/nginx.pid;
events {}
http {
    client_body_temp_path /tmp/nginx-client-body;
    proxy_temp_path       /tmp/nginx-proxy;
    fastcgi_temp_path     /tmp/nginx-fastcgi;
    uwsgi_temp_path       /tmp/nginx-uwsgi;
    scgi_temp_path        /tmp/nginx-scgi;
    server {
        listen 80;
        access_log /dev/stdout combined;
        location / { return 200 "hello\\n"; }
    }
}
"""


def envoy(name: str, image: str = "envoyproxy/envoy:v1.40.0") -> str:
    return f"""\
  - name: {name}
    image: {image}
    command: ["envoy", "-c", "/etc/envoy/{name}.yaml", "--concurrency", "1", "--disable-hot-restart"]
    args: ["--file-flush-interval-msec", "2"]
    volumeMounts: [{{name: configs, mountPath: /etc/envoy}}]
"""


def static(port: int, filters: str, upstream: int) -> str:
    return f"""\
static_resources:
  listeners:
  - address: {{socket_address: {{address: 0.0.0.0, port_value: {port}}}}}
    filter_chains:
    - filters:
      - {filters}
  clusters:
  - name: next
    load_assignment:
      cluster_name: next
      endpoints:
      - lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {upstream}}}}}}}
"""


FILES = {
    "scenario.yaml": """\
envoys:
- {pod: front, container: outer, config: outer.yaml}
- {pod: front, container: inner, config: inner.yaml}
destinations:
- {pod: front, container: shop, port: 80, log: combined}
""",
    "kustomization.yaml": """\
resources: [pod.yaml]
generatorOptions: {disableNameSuffixHash: true}
configMapGenerator:
- name: configs
  files: [outer.yaml, inner.yaml, nginx.conf]
""",
    "pod.yaml": f"""\
apiVersion: v1
kind: Pod
metadata: {{name: front, labels: {{app: front}}}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
{envoy("outer")}    # Once: each comes through the listener, and would be seen in a block that it falls into.
    readinessProbe: {{tcpSocket: {{port: 8080}}, periodSeconds: 3600}}
{envoy("inner")}  - name: shop
    image: nginx:1.18-alpine
    command: ["nginx", "-c", "/etc/shop/nginx.conf", "-g", "daemon off;"]
    readinessProbe: {{tcpSocket: {{port: 80}}, periodSeconds: 1}}
    volumeMounts: [{{name: configs, mountPath: /etc/shop}}]
  volumes:
  - name: configs
    configMap: {{name: configs}}
""",
    "outer.yaml": static(
        8080,
        """\
name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: outer
          route_config:
            virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: "/"}, route: {cluster: next}}]}]
          http_filters:
          - name: router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
""",
        8081,
    ),
    "inner.yaml": static(
        8081,
        """\
name: tcp
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          {stat_prefix: inner, cluster: next}
""".replace("{stat_prefix: inner, cluster: next}", "stat_prefix: inner\n          cluster: next"),
        80,
    ),
    "nginx.conf": NGINX,
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    folder: Path = tmp_path_factory.mktemp("library")
    (folder / "demo").mkdir()
    for name, text in FILES.items():
        (folder / "demo" / name).write_text(text)
    return Library(folder)


@pytest.fixture(scope="module")
def release() -> Release:
    return resolve(None)[0]


@pytest.fixture(scope="module")
def engine(release: Release) -> Iterator[Engine]:
    with contextlib.closing(choose.engine(choose.EngineOptions("local", {}), [release], lambda _: None)) as engine:
        yield engine


@pytest.fixture(scope="module")
def deployed(engine: Engine, release: Release, library: Library) -> Iterator[Scene]:
    with contextlib.closing(Scene.deploy(engine, release, library.scenario("demo", ["client"]))) as scene:
        yield scene


def test_each_of_several_envoys_is_found_and_waited_for(deployed: Scene) -> None:
    assert [each.admin_port for each in deployed.envoys] == [9901, 9902]
    for place in deployed.envoys:
        admin = deployed.admin_of(place)
        assert admin.config_id() == deployed.deployment.config_id
        assert "cluster.next.upstream_cx_total" in admin.stats()
    [told] = deployed.envoy.config_dump()["configs"][0]["bootstrap"]["static_resources"]["listeners"]
    assert told["filter_chains"][0]["filters"][0]["name"] == "http"
    assert len(deployed.deployment.scenario.supplied) == 4


def test_what_is_told_of_a_failure_is_of_each_envoy(deployed: Scene) -> None:
    told = Diagnostics.of(deployed)
    files = told.files()
    assert "http.outer." in files["stats.txt"]
    assert "tcp.inner." in files["front-inner-stats.txt"]
    assert "8081" in files["front-inner-config_dump.json"]
    assert "front-outer-stats.txt" not in files
    assert {"Envoy's counters above zero", "Envoy's counters above zero, of front/inner"} <= told.sections().keys()


def test_supplied_logs_and_the_combined_form_tell_of_the_traffic(deployed: Scene) -> None:
    url = f"http://{deployed.pod('front').ip}:8080/a/path?b=c"
    with deployed.watched() as observed:
        assert deployed.ask("client/client", url).text == "hello\n"
        deployed.ask("client/client", url, method="POST", headers={"user-agent": 'a "quoted" one'})
    assert [(each.listener, each.method, each.status) for each in observed.entries] == [
        ("0.0.0.0:8080", "GET", 200),
        ("0.0.0.0:8080", "POST", 200),
    ]
    arrived = observed.destination("front", "shop")
    assert [(each.method, each.uri, each.status, each.bytes) for each in arrived] == [
        ("GET", "/a/path?b=c", 200, 6),
        ("POST", "/a/path?b=c", 200, 6),
    ]
    assert {(each.client_ip, each.protocol) for each in arrived} == {("127.0.0.1", "HTTP/1.1")}
    assert arrived[0].time > 1_700_000_000
    assert observed.trace == [
        "listener front/outer 0.0.0.0_8080",
        "http front/outer outer",
        "cluster front/outer next",
        "listener front/inner 0.0.0.0_8081",
        "tcp front/inner inner",
        "cluster front/inner next",
        "destination front/shop",
    ]
    assert observed.of("front/inner").counter("tcp.inner.downstream_cx_total") == 1
    # The second Envoy wrote of the connection between them, once it ends.
    deployed.stop("front", "outer", 8080)

    def missing() -> str:
        log = deployed.pod("front").container("inner").logs().replace(" ", "")
        return "" if '"listener":"0.0.0.0:8081"' in log else log or "nothing"

    assert not waited_for(missing, 60)


def test_it_says_what_runs_and_refuses_another_version(
    deployed: Scene, engine: Engine, release: Release, library: Library
) -> None:
    assert deployed.server_info == ServerInfo(release.version, release.commit, release.build)
    again = msgspec.structs.replace(release, version=f"{release.version}.post1", is_post_release=True)
    Scene.deploy(engine, again, library.scenario("demo")).close()

    other = msgspec.structs.replace(release, name="mine", version="1.2.3")
    with pytest.raises(BadInputError) as refused:
        Scene.deploy(engine, other, library.scenario("demo"))
    assert str(refused.value) == (
        f"scenario demo: front/outer (image envoyproxy/envoy:v1.40.0) runs Envoy {release.version} (commit "
        f"{release.commit}), not 1.2.3, as --envoy mine says: name what runs, or give the image of mine "
        "(--image envoy=REFERENCE)"
    )


def test_a_restart_waits_for_every_envoy(deployed: Scene) -> None:
    before = deployed.deployment.config_id
    deployed.replace_config("demo", [replace("outer.yaml", "$.static_resources.clusters[0].name", "next", was="next")])
    deployed.restart("front")
    assert deployed.deployment.config_id != before
    assert {deployed.admin_of(each).config_id() for each in deployed.envoys} == {deployed.deployment.config_id}


def test_within_a_block_no_pod_is_made_anew(deployed: Scene) -> None:
    """Its counters and logs would begin anew: what they tell of the block would be wrong, or not be there."""
    with deployed.watched(), pytest.raises(BadInputError, match=r"^restart front outside of `with scene\.watched\(\)`"):
        deployed.restart("front")


def test_the_config_that_is_rejected_is_named(engine: Engine, release: Release, library: Library) -> None:
    wrong = replace("inner.yaml", "$..typed_config.stat_prefix", "")
    with pytest.raises(DeploymentError, match=r"scenario demo: Envoy rejects \S*/inner\.yaml:\d*"):
        Scene.deploy(engine, release, library.scenario("demo").edited([wrong]))


@pytest.mark.parametrize(
    ("log", "message"),
    [
        ("log: xml", "no form of logs 'xml'; there are json, combined"),
        ("log: json, fields: {who: client}", "fields: no field who; there are time, client, "),
        ("log: combined, fields: {uri: path}", "the form combined has no names of fields: leave out fields"),
    ],
)
def test_a_log_that_nobody_can_read_is_refused(
    engine: Engine, release: Release, tmp_path: Path, log: str, message: str
) -> None:
    (tmp_path / "demo").mkdir()
    for name, text in FILES.items():
        (tmp_path / "demo" / name).write_text(text.replace("log: combined", log))
    with pytest.raises(BadInputError) as refused:
        Scene.deploy(engine, release, Library(tmp_path).scenario("demo"))
    assert str(refused.value).startswith(f"{tmp_path}/demo/scenario.yaml:5: {message}")
