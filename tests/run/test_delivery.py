"""The same suites with the same configuration by xDS: what a run says of it, and refuses."""

import functools
import json
import re
from pathlib import Path

import jsonschema
import pytest

from takeover.compare.comparison import compare
from takeover.store import documents as store
from tests.run.outside import CONFIG, ROOT, one_line, run

SUITE = """
import pytest
pytestmark = pytest.mark.scenario("outbound-block-all")

def test_it_is_delivered(scene):
    kinds = [each["@type"].rpartition(".")[2] for each in scene.envoy.config_dump()["configs"]]
    listeners = scene.envoy.config_dump()["configs"][kinds.index("ListenersConfigDump")]
    assert [each["name"] for each in listeners["dynamic_listeners"]] == ["virtualOutbound"]

def test_edits_are_of_what_is_written(scene):
    with scene.watched() as observed:
        assert scene.converse("outpod", scene.pod("internet/website").ip, 80, b"", "nginx").received == b""
    assert "tcp BlockAllCluster" in observed.trace
"""
EDITED = """
import pytest
import takeover.scenario.edits as E

@pytest.mark.scenario("outbound-block-all", E.{edit})
def test_it(scene): ...
"""


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_what_there_is_not_is_one_line(workers: str) -> None:
    result = run("suites/outbound", "--delivery", "carrier-pigeon", workers)
    assert result.returncode == 4
    assert "--delivery carrier-pigeon: there are static, file, ads, delta-ads" in one_line(result)


@pytest.mark.parametrize(("delivery", "workers"), [("file", "-n0"), ("ads", "-n2")])
def test_a_run_says_how_and_keeps_it(tmp_path: Path, delivery: str, workers: str) -> None:
    (tmp_path / "test_it.py").write_text(SUITE)
    reports = tmp_path / "reports"
    result = run(*CONFIG, str(tmp_path / "test_it.py"), "--delivery", delivery, f"--reports={reports}", workers)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"delivery: {delivery}" in result.stdout.splitlines()
    [document] = [json.loads(each.read_bytes()) for each in (reports / "latest/results").iterdir()]
    jsonschema.validate(document, json.loads((ROOT / "reports/schema.json").read_bytes()))
    assert document["delivery"] == delivery


def observed(delivery: str, reports: Path) -> Path:
    """The document of a run of one group of probes."""
    chosen = ("suites/outbound", "manifests", "--probes", "-m", "probes", "-k", "outbound-allow-all and tcp")
    result = run(*chosen, "--delivery", delivery, f"--reports={reports}", "-n0")
    assert result.returncode == 0, result.stdout + result.stderr
    [document] = (reports / "latest/results").iterdir()
    return document


@pytest.fixture(scope="module")
def static(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return observed("static", tmp_path_factory.mktemp("static"))


@pytest.mark.parametrize("delivery", ["file", "ads", "delta-ads"])
def test_probes_see_what_is_documented(tmp_path: Path, static: Path, delivery: str) -> None:
    """A sample: docs/delivery.md has the differences of all, and how to see them."""
    documents = {"static": static, delivery: observed(delivery, tmp_path)}
    comparison = compare({name: functools.partial(store.read, path) for name, path in documents.items()})
    assert comparison.compared[delivery] > 20
    documented = re.search(rf"^\| `{delivery}` \| (.*) \|$", (ROOT / "docs/delivery.md").read_text(), re.MULTILINE)
    assert documented is not None
    assert (documented[1], [each.what for each in comparison.differences]) == ("none", [])


def test_nothing_is_said_where_nothing_is_delivered(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(EDITED.replace(", E.{edit}", ""))
    reports = tmp_path / "reports"
    result = run(*CONFIG, str(tmp_path / "test_it.py"), "--delivery", "static", f"--reports={reports}", "-n0")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "delivery:" not in result.stdout
    [document] = [json.loads(each.read_bytes()) for each in (reports / "latest/results").iterdir()]
    assert "delivery" not in document


@pytest.mark.parametrize(
    ("edit", "what"),
    [
        (
            'add("envoy.yaml", "$.static_resources.listeners[0]", "nonsense", 1)',
            "Envoy rejects manifests/outbound-block-all/envoy.yaml: no such field: 'nonsense'",
        ),
        (
            'replace("envoy.yaml", "$.static_resources.listeners[0].address.socket_address.address", "no-address")',
            "malformed IP address: no-address",
        ),
    ],
)
def test_what_envoy_does_not_take_fails_the_deployment(tmp_path: Path, edit: str, what: str) -> None:
    """An Envoy that gets its configuration by xDS goes on without it, and would be tested so."""
    (tmp_path / "test_it.py").write_text(EDITED.format(edit=edit))
    result = run(*CONFIG, str(tmp_path / "test_it.py"), "--delivery", "file", f"--reports={tmp_path}/reports", "-n0")
    assert result.returncode == 1
    assert what in one_line(result)


def test_a_scenario_that_has_its_own_way_is_left_out_and_told(tmp_path: Path) -> None:
    scenario = tmp_path / "scenarios" / "own"
    scenario.mkdir(parents=True)
    (scenario / "envoy.yaml").write_text("dynamic_resources: {lds_config: {path_config_source: {path: /lds}}}\n")
    (scenario / "scenario.yaml").write_text("envoys: [{pod: own, container: envoy}]\n")
    (scenario / "kustomization.yaml").write_text(
        "resources: [pod.yaml]\ngeneratorOptions: {disableNameSuffixHash: true}\n"
        "configMapGenerator: [{name: config, files: [envoy.yaml]}]\n"
    )
    (scenario / "pod.yaml").write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: own}\nspec: {containers: [{name: envoy, image: nginx}]}\n"
    )
    (tmp_path / "test_it.py").write_text("import pytest\n@pytest.mark.scenario('own')\ndef test_it(scene): 1 / 0\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\nscenarios = scenarios\n")
    result = run("--rootdir", str(tmp_path), str(tmp_path / "test_it.py"), "--delivery", "ads", "-n0")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 skipped" in result.stdout
    told = rf"^unsupported on Envoy \S+: own is not tested with --delivery ads: {scenario}/envoy.yaml has dynamic_"
    assert re.search(told, result.stdout, re.MULTILINE)
