"""The wheel in an environment of its own: a scenario and a suite of ten lines in a folder elsewhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = {
    "scenarios/hello/scenario.yaml": """\
envoys:
- {pod: hello, container: proxy}
destinations:
- {pod: hello, container: web, port: 8000, log: json}
""",
    "scenarios/hello/kustomization.yaml": """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [pod.yaml]
generatorOptions: {disableNameSuffixHash: true}
configMapGenerator:
- name: hello
  files: [envoy.yaml, nginx.conf]
""",
    "scenarios/hello/pod.yaml": """\
apiVersion: v1
kind: Pod
metadata: {name: hello}
spec:
  containers:
  - name: web
    image: nginx
    command: [nginx, -c, /etc/hello/nginx.conf, -g, daemon off;]
    readinessProbe: {tcpSocket: {port: 8000}}
    volumeMounts: [{name: hello, mountPath: /etc/hello}]
  - name: proxy
    image: envoyproxy/envoy:v1.40.0
    args: [-c, /etc/hello/envoy.yaml, --concurrency, "1", --file-flush-interval-msec, "2"]
    readinessProbe: {tcpSocket: {port: 8080}}
    volumeMounts: [{name: hello, mountPath: /etc/hello}]
  volumes:
  - {name: hello, configMap: {name: hello}}
""",
    "scenarios/hello/nginx.conf": """\
worker_processes 1;
error_log stderr warn;
events {}
http {
    log_format facts escape=json
        '{"time": $msec, "client": "$remote_addr:$remote_port", "server": "$server_addr:$server_port",'
        ' "method": "$request_method", "uri": "$request_uri", "host": "$http_host", "status": $status,'
        ' "request_id": "$http_x_request_id"}';
    server {
        listen 8000;
        access_log /dev/stdout facts;
        location / { return 200 "hello\\n"; }
    }
}
""",
    # No node, no admin, no access log: what is missing is supplied.
    "scenarios/hello/envoy.yaml": """\
static_resources:
  listeners:
  - name: front
    address: {socket_address: {address: 0.0.0.0, port_value: 8080}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: front
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes: [{match: {prefix: "/"}, route: {cluster: web}}]
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
  clusters:
  - name: web
    load_assignment:
      cluster_name: web
      endpoints:
      - lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 8000}}}}]
""",
    "suites/test_hello.py": """\
import pytest
from takeover.suite.verdicts import assert_routed

pytestmark = pytest.mark.scenario("hello")


def test_envoy_answers_with_what_the_application_said(scene):
    with scene.watched() as observed:
        response = scene.ask("hello", f"http://{scene.pod('hello').ip}:8080/", "web")
    assert (response.text, response.headers["server"]) == ("hello\\n", "envoy")
    assert_routed(observed, ["listener 0.0.0.0_8080", "http front", "cluster web", "destination hello/web"])
""",
}


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that holds the wheel and what it needs, and nothing of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", f"--wheel-dir={folder}", str(ROOT)], check=True
    )
    [wheel] = folder.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", str(folder / "environment")], check=True)
    python = folder / "environment/bin/python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    subprocess.run([*install, f"--constraint={ROOT / 'constraints.txt'}", str(wheel)], check=True)
    return python


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def run(python: Path, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Outside of this checkout: neither its environment's variables nor its ini file are known."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    command = [str(python), "-m", "pytest", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("by", ["option", "ini"])
def test_a_scenario_and_a_suite_from_elsewhere(python: Path, folder: Path, by: str) -> None:
    options = ["--scenarios", "scenarios"] if by == "option" else []
    if by == "ini":
        (folder / "pytest.ini").write_text("[pytest]\nscenarios = scenarios\n")
    result = run(python, folder, *options, "suites")

    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 passed" in result.stdout
    assert "supplied: " in result.stdout
    assert (folder / "reports/latest/index.html").is_file()


def test_the_command_and_the_bundled_scenarios_are_there(python: Path, folder: Path) -> None:
    command = [str(python.with_name("takeover")), "schema"]
    assert subprocess.run(command, cwd=folder, capture_output=True, timeout=60).returncode == 0
    where = "from takeover.scenario.library import Library; print(*Library.bundled().names())"
    result = subprocess.run([str(python), "-c", where], cwd=folder, capture_output=True, text=True, timeout=60)
    assert "outbound-block-all" in result.stdout.split(), result.stderr


def test_nothing_else_is_installed_at_the_top_level(python: Path) -> None:
    listing = "import importlib.metadata as m; print(*{f.parts[0] for f in m.distribution('envoy-takeover').files})"
    result = subprocess.run([str(python), "-c", listing], capture_output=True, text=True, check=True, timeout=60)
    assert {each for each in result.stdout.split() if not each.endswith(".dist-info") and each != ".."} == {"takeover"}


def test_a_run_of_others_costs_nothing(python: Path, folder: Path) -> None:
    (folder / "test_of_others.py").write_text(
        "import sys\n\n\ndef test_it():\n"
        "    ours = sorted(name for name in sys.modules if name.startswith('takeover'))\n"
        "    assert ours == ['takeover', 'takeover.run', 'takeover.run.options', 'takeover.run.plugin']\n"
    )
    result = run(python, folder, "test_of_others.py")
    assert result.returncode == 0, result.stdout
    assert "envoy:" not in result.stdout


def test_options_without_scenarios_are_one_line(python: Path, folder: Path) -> None:
    result = run(python, folder, "suites", "--envoy", "1.40.0")
    assert result.returncode == 4
    assert "--scenarios" in result.stderr
    assert "Traceback" not in result.stdout + result.stderr
