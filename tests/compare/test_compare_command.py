"""`takeover compare` from outside: exit codes, bad input, one difference in full."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from takeover.model.document import Document
from takeover.store import documents as store

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def takeover(tmp_path: Path, document: Callable[..., Document]) -> Run:
    """The command, where there are results of 1.0, 2.0 (another status) and 3.0 (another statistic, and closed)."""
    run = store.new_run(tmp_path / "reports", datetime.now(UTC))
    for each in (
        document("1.0"),
        document("2.0", {"status": 403}),
        document("3.0", {"status": 403, "stats": {}, "end": "closed"}),
    ):
        store.write(run, each.envoy.name, msgspec.json.encode(each))

    def call(*arguments: str) -> "subprocess.CompletedProcess[str]":
        program = "import sys; from takeover.cli.main import main; sys.exit(main())"
        command = [sys.executable, "-c", program, *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30)

    return call


@pytest.mark.parametrize(
    ("arguments", "code", "last"),
    [
        (["1.0", "2.0"], 1, "1 difference from 1.0 in 2.0; 1 of a kind in --fail-on (marked !)"),
        (["1.0", "2.0", "--fail-on", "verdict"], 0, "1 difference from 1.0 in 2.0"),
        (["2.0", "3.0", "--fail-on", "Statistic"], 1,
         "2 differences from 2.0 in 3.0; 1 of a kind in --fail-on (marked !)"),
        (["1.0", "2.0", "--fail-on", "all", "--accepted", "a.yaml"], 0, "1 difference from 1.0 in 2.0, 1 accepted"),
        (["1.0", "2.0", "3.0", "--fail-on", "none"], 0, "3 differences from 1.0 in 2.0, 3.0"),
    ],
)  # fmt: skip
def test_what_fails(takeover: Run, tmp_path: Path, arguments: list[str], code: int, last: str) -> None:
    (tmp_path / "a.yaml").write_text('- {kind: status, reason: known, who: Ann, until: "2.0"}\n')
    result = takeover("compare", *arguments)
    assert (result.returncode, result.stdout.splitlines()[-1], result.stderr) == (code, last, "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["1.0"], "name at least two results to compare, not only 1.0"),
        (["1.0", "1.0"], "1.0.json is named twice"),
        (["1.0", "9.9"], "no results of 9.9 in reports/latest/results or reports/versions; there are 1.0, 2.0, 3.0"),
        (["1.0", "2.0", "--fail-on", "x"], "no kind 'x'; there are verdict"),
        (["1.0", "2.0", "--show", "zz"], "'zz' is no difference of these results"),
        (["1.0", "3.0", "--show", ""], "'' stands for 3 differences"),
        (["1.0", "2.0", "--accepted", "no.yaml"], "no.yaml: cannot be read"),
        (["1.0", "./x.json"], "x.json: cannot be read"),
        ([], "the following arguments are required"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(takeover: Run, arguments: list[str], message: str) -> None:
    result = takeover("compare", *arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_one_in_full(takeover: Run) -> None:
    listed = takeover("compare", "1.0", "3.0").stdout
    [line] = [line for line in listed.splitlines() if line.startswith("! status")]
    result = takeover("compare", "1.0", "3.0", "--show", line.split()[2])

    assert result.returncode == 1
    lines = [" ".join(each.split()) for each in result.stdout.splitlines()]
    for expected in (
        "status: another status, or another answer before it (1xx)",
        "1.0 | 3.0",
        "* answer HTTP/1.1 200 OK | HTTP/1.1 403 OK",
        "x-auth-user: alice | x-auth-user: alice",
        "* connection open | closed",
        "./run --envoy 1.0 --keep --probes -m probes -k 'one and edges'",
        "./run --envoy 3.0 --keep --probes -m probes -k 'one and edges'",
    ):
        assert expected in lines, result.stdout
    [curl] = [each for each in lines if each.startswith("curl ")]
    assert curl.endswith(" http://app.v1.svc.cluster.local:80")
    # What does not fail can be shown, too.
    [line] = [line for line in listed.splitlines() if "statistic " in line]
    assert takeover("compare", "1.0", "3.0", "--show", line.split()[1]).returncode == 0
