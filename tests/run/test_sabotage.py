"""A run with --sabotage from outside: what is caught, what is not, what does not start, and bad input."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from takeover.run.scopes import group
from tests.run.outside import ROOT

FILE = "manifests/inbound-interception/sabotage.yaml"
CLUSTER = "$.static_resources.clusters[0]"
CAUGHT = """\
- name: rule-missing
  why: nothing is intercepted
  edits:
  - in: Pod/envoy-traffic-mock
    replace: $.spec.initContainers[0].args[0]
    with: "true"
"""
NOT_CAUGHT = f"""\
- name: more-patience
  why: no traffic sees it
  edits:
  - in: envoy.yaml
    replace: {CLUSTER}.connect_timeout
    with: 2s
"""
ANOTHER = f"""\
- name: nobody-serves
  why: Envoy answers by itself
  edits:
  - in: envoy.yaml
    replace: {CLUSTER}.load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address.port_value
    with: 9
"""
SAME_AGAIN = CAUGHT.replace("rule-missing", "rule-commented-out").replace('"true"', '": iptables"')
DISTINCT = ["-o", "sabotage_distinct=true"]
ALIKE = (
    r"caught alike: inbound-interception/rule-missing and rule-commented-out, "
    r"by test_\w+\[Pod IP\]: \[0\]: nothing, not 1 \(.+\)"
)
NO_START = f"""\
- name: no-number
  why: Envoy does not start
  edits:
  - in: envoy.yaml
    replace: {CLUSTER}.connect_timeout
    with: soon
"""


def run(project: Path, text: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    (project / FILE).write_text(text)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "suites/inbound", *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=600)


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_one_that_no_test_catches_fails_the_run(project: Path, workers: list[str]) -> None:
    result = run(project, CAUGHT + NOT_CAUGHT + NO_START, "--sabotage", *workers)

    assert result.returncode == 1, result.stdout + result.stderr
    for line in (
        r"  rule-missing +test_\w+\[Pod IP\]\n +\[0\]: nothing, not 1 \(test_interception\.py:\d+, \w+\.py:\d+\)",
        r"  more-patience +NOT CAUGHT: no traffic sees it; \d+ tests passed",
        r"apart: with these the scenario does not even start",
        r"  inbound-interception/no-number: scenario inbound-interception: Envoy rejects .*",
        r"1 of 2 sabotages caught; with 1 more the scenario does not start",
        r"to see it: pytest --sabotage=inbound-interception/more-patience --engine local --keep",
        r".*1 failed, 1 passed, 1 skipped.*",
    ):
        assert re.search(f"^{line}$", result.stdout, re.MULTILINE), line
    assert "[100%]" in result.stdout  # of the verdicts
    # What a sabotage does to a test is no failure of the run, and asks for no account.
    assert "log of envoy-traffic-mock" not in result.stdout


def test_when_all_are_caught_the_run_passes(project: Path) -> None:
    result = run(project, CAUGHT + NOT_CAUGHT, "--sabotage=rule-*")

    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"^1 of 1 sabotages caught$", result.stdout, re.MULTILINE)


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_two_that_the_same_test_catches_for_the_same_reason_fail_the_run(project: Path, workers: list[str]) -> None:
    result = run(project, CAUGHT + ANOTHER + SAME_AGAIN, "--sabotage", *DISTINCT, "--junitxml=junit.xml", *workers)

    assert result.returncode == 1, result.stdout + result.stderr
    assert re.search(rf"^{ALIKE}\n3 of 3 sabotages caught$", result.stdout, re.MULTILINE)
    assert re.search(r"^FAILED .*sabotage\.yaml::alike\[.*rule-comm", result.stdout, re.MULTILINE)
    assert re.search(r"1 failed, 3 passed", result.stdout)
    report = ElementTree.parse(project / "junit.xml")  # noqa: S314 - ours
    [(case, failure)] = [(case, each) for case in report.iter("testcase") for each in case.findall("failure")]
    assert case.attrib["name"].startswith("alike[inbound-interception/rule-missing+inbound-interception/rule-comm")
    assert re.fullmatch(ALIKE, failure.attrib["message"])


def test_only_a_project_that_asks_for_it_fails_by_that(project: Path) -> None:
    result = run(project, CAUGHT + SAME_AGAIN, "--sabotage", "-o", "sabotage_distinct=false")

    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(f"^{ALIKE}$", result.stdout, re.MULTILINE)


def test_a_reason_is_that_of_the_assertion_that_failed(project: Path) -> None:
    # What was compared before, and was expected to fail, is none.
    (project / "suites/inbound/test_interception.py").write_text(
        """
import pytest
pytestmark = pytest.mark.scenario("inbound-interception")

def test_it(scene):
    with pytest.raises(AssertionError):
        assert scene == 1
    assert not scene.pod("envoy-traffic-mock").ip, "a row"
"""
    )
    result = run(project, CAUGHT, "--sabotage")

    reason = r"a row: not not 'envoy-traffic-mock' \(test_interception\.py:8\)"
    assert re.search(rf"^  rule-missing  test_it\n +{reason}$", result.stdout, re.MULTILINE), result.stdout


def test_only_a_failed_assertion_is_a_catch(project: Path) -> None:
    # The test's own edit finds no place any more, or the test ends by another error: neither has noticed anything.
    (project / "suites/inbound/test_interception.py").write_text(
        f"""
import pytest
from takeover.scenario.edits import remove
pytestmark = pytest.mark.scenario("inbound-interception")

@pytest.mark.scenario("inbound-interception", remove("envoy.yaml", "{CLUSTER}.connect_timeout", was="1s"))
def test_unfit(scene):
    assert False

def test_that_ends_otherwise(scene):
    raise TimeoutError
"""
    )
    result = run(project, NOT_CAUGHT, "--sabotage")

    assert result.returncode == 1, result.stdout + result.stderr
    assert "NOT CAUGHT: no traffic sees it; 1 ended by TimeoutError, 1 do not fit it" in result.stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CAUGHT + CAUGHT, rf"{FILE}:7: a second sabotage rule-missing; the first is at {FILE}:1"),
        (CAUGHT.replace("why", "reason"), rf"{FILE}:2: \[0\]\.reason is not supported"),
        (CAUGHT.replace("rule-missing", "Rule missing"), rf"{FILE}:1: a sabotage's name"),
        (CAUGHT.replace("replace", "delete"), rf"{FILE}:5: .*delete is not supported"),
        (CAUGHT.replace("args[0]", "nothing"), rf"{FILE}:1: sabotage rule-missing: Pod/.*nothing: matches nothing"),
        (CAUGHT.partition("  edits")[0], rf"{FILE}:1: sabotage rule-missing edits nothing"),
        (NOT_CAUGHT.replace("2s", "1s"), rf"{FILE}:1: sabotage more-patience changes nothing"),
        ("name: x", rf"{FILE}: must be a list of sabotages, not a mapping"),
    ],
)
def test_a_bad_file_is_one_line_with_its_place(project: Path, text: str, message: str) -> None:
    result = run(project, text, "--sabotage")

    [line] = [line for line in result.stderr.splitlines() if line.strip()]
    assert re.match(f"ERROR: {message}", line)
    assert result.returncode == 4


def test_an_unknown_name_is_one_line(project: Path) -> None:
    result = run(project, CAUGHT, "--sabotage=nonsense")

    assert "ERROR: --sabotage=nonsense: no sabotage has this name" in result.stderr
    assert result.returncode == 4


@pytest.mark.parametrize(
    ("nodeid", "expected"),
    [
        ("suites/a.py::test[envoy-1.40.0-x]", "suites/a.py envoy-1.40.0"),
        ("suites/a.py::test[envoy-1.40.0.1]", "suites/a.py envoy-1.40.0.1"),
        ("suites/a.py::test", "suites/a.py "),
        ("suites/a.py::test[s/one-envoy-1.40.0-x]", "s/one envoy-1.40.0"),
        ("suites/b.py::test[sotw-s/one-envoy-1.40.0-x]", "s/one envoy-1.40.0"),
        ("suites/b.py::test[sotw-envoy-1.40.0-x]", "suites/b.py envoy-1.40.0"),
        ("suites/b.py::test[s/one-more-envoy-1.40.0]", "s/one-more envoy-1.40.0"),
        ("manifests/s/sabotage.yaml::verdict[s/one-envoy-1.40.0]", "s/one envoy-1.40.0"),
    ],
)
def test_groups_of_workers(nodeid: str, expected: str) -> None:
    assert group(nodeid, ["s/one", "s/one-more"], ["1.40.0", "1.40.0.1"]) == expected


def test_who_sends_thousands_of_requests_is_asked_last() -> None:
    files = ["suites/gateway/test_weights.py", "suites/test_tables.py"]
    chosen = ["--sabotage=gateway-weights/nine-to-one", "--collect-only", "-q", "-n0", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *files, *chosen]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    *first, last, verdict = [each.partition("::")[2] for each in result.stdout.splitlines() if "::" in each]

    assert last.startswith("test_without_a_number_chance_chooses_for_each_request[")
    assert verdict.startswith("verdict[")
    assert any(each.startswith("test_what_passes_arrives_as_it_was_sent[") for each in first)
