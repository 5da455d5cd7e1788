"""`takeover compare` from outside: exit codes, bad input, one difference in full."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from takeover.model.document import Document
from takeover.store import documents as store

Run = Callable[..., "subprocess.CompletedProcess[str]"]
ALL = "; 2 of 2 tests and probes compared"


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
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)

    return call


@pytest.mark.parametrize(
    ("arguments", "code", "last"),
    [
        (["1.0", "2.0"], 1, f"1 difference from 1.0 in 2.0{ALL}; 1 of a kind in --fail-on (marked !)"),
        (["1.0", "2.0", "--fail-on", "verdict"], 0, f"1 difference from 1.0 in 2.0{ALL}"),
        (["2.0", "3.0", "--fail-on", "Statistic"], 1,
         f"2 differences from 2.0 in 3.0{ALL}; 1 of a kind in --fail-on (marked !)"),
        (["1.0", "2.0", "--fail-on", "all", "--accepted", "a.yaml"], 0,
         f"1 difference from 1.0 in 2.0, 1 accepted{ALL}"),
        (["1.0", "2.0", "3.0", "--fail-on", "none"], 0, f"3 differences from 1.0 in 2.0, 3.0{ALL}"),
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


@pytest.mark.parametrize("how", ["link", "copy", "published"])
def test_results_are_not_compared_with_themselves(takeover: Run, tmp_path: Path, how: str) -> None:
    first = tmp_path / "reports/latest/results/1.0.json"
    match how:
        case "link":
            (tmp_path / "b.json").symlink_to(first)
        case "copy":
            (tmp_path / "b.json").write_bytes(first.read_bytes())
        case "published":
            takeover("publish", "1.0")
            (tmp_path / "reports/versions/1.0.json").rename(tmp_path / "b.json")
    for command in (["compare"], ["compare", "2.0"], ["explain", "00000000"]):
        result = takeover(*command, "1.0", "b.json")
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr == (
            f"takeover {command[0]}: b.json holds the same results as reports/latest/results/1.0.json: "
            "name those of another Envoy or another run\n"
        )


def test_what_is_accepted_stands_beside_the_reports(takeover: Run, tmp_path: Path) -> None:
    (tmp_path / "pr").mkdir()
    (tmp_path / "reports").rename(tmp_path / "pr/reports")
    for folder, until in ((tmp_path / "pr", "2.0"), (tmp_path, "1.0")):
        (folder / "accepted.yaml").write_text(f'- {{kind: status, reason: known, who: Ann, until: "{until}"}}\n')
    assert takeover("compare", "1.0", "2.0", "--reports", "pr/reports").returncode == 0


def test_a_reader_that_ends_is_no_error_and_a_full_disk_is_one(takeover: Run, tmp_path: Path) -> None:
    assert takeover("compare", "1.0", "2.0").returncode == 1
    program = "import sys; from takeover.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "compare", "1.0", "2.0"]
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(command, cwd=tmp_path, stdout=writing, stderr=subprocess.PIPE, timeout=600)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, b"")
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, timeout=600)
    assert (ended.returncode, ended.stderr) == (2, b"takeover compare: cannot print: No space left on device\n")


def test_a_test_whose_scenario_is_called_otherwise_now_is_shown(
    tmp_path: Path, takeover: Run, document: Callable[..., Document]
) -> None:
    publish(tmp_path, document("1.36.4", tests=TESTS[:1]))
    publish(tmp_path, document("1.40.0", tests=[{**TESTS[0], "scenario": "new", "state": "fail"}]))
    [line] = [each for each in takeover("compare", "1.36.4", "1.40.0").stdout.splitlines() if "! verdict" in each]
    shown = takeover("compare", "1.36.4", "1.40.0", "--show", line.split()[2])
    assert shown.returncode == 1, shown.stderr
    assert "pass" in shown.stdout


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
        "pytest --envoy 1.0 --keep --probes -m probes -k 'one and edges'",
        "pytest --envoy 3.0 --keep --probes -m probes -k 'one and edges'",
    ):
        assert expected in lines, result.stdout
    [curl] = [each for each in lines if each.startswith("curl ")]
    assert curl.endswith(" http://app.v1.svc.cluster.local:80")
    # What does not fail can be shown, too.
    [line] = [line for line in listed.splitlines() if "statistic " in line]
    assert takeover("compare", "1.0", "3.0", "--show", line.split()[1]).returncode == 0


@pytest.mark.parametrize(("mode", "program"), [(0o755, "./run"), (0o644, "pytest")])
def test_a_projects_own_program_is_named_where_it_has_one(
    takeover: Run, tmp_path: Path, mode: int, program: str
) -> None:
    (tmp_path / "run").write_text("#!/bin/sh\n")
    (tmp_path / "run").chmod(mode)
    [name] = [each.split()[2] for each in takeover("compare", "1.0", "2.0").stdout.splitlines() if "! status" in each]
    assert f"  {program} --envoy 2.0 --keep " in takeover("compare", "1.0", "2.0", "--show", name).stdout
    (tmp_path / "reports/latest").unlink()
    assert f"there are none: {program} makes them" in takeover("compare", "1.0", "2.0").stderr


@pytest.mark.parametrize("place", ["kept/last night.json", "1.0"])
def test_the_command_that_it_names_takes_the_same_results(takeover: Run, tmp_path: Path, place: str) -> None:
    (tmp_path / "reports").rename(tmp_path / "its reports")
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/last night.json").write_bytes((tmp_path / "its reports/latest/results/1.0.json").read_bytes())
    given = [place, "2.0", "--reports", "its reports"]
    name = takeover("compare", *given).stdout.split()[2]
    shown = takeover("compare", *given, "--show", name).stdout.splitlines()
    [told] = [each for each in shown if each.startswith("  takeover explain ")]
    words = shlex.split(told)
    assert words == ["takeover", "explain", name, *given]
    assert takeover("compare", *words[3:], "--show", name).stdout.splitlines() == shown


TESTS = [{"id": f"a.py::{name}", "scenario": "one", "name": f"a.py::{name}", "state": "pass"} for name in "tuv"]


def publish(tmp_path: Path, document: Document) -> None:
    path = tmp_path / "reports" / store.PUBLISHED / f"{document.envoy.name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(msgspec.json.encode(document))


@pytest.mark.parametrize(
    ("shadow", "lacks"),
    [
        ({"probes": []}, "observed no probe"),
        ({"probes": [], "complete": False, "tests": [TESTS[0], {**TESTS[1], "state": "not-run"}]},
         "was stopped before its end"),
        ({"tests": TESTS[:1]}, "ran a part of the suites"),
    ],
)  # fmt: skip
def test_a_lesser_run_does_not_win_over_published_results(
    tmp_path: Path, takeover: Run, document: Callable[..., Document], shadow: dict[str, Any], lacks: str
) -> None:
    publish(tmp_path, document("1.36.4", tests=TESTS))
    publish(tmp_path, document("1.40.0", {"status": 403}, tests=TESTS))
    run = (tmp_path / "reports/latest").resolve()
    store.write(run, "1.40.0", msgspec.json.encode(document("1.40.0", **{"tests": TESTS, **shadow})))

    for names in (["1.36.4", "1.40.0"], ["1.40.0", "1.36.4"]):  # as the first one, too
        result = takeover("compare", *names)
        assert result.returncode == 1, result.stdout + result.stderr
        first, *_, last = result.stdout.splitlines()[names.index("1.40.0") :]
        assert first == (
            "1.40.0: published results, reports/versions/1.40.0.json: more of them can be compared than of "
            f"reports/latest/results/1.40.0.json, which {lacks} (name it by its path to take it)"
        )
        assert "; 5 of 5 tests and probes compared; 1 of a kind" in last
    # Who names it by its path gets it, and is told how little that says.
    result = takeover("compare", "1.36.4", "reports/latest/results/1.40.0.json", "--fail-on", "none")
    assert (result.returncode, " of 5 tests and probes compared" in result.stdout) == (0, True)
    assert "5 of 5" not in result.stdout


def test_the_latest_run_wins_where_it_tells_as_much(
    tmp_path: Path, takeover: Run, document: Callable[..., Document]
) -> None:
    publish(tmp_path, document("2.0"))
    result = takeover("compare", "1.0", "2.0")
    assert (result.returncode, "published" in result.stdout) == (1, False)


def test_what_cannot_be_compared_at_all_is_no_absence_of_differences(
    tmp_path: Path, takeover: Run, document: Callable[..., Document]
) -> None:
    for name, each in (("a", document("1", probes=[], tests=TESTS)), ("b", document("2"))):
        (tmp_path / f"{name}.json").write_bytes(msgspec.json.encode(each))
    for command in (["compare"], ["explain", "00000000"]):
        result = takeover(*command, "a.json", "b.json")
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr == (
            f"takeover {command[0]}: nothing was compared: no test and no probe ended in both a.json and b.json; "
            "run the same suites for both, with --probes\n"
        )
