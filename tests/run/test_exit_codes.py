"""The table of exit codes in docs/exit-codes.md: each code of a run and of the command, reached as the table says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.run.outside import ROOT, run

TABLE = (ROOT / "docs/exit-codes.md").read_text()
ROWS = {
    int(code): (of_run, of_command)
    for code, of_run, of_command in re.findall(r"^\| (\d) \| (.+) \| (.+) \|$", TABLE, re.MULTILINE)
}
PASSES = "suites/inbound/test_interception.py"
SUITES = {
    1: "def test_it(): assert False",
    2: "def test_it(): raise KeyboardInterrupt",
    3: "",
    5: "",
}
BROKEN_PLUGIN = "def pytest_collection_modifyitems(): raise RuntimeError('a fault')"


def test_the_table_has_every_code_once() -> None:
    assert list(ROWS) == list(range(6))
    assert [code for code, (_, of_command) in ROWS.items() if of_command == "never"] == [4, 5]


@pytest.mark.parametrize("code", range(6))
def test_a_run_ends_with_it(code: int, tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nscenarios = {ROOT}/manifests\n")
    (tmp_path / "test_it.py").write_text(SUITES.get(code, ""))
    (tmp_path / "broken_plugin.py").write_text(BROKEN_PLUGIN)
    options = {3: ["-p", "broken_plugin", "-o", f"pythonpath={tmp_path}"], 4: ["--envoy", "1.2.3"]}.get(code, [])
    tests = [PASSES, "-k", "test_from_inside"] if code == 0 else [str(tmp_path)]
    assert run(*tests, *options, "--reports", str(tmp_path / "reports")).returncode == code


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["compare", "1.36.4", "9.9.9"], 2),
        (["compare", "./1.36.4.json", "./1.40.0.json"], 1),
        (["compare", "./1.36.4.json", "./1.40.0.json", "--fail-on", "none"], 0),
        (["explain", "0000", "./1.36.4.json", "./1.40.0.json"], 2),
        (["publish", "nowhere.json"], 2),
        (["clean", "--older-than", "soon"], 2),
        (["compare", "~nobody-of-that-name/x.json", "./1.40.0.json"], 2),
        (["nonsense"], 2),
        (["schema"], 0),
    ],
)
def test_the_command_ends_with_it(arguments: list[str], code: int) -> None:
    command = [sys.executable, "-c", "import sys; from takeover.cli.main import main; sys.exit(main())", *arguments]
    result = subprocess.run(command, cwd=ROOT / "reports/versions", capture_output=True, text=True, timeout=600)
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
