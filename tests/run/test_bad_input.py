"""Bad input in every process model: one line with its place, once, and exit code 4, whoever finds it and when."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from takeover.envoy.pypi import installed
from tests.run.outside import ROOT, one_line, run

ENVOY = installed()[1]
MODELS = pytest.mark.parametrize(
    "model",
    [["-n0"], ["-n2"], ["-n2", "--envoy", f"one={ENVOY},other={ENVOY}"]],
    ids=["alone", "workers", "several Envoys"],
)
REFUSED = 'E.add("Pod/client", "$.spec", "hostNetwork", True)'
REJECTED = 'E.add("envoy.yaml", "$.static_resources", "listenerz", [])'
TWO_TESTS = """
import pytest
import takeover.scenario.edits as E
pytestmark = pytest.mark.scenario("inbound-interception", {edit})

def test_a(scene): pass
def test_b(scene): pass
"""
# Says what is deployed; registers an engine that finds out late what it does not take.
CONFTEST = """
import pathlib
from takeover.base.errors import BadInputError
from takeover.engines import choose
from takeover.engines.local.engine import LocalEngine

DEPLOYED = pathlib.Path(__file__).with_name("deployed")
deploy = LocalEngine.deploy


def told(self, scenario, envoy):
    with DEPLOYED.open("a") as file:
        file.write(f"{scenario.name}\\n")
    return deploy(self, scenario, envoy)


class Late:
    name = "late"
    concurrency = LocalEngine.concurrency

    def deploy(self, scenario, envoy):
        raise BadInputError("late: this cluster takes nothing: give another one")

    def close(self):
        pass


LocalEngine.deploy = told
choose.register("late", lambda *_: Late())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nscenarios = {ROOT}/manifests\n")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_fine.py").write_text(TWO_TESTS.format(edit="*()"))
    return tmp_path


def the_error(folder: Path, *arguments: str) -> str:
    """The one line of a run that ends with 4."""
    result = run(str(folder), *arguments)
    text = one_line(result)

    assert result.returncode == 4, text
    assert "outcomes.Exit" not in text
    [line] = [each for each in text.splitlines() if each.startswith("ERROR: ")]
    assert text.count(line.removeprefix("ERROR: ")) == 1
    return line


@MODELS
def test_what_the_engine_refuses_is_told_before_anything_is_deployed(folder: Path, model: list[str]) -> None:
    (folder / "test_it.py").write_text(TWO_TESTS.format(edit=REFUSED))
    line = the_error(folder, *model)

    assert re.search(
        r"test_it\.py:6: with the edits of test_a\S*: \S*/client/pod\.yaml:\d+: Pod/client: spec\.host", line
    )
    assert not (folder / "deployed").exists()


@MODELS
def test_a_manifest_that_the_engine_refuses_is_told_with_file_and_line(
    project: Path, folder: Path, model: list[str]
) -> None:
    path = project / "manifests/bases/client/pod.yaml"
    path.write_text(path.read_text().replace("  containers:", "  hostNetwork: true\n  containers:"))
    number = path.read_text().splitlines().index("  hostNetwork: true") + 1
    line = the_error(folder, *model, "--scenarios", str(project / "manifests"))

    assert re.search(rf"^ERROR: \S*/client/pod\.yaml:{number}: Pod/client: spec\.hostNetwork: Invalid enum", line)
    assert not (folder / "deployed").exists()


@MODELS
def test_an_edit_that_finds_no_place_is_told_with_its_test(folder: Path, model: list[str]) -> None:
    (folder / "test_it.py").write_text(TWO_TESTS.format(edit='E.remove("envoy.yaml", "$.nothing")'))

    assert re.search(r"test_it\.py:6: with the edits of test_a\S*: envoy\.yaml: \$\.nothing", the_error(folder, *model))


@pytest.mark.parametrize("model", [["-n0"], ["-n2"], ["--sabotage", "-n2"]], ids=" ".join)
@pytest.mark.parametrize("argument", ["'edit'", "apart=['x']", "aparT='x'"])
def test_a_mark_that_is_no_mark_of_ours_is_told_with_its_test(folder: Path, model: list[str], argument: str) -> None:
    (folder / "test_it.py").write_text(TWO_TESTS.format(edit=argument))
    line = the_error(folder, *model)

    assert re.search(r"^ERROR: \S*test_it\.py:6: @pytest\.mark\.scenario\('inbound-interception', …\): ", line)
    assert not (folder / "deployed").exists()


def test_a_mark_that_names_no_scenario_is_told_where_sabotages_are_looked_for(folder: Path) -> None:
    (folder / "test_it.py").write_text(TWO_TESTS.format(edit="").replace('"inbound-interception", ', '["its", "name"]'))

    assert the_error(folder, "--sabotage").endswith(
        "test_it.py:6: @pytest.mark.scenario: ['its', 'name'] is no scenario's name: give one as a string"
    )


# Its workers end when all have collected, and before their controller gives them anything.
ENDED_UNHEARD = """
import pathlib
import tenacity
import pytest

COLLECTED = pathlib.Path(__file__).with_name("collected")
NODES = []


def pytest_xdist_node_collection_finished(node):
    NODES.append(node)
    if len(NODES) == 2:
        COLLECTED.touch()
        for each in NODES:
            each.channel.waitclose(60)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session):
    if hasattr(session.config, "workerinput"):
        told = tenacity.Retrying(stop=tenacity.stop_after_delay(60), wait=tenacity.wait_fixed(0.01))
        told(COLLECTED.stat)
        raise pytest.UsageError("late: give another one")
"""


@pytest.mark.parametrize("way", ["load", "loadfile", "worksteal", "each"])
def test_workers_that_ended_before_they_were_given_anything_are_heard(folder: Path, way: str) -> None:
    (folder / "conftest.py").write_text(ENDED_UNHEARD)

    assert the_error(folder, "-n2", f"--dist={way}") == "ERROR: late: give another one"


@MODELS
def test_what_is_found_only_while_deploying_is_one_line_too(folder: Path, model: list[str]) -> None:
    line = the_error(folder, *model, "--engine", "late")

    assert line == "ERROR: late: this cluster takes nothing: give another one"


@MODELS
def test_a_file_that_is_not_there(folder: Path, model: list[str]) -> None:
    assert "file or directory not found: " in the_error(folder, str(folder / "nowhere.py"), *model)


@MODELS
def test_whoever_ends_a_run_by_an_exit_is_heard(folder: Path, model: list[str]) -> None:
    (folder / "test_it.py").write_text("import pytest\n\ndef test_it(): pytest.exit('enough of it', 7)\n")
    result = run(str(folder), *model)

    assert "enough of it" in one_line(result)
    assert result.returncode == 7


@MODELS
def test_a_config_that_envoy_rejects_is_some_lines_once_and_one_for_each_test(folder: Path, model: list[str]) -> None:
    (folder / "test_fine.py").write_text(TWO_TESTS.format(edit=REJECTED))
    result = run(str(folder), *model)
    lines = one_line(result).splitlines()
    envoys = 2 if "--envoy" in model else 1

    assert result.returncode == 1
    told = [each for each in lines if re.match(r"scenario inbound-inter\S+: Envoy rejects \S+/envoy\.yaml:\d+: ", each)]
    assert len(told) == 2 * envoys
    assert len([each for each in lines if "[critical]" in each]) == envoys
    assert "statically linked extensions" not in result.stdout
    assert len(lines) < 60
    logs = list((reports(result) / "failures").glob("*test_a-*/log-of-*envoyproxy.txt"))
    assert len(logs) == envoys
    assert all("statically linked extensions" in each.read_text() for each in logs)


def reports(result: "subprocess.CompletedProcess[str]") -> Path:
    """The run's folder."""
    found = re.search(r"^report: (.+)/index\.html$", result.stdout, re.MULTILINE)
    assert found, result.stdout
    return ROOT / found[1]


def test_a_folder_behind_an_option_that_pytest_takes_for_one_of_tests_is_named(tmp_path: Path) -> None:
    result = run("--engine", "local", "--reports", str(tmp_path))

    assert f"looked for from {tmp_path} on: write --reports={tmp_path}, with the sign" in one_line(result)
    assert result.returncode == 4


@pytest.mark.parametrize("places", [[], ["suites"], ["suites/test_it.py::test_a", "-n2"]], ids=["", "folder", "test"])
@pytest.mark.parametrize(("option", "value"), [("--envoy", "envoy"), ("--reports", "")])
def test_path_of_an_option_in_another_project(tmp_path: Path, option: str, value: str, places: list[str]) -> None:
    """Its manifests were run, without a word, as if they were those of the project where the run stands."""
    for project in ("mine", "other"):
        (tmp_path / project / "suites").mkdir(parents=True)
        (tmp_path / project / "pytest.ini").write_text("[pytest]\ntestpaths = suites\nscenarios = manifests\n")
    (tmp_path / "mine/suites/test_it.py").write_text(TWO_TESTS.format(edit=""))
    (tmp_path / "other/envoy").symlink_to(ENVOY)
    command = [sys.executable, "-m", "pytest", option, str(tmp_path / "other" / value), *places]

    result = subprocess.run(command, cwd=tmp_path / "mine", capture_output=True, text=True, check=False)

    told = f"{tmp_path / 'other/pytest.ini'} for this run's configuration; write {option}={tmp_path / 'other' / value}"
    assert told in one_line(result)
    assert result.returncode == pytest.ExitCode.USAGE_ERROR
