"""The wheel in an environment of its own: the guide's smallest scenario and suite, in a folder elsewhere."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import textwrap
from importlib import metadata
from pathlib import Path

import pytest

from takeover.node import host

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs/own-scenarios.md").read_text().partition("## The smallest one")[2].partition("\n## ")[0]


def smallest() -> dict[str, str]:
    """The files of the guide's smallest example: what it lists first, then each one's text."""
    listed, *texts = re.findall(r"(?:^    .*\n(?:\n(?=    ))*)+", GUIDE, re.MULTILINE)
    names = {name.rpartition("/")[2]: name for name in listed.split()}
    order = re.findall(r"^`(?:suites/)?(\w+\.\w+)`", GUIDE, re.MULTILINE)
    return {names[name]: textwrap.dedent(text) for name, text in zip(order, texts, strict=True)}


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that holds the wheel and what it needs, and nothing of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", f"--wheel-dir={folder}", str(ROOT)]
    subprocess.run(build, check=True)
    [wheel] = folder.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "environment")], check=True)
    python = folder / "environment/bin/python"
    [packages] = (folder / "environment").glob("lib/python*/site-packages")
    for name in re.findall(r"^([\w.-]+)==", (ROOT / "locks/run.txt").read_text(), re.MULTILINE):
        with contextlib.suppress(metadata.PackageNotFoundError):  # it is of another system
            copy(metadata.distribution(name), packages)
    here = [*pip, f"--python={python}"]
    subprocess.run([*here, "install", "--no-deps", "--no-input", str(wheel)], check=True)
    subprocess.run([*here, "check"], check=True)
    return python


def copy(distribution: metadata.Distribution, packages: Path) -> None:
    """Has an environment hold what this one holds: pip unpacks, and hashes, for half a minute. Not what it runs as."""
    for each in distribution.files or ():
        if ".." not in each.parts:
            (packages / each).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(each.locate(), packages / each)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in smallest().items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def run(python: Path, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Outside of this checkout: neither its environment's variables nor its ini file are known."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    command = [str(python), "-m", "pytest", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)


@pytest.mark.parametrize("by", ["option", "ini"])
def test_a_scenario_and_a_suite_from_elsewhere(python: Path, folder: Path, by: str) -> None:
    options = ["--scenarios", "scenarios"] if by == "option" else []
    if by == "ini":
        (folder / "pytest.ini").write_text("[pytest]\nscenarios = scenarios\n")
    result = run(python, folder, *options, "suites")

    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 passed" in result.stdout
    assert "hello/envoy.yaml: no admin" in result.stdout
    assert (folder / "reports/latest/index.html").is_file()


def test_a_new_scenario_passes_at_once(python: Path, tmp_path: Path) -> None:
    command = [str(python.with_name("takeover")), "new", "my-app"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert made.returncode == 0, made.stderr
    result = run(python, tmp_path, "--scenarios", "scenarios", "suites")

    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 passed" in result.stdout


def test_the_command_and_the_bundled_scenarios_are_there(python: Path, folder: Path) -> None:
    command = [str(python.with_name("takeover")), "schema"]
    assert subprocess.run(command, cwd=folder, capture_output=True, timeout=600).returncode == 0
    where = "from takeover.scenario.library import Library; print(*Library.bundled().names())"
    result = subprocess.run([str(python), "-c", where], cwd=folder, capture_output=True, text=True, timeout=600)
    assert "outbound-block-all" in result.stdout.split(), result.stderr


CONFIGURATION = """
static_resources:
  listeners:
  - name: web
    address: {socket_address: {address: 0.0.0.0, port_value: 8080}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: web
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes: [{match: {prefix: /}, route: {cluster: application}}]
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
  clusters:
  - name: application
    type: STRICT_DNS
    load_assignment:
      cluster_name: application
      endpoints:
      - lb_endpoints: [{endpoint: {address: {socket_address: {address: app.example, port_value: 80}}}}]
"""


def test_a_configuration_is_checked_where_there_are_no_debian_programs(python: Path, tmp_path: Path) -> None:
    """Nor a root file system: see tests/engines/local/test_trees.py."""
    (tmp_path / "bin").mkdir()
    for name in ("unshare", "ldd", "chroot", "true", "newuidmap", "newgidmap"):
        if (path := shutil.which(name, path=host.path_of_root())) is not None:
            (tmp_path / "bin" / name).symlink_to(path)
    (tmp_path / "envoy.yaml").write_text(CONFIGURATION)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    environment |= {"PATH": str(tmp_path / "bin"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [str(python.with_name("takeover")), "check", "envoy.yaml", "--probes-per-route", "3"]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)

    assert result.returncode == 0, result.stdout + result.stderr
    for reached in ("listeners", "virtual hosts", "routes", "clusters"):
        assert re.search(rf"^{reached} +1 of 1$", result.stdout, re.MULTILINE), result.stdout
    assert not (tmp_path / "cache/envoy-takeover/lab").exists()


def test_what_the_image_peers_is_made_of_is_there_and_its_command_can_be_executed(python: Path) -> None:
    where = "from takeover.engines.images import PEERS_FOLDER; print(PEERS_FOLDER)"
    told = subprocess.run([str(python), "-c", where], cwd="/", capture_output=True, text=True, check=True, timeout=600)
    folder = Path(told.stdout.strip())
    assert {"Dockerfile", "requirements.txt", "takeover"} <= {each.name for each in folder.iterdir()}
    assert os.access(folder / "takeover", os.X_OK)


def test_nothing_else_is_installed_at_the_top_level(python: Path) -> None:
    listing = "import importlib.metadata as m; print(*{f.parts[0] for f in m.distribution('envoy-takeover').files})"
    result = subprocess.run([str(python), "-c", listing], capture_output=True, text=True, check=True, timeout=600)
    assert {each for each in result.stdout.split() if not each.endswith(".dist-info") and each != ".."} == {"takeover"}


def test_a_run_of_others_costs_nothing(python: Path, folder: Path) -> None:
    (folder / "test_of_others.py").write_text(
        "import sys\n\n\ndef test_it():\n"
        "    ours = sorted(name for name in sys.modules if name.startswith('takeover'))\n"
        "    run = ['takeover.run', 'takeover.run.options', 'takeover.run.plugin']\n"
        "    assert ours == ['takeover', 'takeover.base', 'takeover.base.ctrl_c', *run]\n"
    )
    result = run(python, folder, "test_of_others.py")
    assert result.returncode == 0, result.stdout
    assert "envoy:" not in result.stdout


def test_options_without_scenarios_are_one_line(python: Path, folder: Path) -> None:
    result = run(python, folder, "suites", "--envoy", "1.40.0")
    assert result.returncode == 4
    assert "--scenarios" in result.stderr
    assert "Traceback" not in result.stdout + result.stderr
