"""A run from outside: exit codes, one clear line for bad input, the account of a failure, workers."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from takeover.envoy.pypi import installed
from tests.run.outside import CONFIG, ROOT, SUITE, one_line, run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--envoy", "1.2.3"], r"1\.2\.3.*1\.40\.0"),
        (["--envoy", "/no/such/envoy"], r"/no/such/envoy"),
        (["--engine", "nonsense"], r"no engine 'nonsense'; there are local, kubernetes, kind"),
        (["--image", "nginx"], r"--image nginx: give it as ROLE=REFERENCE"),
        (
            ["--image", "nginx=nginx:1"],
            r"--image has no effect on --engine local: leave it out, or give --engine k",
        ),
        (["--kube-context", "x"], r"--kube-context has no effect on --engine local: .* give --engine kubernetes$"),
        (["--kubeconfig", "x"], r"--kubeconfig has no effect on --engine local: .* give --engine kubernetes or kind$"),
        (["--keep-cluster"], r"--keep-cluster has no effect on --engine local: .* give --engine kind$"),
        (
            ["--engine", "kind", "--kube-context", "x"],
            r"--kube-context has no effect on --engine kind: leave it out",
        ),
        (["--engine", "kubernetes", "--kind-bin", "x"], r"--kind-bin has no effect on --engine kubernetes: leave it "),
        *(
            ([f"{option}=~nobody-of-that-name/x"], rf"{option} ~nobody-of-that-name/x: nobody knows the folder ~nobody")
            for option in ("--reports", "--scenarios", "--envoy", "--accepted", "--write-docs")
        ),
        (["-n", "-1"], r"-n -1: give the number of workers, 0 for none"),
        (["--keep", "-n", "2"], r"--keep holds the scenarios of one process: leave out -n$"),
        (
            ["--keep", "--dist", "load", "--tx", "2*popen"],
            r"--keep holds the scenarios of one process: leave out --dist, --tx$",
        ),
        (
            ["--sweep", "--dist", "load", "--tx", "2*popen"],
            r"--sweep runs nothing else, in one process: leave out --dist, --tx$",
        ),
        *(
            (
                ["--sabotage", "-n", "2", "--dist", dist],
                rf"--sabotage needs all tests of a .* leave out --dist {dist} \(-n alone does so\)$",
            )
            for dist in ("loadfile", "loadscope", "loadgroup", "worksteal", "each")
        ),
    ],
)
def test_bad_options_are_one_line_and_exit_code_4(arguments: list[str], message: str) -> None:
    result = run("suites/inbound", *arguments)

    assert re.search(f"^ERROR: .*{message}", one_line(result), re.MULTILINE)
    assert result.returncode == 4


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"inbound-interception"', '"nonsense"', r"no scenario 'nonsense'; there are .*inbound-interception"),
        (
            '"inbound-interception")',
            '"inbound-interception", E.remove("envoy.yaml", "$.nothing"))',
            r"envoy\.yaml: \$\.nothing",
        ),
        (
            '"inbound-interception")',
            '"inbound-interception", E.add("Pod/client", "$.spec", "hostNetwork", True))',
            r"Pod/client: spec\.hostNetwork: Invalid enum value True: the local engine does not",
        ),
    ],
)
def test_bad_manifests_are_one_line_and_exit_code_4(suite: Path, old: str, new: str, message: str) -> None:
    text = SUITE.replace(old, new)
    (suite / "test_it.py").write_text(f"import takeover.scenario.edits as E\n{text}")
    result = run(*CONFIG, str(suite))

    assert re.search(message, one_line(result))
    assert result.returncode == 4


def test_stepwise_goes_on_where_it_was_in_the_order_in_which_tests_run(suite: Path) -> None:
    """Those of one deployment run first, and what it left out had never run."""
    passes, fails = "def test_{}(scene): pass\n", "def test_{}(scene): assert False\n"
    edited = '@pytest.mark.scenario("inbound-interception", fresh=True)\n'
    begin = SUITE.partition("def ")[0]
    (suite / "test_it.py").write_text(begin + passes.format("a") + edited + passes.format("b") + fails.format("c"))
    command = [sys.executable, "-m", "pytest", "-v", "--sw"]
    first, second = (
        subprocess.run(command, cwd=suite, capture_output=True, text=True, timeout=600, check=False).stdout
        for _ in range(2)
    )

    assert re.findall(r"::test_(\w)\S* (PASSED|FAILED) ", first) == [("a", "PASSED"), ("c", "FAILED")]
    assert re.findall(r"::test_(\w)\S* (PASSED|FAILED) ", second) == [("c", "FAILED")]
    (suite / "test_it.py").write_text((suite / "test_it.py").read_text().replace("assert False", "pass"))
    third = subprocess.run(command, cwd=suite, capture_output=True, text=True, timeout=600, check=False).stdout
    assert re.findall(r"::test_(\w)\S* (PASSED|FAILED) ", third) == [("c", "PASSED"), ("b", "PASSED")]
    result = subprocess.run([*command, "-n2"], cwd=suite, capture_output=True, text=True, timeout=600, check=False)
    assert "ERROR: --stepwise goes on in the order of one process: leave out -n\n" in one_line(result)
    assert result.returncode == 4


def test_a_run_without_a_terminals_report(suite: Path) -> None:
    result = run(*CONFIG, str(suite), "-p", "no:terminal")

    assert one_line(result) == ""
    assert result.returncode == 1


def test_workers_where_the_input_is_closed(suite: Path) -> None:
    (suite / "test_it.py").write_text(SUITE.partition("    assert")[0] + "    pass\n")
    line = shlex.join([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n2", str(suite)])
    result = subprocess.run(f"{line} <&-", shell=True, cwd=suite, capture_output=True, text=True, timeout=600)  # noqa: S602

    assert "1 passed" in one_line(result)
    assert result.returncode == 0


def test_an_output_that_takes_no_more_is_no_workers_fault(suite: Path) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n2", str(suite)]
        result = subprocess.run(command, cwd=suite, stdout=full, stderr=subprocess.PIPE, text=True, timeout=600)

    assert result.stderr.strip() == "ERROR: the output cannot be written: [Errno 28] No space left on device"
    assert result.returncode == 4


def test_an_engine_that_the_ini_file_names_has_its_options(suite: Path) -> None:
    ini = f"[pytest]\nscenarios = {ROOT}/manifests\naddopts = -p no:pytest-kind --engine kind\n"
    (suite / "pytest.ini").write_text(ini)
    (suite / "conftest.py").write_text(
        "import pathlib\n\ndef pytest_configure(config):\n"
        "    pathlib.Path(__file__).with_name('name').write_text(str(config.option.cluster_name))\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only"]
    subprocess.run(command, cwd=suite, capture_output=True, timeout=600, check=False)

    assert (suite / "name").read_text() == "pytest-kind"


def test_a_failure_is_accounted_for(suite: Path) -> None:
    result = run(*CONFIG, str(suite))

    assert result.returncode == 1
    for part in (
        "assert 200 == 201",
        "log of envoy-traffic-mock/envoyproxy",
        "log of envoy-traffic-mock/nginx",
        "http.ingress_http.downstream_rq_2xx: 1",
        "--dport 80 -c 1 60 -j REDIRECT --to-ports 15006",
        "--engine local --keep",
    ):
        assert part in result.stdout


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ('add("envoy.yaml", "$.static_resources", "listenerz", [])', r"/envoy\.yaml:\d+: no such field: 'listenerz'"),
        (
            'replace("envoy.yaml", "$.static_resources.clusters[0].connect_timeout", "1 s")',
            r"manifests/inbound-interception/envoy\.yaml:\d+: duration must end with a single 's'",
        ),
    ],
)
def test_a_config_that_envoy_rejects_is_told_in_its_words(suite: Path, edit: str, message: str) -> None:
    text = SUITE.replace('"inbound-interception")', f'"inbound-interception", E.{edit})')
    (suite / "test_it.py").write_text(f"import takeover.scenario.edits as E\n{text}")
    result = run(*CONFIG, str(suite))

    assert result.returncode == 1
    assert re.search(f"^scenario inbound-interception: Envoy rejects .*{message}", one_line(result), re.MULTILINE)


@pytest.mark.skipif(os.cpu_count() == 1, reason="workers would wait for each other on a single core")
@pytest.mark.parametrize(
    ("arguments", "are_there"),
    [
        (["suites"], True),
        ([], True),
        (["suites", "-m", "gateway"], False),
        (["suites", "-m", "xds"], True),
        (["suites", "-k", "header"], False),
        (["suites/gateway"], False),
        (["suites", "-v"], False),
        (["suites", "-s"], False),
        (["suites", "-n", "0"], False),
        (["suites/inbound", "--envoy", "one={0},other={0}"], True),
    ],
)
def test_workers_come_by_themselves_where_there_is_enough_to_do(
    arguments: list[str], are_there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_XDIST_AUTO_NUM_WORKERS")
    result = run(
        *(each.format(installed()[1]) for each in arguments), "--deselect", "suites", "--deselect", "manifests"
    )

    assert result.returncode == pytest.ExitCode.NO_TESTS_COLLECTED, result.stdout + result.stderr
    assert bool(re.search(r"^\d+ workers \[", result.stdout, re.MULTILINE)) == are_there


@pytest.mark.parametrize(
    ("arguments", "for_each_core"),
    [([], 4), (["-m", "not atlas"], 2)],
)
def test_several_envoys_have_more_workers_where_probes_mostly_wait(
    suite: Path, arguments: list[str], for_each_core: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_XDIST_AUTO_NUM_WORKERS", "3")
    (suite / "pytest.ini").write_text("[pytest]\nscenarios = empty\ntestpaths = test_it.py\n")
    (suite / "empty").mkdir()
    own = ("--rootdir", str(suite), "-c", str(suite / "pytest.ini"))
    result = run(*own, "--envoy", "one={0},other={0}".format(installed()[1]), *arguments, str(suite / "test_it.py"))
    assert f"created: {3 * for_each_core}/" in result.stdout, result.stdout + result.stderr


def test_several_releases_are_in_the_ids_and_workers_change_nothing() -> None:
    binary = installed()[1]
    result = run("suites/inbound", "-n", "2", "-v", "--envoy", f"one={binary},other={binary}")

    assert result.returncode == 0, result.stdout
    passed = [line for line in result.stdout.splitlines() if "PASSED" in line]
    assert len([line for line in passed if "[envoy-one" in line]) == len(passed) / 2 > 0


def test_the_options_have_a_group_of_their_own() -> None:
    text = run("--help").stdout
    group = text[text.index("Envoy takes over") :]
    assert all(option in group for option in ("--engine", "--envoy", "--image", "--keep"))


def test_each_repeat_deploys_anew(suite: Path) -> None:
    (suite / "test_it.py").write_text(
        """
import pytest
pytestmark = pytest.mark.scenario("inbound-interception")

@pytest.mark.parametrize("number", [1, 2])
def test_that_tells(scene, number):
    print("deployed as", scene.deployment.config_id)
"""
    )
    result = run(str(suite), "-s", "-q", "--count", "2", "--repeat-scope", "session")

    marks = re.findall(r"deployed as (\S+)", result.stdout)
    assert (marks[0], marks[2]) == (marks[1], marks[3]), result.stdout
    assert marks[0] != marks[2]


def test_a_fixture_of_a_suites_own_may_be_called_scene(suite: Path) -> None:
    own = "import pytest\n\n@pytest.fixture\ndef scene():\n    return 7\n\ndef test_it(scene):\n    assert scene == 7\n"
    (suite / "test_it.py").write_text(own)
    result = run(str(suite))
    assert result.returncode == 0, result.stdout + result.stderr
