"""What no encoding takes, and what a terminal obeys, in what tests write: their reports are written all the same."""

import re
from pathlib import Path

import msgspec
import pytest

from takeover.model.document import Document
from tests.run.outside import ROOT, one_line, run

SUITE = r"""
import logging
import pytest

def test_that_asserts(envoy_release): raise AssertionError("\udc80 asserted")
def test_that_compares(envoy_release): assert "\udc80" == "compared"
def test_that_fails(envoy_release): pytest.fail("\udc80 failed", pytrace=False)
def test_that_skips(envoy_release): pytest.skip("\udc80 skipped")
def test_that_logs(envoy_release, record_property):
    record_property("property", "\udc80 recorded")
    logging.getLogger().warning("\udc80 logged")

@pytest.mark.xfail(reason="\udc80 known")
def test_that_is_known_to_fail(envoy_release): assert False

@pytest.mark.scenario("inbound-interception")
def test_with_a_scene(scene): raise AssertionError("\udc80 in a scene")
"""


@pytest.mark.parametrize("arguments", [["-n0"], ["-n2"]])
def test_the_reports_of_what_no_encoding_takes(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nscenarios = {ROOT}/manifests\n")
    (tmp_path / "test_it.py").write_text(SUITE)
    result = run(str(tmp_path), *arguments, "--reports", str(tmp_path / "reports"), f"--junitxml={tmp_path}/junit.xml")

    assert result.returncode == 1, one_line(result)
    assert "4 failed, 1 passed, 1 skipped, 1 xfailed" in one_line(result)
    assert r"\udc80 asserted" in result.stdout
    [path] = (tmp_path / "reports/latest/results").glob("*.json")
    document = msgspec.json.decode(path.read_bytes(), type=Document)
    reasons = {each.name.rpartition("::")[2]: each.reason for each in document.tests}
    assert document.complete
    assert reasons["test_that_asserts"] == r"AssertionError: \udc80 asserted"
    assert reasons["test_that_skips"] == r"\udc80 skipped"
    assert reasons["test_that_is_known_to_fail"] == r"\udc80 known"
    assert r"\udc80 in a scene" in (tmp_path / "reports/latest/index.html").read_text()
    assert r"\udc80 failed" in (tmp_path / "junit.xml").read_text()


def test_a_worker_that_cannot_import_a_suite_and_says_so_with_them(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nscenarios = {ROOT}/manifests\n")
    (tmp_path / "test_it.py").write_text(r'raise ValueError("\udc80 imported")')
    result = run(str(tmp_path), "-n2")

    assert r"\udc80 imported" in result.stdout
    assert "INTERNALERROR" not in result.stdout
    assert result.returncode == 1


def test_a_worker_that_ends_the_run_and_says_so_with_them(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nscenarios = {ROOT}/manifests\n")
    (tmp_path / "test_it.py").write_text(r'import pytest; test_it = lambda: pytest.exit("\udc80 left", 7)')
    result = run(str(tmp_path), "-n2")

    assert r"\udc80 left" in one_line(result)
    assert result.returncode == 7


HOSTILE = r"""
import logging
import pytest
import warnings

BAD = "\x1b[2J\r\x9b1m\u202e\n::error file=x::owned\n##[warning]owned"

def test_that_asserts(envoy_release): raise AssertionError(BAD)
def test_that_compares(envoy_release): assert BAD == "compared", BAD
def test_that_compares_lists(envoy_release): assert [BAD, "same"] == ["other", "same"]
def test_that_fails(envoy_release): pytest.fail(BAD[BAD.index("::"):], pytrace=False)
def test_that_skips(envoy_release): pytest.skip(BAD)
def test_that_prints(envoy_release):
    print(BAD)
    logging.getLogger().warning(BAD)
    assert False

@pytest.mark.xfail(reason=BAD)
def test_that_is_known_to_fail(envoy_release): assert False

@pytest.mark.scenario("inbound-interception")
def test_with_a_container_that_writes_it(scene):
    command = "printf '\\033[2J\\r\\n::error::owned\\n##[error]owned\\n' > /proc/1/fd/1"
    assert scene.pod("envoy-traffic-mock").container("nginx").exec(["sh", "-c", command]).exit_code == 0
    assert False
"""


@pytest.mark.parametrize("arguments", [["-n0"], ["-n2"], ["-n0", "--color=yes"]])
def test_what_is_written_does_nothing_to_a_terminal(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nscenarios = {ROOT}/manifests\n")
    (tmp_path / "test_it.py").write_text(HOSTILE)
    result = run(str(tmp_path), "-rA", "-vv", *arguments, "--reports", str(tmp_path / "reports"))

    assert result.returncode == 1, one_line(result)
    written = re.sub(r"\x1b\[[\d;]*m", "", result.stdout) if "--color=yes" in arguments else result.stdout
    assert [each for each in ("\x1b", "\r", "\x9b", "\u202e") if each in written] == []
    assert [line for line in written.splitlines() if line.lstrip().startswith("::") or "##[" in line] == []
    assert r"\x1b[2J\r" in written
    assert r"\x3a:error::owned" in written
    assert "\x1b[2J" not in result.stdout


def test_a_suite_that_cannot_be_collected_says_nothing_to_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nscenarios = {ROOT}/manifests\n")
    (tmp_path / "test_it.py").write_text(r'raise ValueError("\x1b[2J\n::error::x")')
    result = run(str(tmp_path), "-n0")

    assert r"\x1b[2J" in result.stdout
    assert "\x1b" not in result.stdout


def test_nor_does_a_key_of_a_manifest(tmp_path: Path) -> None:
    library = tmp_path / "library"
    (library / "demo").mkdir(parents=True)
    (library / "demo/scenario.yaml").write_text('"\\e[2J\\n::error::x": 1\n')
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nscenarios = {library}\n")
    (tmp_path / "test_it.py").write_text('import pytest\n@pytest.mark.scenario("demo")\ndef test_it(scene): pass\n')
    result = run(str(tmp_path), "-n0")

    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    [line] = [each for each in result.stderr.splitlines() if each.startswith("ERROR: ")]
    assert r"scenario.yaml:1: \x1b[2J\n::error::x is not supported" in line
