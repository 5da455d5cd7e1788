"""What a run leaves: JUnit's XML, the summary, the paragraph of a failure, raw artefacts."""

import functools
import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import xmlschema

from takeover.compare.comparison import compare
from takeover.compare.kinds import failing
from takeover.model.document import BinaryResult, Document, Envoy, Outcome
from takeover.report.compared import Compared
from takeover.report.failure import Failure, broken_trace, expected, likely_cause, witnesses
from takeover.report.folder import failures_of, keep, publish
from takeover.report.index import index
from takeover.report.junit import junit
from takeover.report.page import answer
from takeover.scenario.library import Library
from takeover.store import documents as store
from tests.report.conftest import ROOT
from tests.report.suite_that_fails import EVIL


def suites_of(source: str) -> list[Any]:
    """The test suites in valid XML. Raises: XMLSchemaValidationError."""
    decoded: Any = SCHEMA.decode(source)
    found: list[Any] = decoded["testsuite"]
    return found


SCHEMA = xmlschema.XMLSchema(Path(__file__).with_name("junit.xsd"))


def of(failures: Sequence[Failure], name: str) -> Failure:
    return next(each for each in failures if name in each.name)


def test_everything_is_there(run_folder: Path) -> None:
    assert {"index.html", "junit.xml", "summary.md", "results", "failures"} <= {
        each.name for each in run_folder.iterdir()
    }
    assert not [each for each in run_folder.rglob("*") if each.name.startswith(".")]


def test_junit_is_valid_and_tells_the_same(run_folder: Path, documents: Sequence[Document]) -> None:
    *suites, differences = suites_of(str(run_folder / "junit.xml"))
    assert [each["@name"] for each in suites] == ["envoy-old", "envoy-new"]
    assert [case["@classname"] for case in differences["testcase"]] == ["differences.verdict"] * 2
    for suite, document in zip(suites, documents, strict=True):
        assert suite["@tests"] == len(suite["testcase"]) == len(document.tests)
        assert (
            suite["@failures"]
            == sum("failure" in case for case in suite["testcase"])
            == {
                "envoy-old": 4,
                "envoy-new": 6,
            }[suite["@name"]]
        )
    assert EVIL in str(suites)


def test_junit_of_a_stopped_run_and_of_texts_that_xml_cannot_hold(documents: Sequence[Document]) -> None:
    envoy = Envoy("x", "1.40.0", "c", "b", "s")
    tests = [
        Outcome("a.py::t[\x00\ud800]", "s", "a.py::t", "fail", "\x1b[31m \ufffe ]]> &"),
        Outcome("a.py::u", "s", "a.py::u", "not-run", "the run was stopped before"),
        Outcome("a.py::v", "s", "a.py::v", "known-failure", "issue 1"),
        Outcome("a.py::w", "s", "a.py::w", "unsupported", "needs 1.41"),
    ]
    text = junit([Document(1, documents[0].written, False, "local", envoy, tests)], [])
    (suite,) = suites_of(text)
    assert (suite["@failures"], suite["@skipped"], suite["@tests"]) == (1, 3, 4)
    SCHEMA.validate(junit([], []))


def test_junit_has_a_failure_for_each_difference_that_fails_the_run(tmp_path: Path) -> None:
    paths = {version: ROOT / f"reports/versions/{version}.json" for version in ("1.36.4", "1.37.0")}
    comparison = compare({name: functools.partial(store.read, path) for name, path in paths.items()})
    comparison.differences[0].accepted = "known"
    publish(tmp_path, Library.bundled(), list(paths.values()), Compared(comparison, failing(None)))

    suites = suites_of(str(tmp_path / "junit.xml"))
    assert [each["@name"] for each in suites] == ["envoy-1.36.4", "envoy-1.37.0", "differences from envoy-1.36.4"]
    accepted, *_ = comparison.differences
    expected = comparison.failing(failing(None))
    assert expected
    assert accepted not in expected
    assert suites[2]["@failures"] == suites[2]["@tests"] == len(expected)
    assert [each["@name"] for each in suites[2]["testcase"]] == [each.id for each in expected]
    [first, *_] = suites[2]["testcase"]
    assert first["@classname"] == f"differences.{expected[0].kind}"
    assert f"takeover compare 1.36.4 1.37.0 --show {expected[0].id}" in str(first["failure"])


def test_a_trace_that_breaks_off_is_told_in_one_paragraph(failures: Sequence[Failure]) -> None:
    failure = of(failures, "test_the_way_breaks_off")
    broken = broken_trace(failure)
    assert expected(failure, broken).endswith("tcp AllowAll → cluster AllowAll → destination internet/website/nginx")
    assert likely_cause(broken) == (
        "The trace breaks off after tcp AllowAll: cluster AllowAll was expected next and counted nothing; "
        "instead, cluster BlockAllCluster did."
    )
    told = dict(witnesses(failure.evidence[-1]))
    assert re.fullmatch(r"dialled [\d.]+:80: got not a byte, then (closed|a reset)", told["the client"])
    assert told["the Pod's rules"] == "OUTPUT REDIRECT --to-ports 15001 took 1"
    assert told["Envoy's access log"] == "flags UH by cluster BlockAllCluster"
    assert told["the destinations"] == "saw nothing"
    assert failure.command.startswith(
        "pytest 'suites/test_broken.py::test_the_way_breaks_off[envoy-old]' --engine local"
    )
    assert " --envoy=old=/" in failure.command


def test_what_passed_on_another_envoy_is_what_was_to_be_expected(
    failures: Sequence[Failure], documents: Sequence[Document]
) -> None:
    failure = of(failures, "test_the_way_differs")
    assert likely_cause(broken_trace(failure)).startswith("No hop is known to be missing. The client dialled 10.")
    (passed,) = [each for each in documents[0].tests if each.name == failure.name]
    cause = likely_cause(broken_trace(failure, passed.evidence))
    assert re.fullmatch(
        r"The trace breaks off after rule OUTPUT REDIRECT --to-ports 15001: listener [\d.]+_80 was expected next and "
        r"counted nothing; instead, listener 0\.0\.0\.0_15001 did\.",
        cause,
    )


def test_a_refused_connection_ends_at_the_kernel_and_envoy_is_not_blamed(failures: Sequence[Failure]) -> None:
    failure = of(failures, "test_nobody_listens")
    broken = broken_trace(failure)
    assert broken is not None  # though the block raised
    assert likely_cause(broken) == (
        "The kernel refused the connection after rule OUTPUT REDIRECT --to-ports 15002 took it: nobody took it at port "
        "15002; Envoy counted nothing."
    )
    kinds = [each.kind for each in broken.view.hops]
    assert kinds == ["client", "rule", "kernel"]
    # The assertion of a verdict would have said what it wanted: nothing is handed over all the same.
    wanted = ["rule OUTPUT REDIRECT --to-ports 15001", "listener 0.0.0.0_15001", "tcp AllowAll", "cluster AllowAll"]
    asserted = broken_trace(msgspec.structs.replace(failure, expected=[wanted]))
    assert asserted is not None
    assert [(each.kind, each.state) for each in asserted.view.hops[1:]] == [
        ("rule", "unexpected"),
        ("rule", "missing"),
        ("kernel", "seen"),
        ("listener", "missing"),
        ("tcp", "missing"),
        ("cluster", "missing"),
    ]
    assert likely_cause(asserted) == likely_cause(broken)


def test_what_the_client_got_is_told_where_every_hop_counted_as_expected(
    failures: Sequence[Failure], documents: Sequence[Document]
) -> None:
    failure = of(failures, "test_a_header_is_missing")
    assert failure.release == "new"
    assert failure.reason == "AssertionError: assert None == 'from-the-upstream' where None = get('myage')"
    (passed,) = [each for each in documents[0].tests if each.name == failure.name]
    broken = broken_trace(failure, passed.evidence)
    cause = "Every hop counted as expected. The client's answer came without myage, which came where the test passed."
    assert likely_cause(broken) == cause
    assert "destination" not in likely_cause(broken_trace(failure))  # which answered as it should
    assert broken is not None
    assert re.fullmatch(r"got 200, \d+ bytes, then ended it itself", broken.view.client.facts[1])


def test_a_scenario_that_does_not_start_is_told_by_its_logs(failures: Sequence[Failure]) -> None:
    failure = of(failures, "test_nothing_starts")
    assert "Envoy rejects manifests/outbound-allow-all/envoy.yaml:" in failure.reason
    assert broken_trace(failure) is None
    assert any("envoyproxy" in each for each in failure.files)


def test_raw_artefacts_are_whole(run_folder: Path, failures: Sequence[Failure]) -> None:
    failure = of(failures, "test_the_way_breaks_off")
    folder = run_folder / failure.folder
    assert set(failure.files) >= {"stats.txt", "config_dump.json", "iptables.txt", "outpod-envoyproxy.log"}
    assert "--uid-owner 1337" in (folder / "iptables.txt").read_text()
    assert re.search(
        r"^cluster\.BlockAllCluster\.upstream_cx_none_healthy: 1$", (folder / "stats.txt").read_text(), re.MULTILINE
    )
    assert json.loads((folder / "config_dump.json").read_text())["configs"]
    assert '"flags":"UH"' in (folder / "outpod-envoyproxy.log").read_text().replace('": "', '":"')


def test_the_summary_holds_texts_as_texts(run_folder: Path) -> None:
    text = (run_folder / "summary.md").read_text()
    assert text.startswith("## Envoy does not take over as it should on Envoy old and new (local): 10 of ")
    assert "| 1 | Inbound interception 拦截入口流量 | ✗ 1 failed, " in text
    assert "<script" not in re.sub(r"^ {4}.*$", "", text, flags=re.MULTILINE)  # these lines are code
    assert "&lt;script&gt;" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}


def test_the_extensions_of_ones_own_build_are_shown(documents: Sequence[Document]) -> None:
    binary = BinaryResult(["category/one", "category/two"])
    build = msgspec.structs.replace(documents[0], binary=binary)
    release = with_name(build, build.envoy.version)
    assert "<summary>2 extensions</summary>category/one, category/two<" in index(Library.bundled(), [build], [])
    assert "extensions</summary>" not in index(Library.bundled(), [release], [])


def test_what_cannot_be_seen_is_written_out(documents: Sequence[Document]) -> None:
    unseen = "\x1b[31m \x00 \x9b \u202e \u200b \ufeff \ud800 \r"
    envoy, tests = documents[0].envoy, [Outcome("a.py::t", "s", "a.py::t", "fail", f"tab\t{unseen}")]
    document = Document(1, documents[0].written, True, "local", envoy, tests)
    failure = Failure("s", envoy.name, "a.py::t", f"line\nline {unseen}", reason=tests[0].reason)
    written = r"\x1b[31m \x00 \x9b \u202e \u200b \ufeff \ud800 \r"
    page = index(Library.bundled(), [document], [failure])
    assert f"line\nline {written}" in page
    assert f"tab\t{written}" in page
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u200b\ufeff\ud800]", page)
    assert r"\x1b[31m \x00" in junit([document], [failure])  # what XML cannot hold at all


def test_a_long_message_is_cut_on_the_page_and_whole_beside_it(documents: Sequence[Document], tmp_path: Path) -> None:
    envoy, tests = documents[0].envoy, [Outcome("a.py::t", "s", "a.py::t", "fail", "long")]
    document = Document(1, documents[0].written, True, "local", envoy, tests)
    text = f"begin {'x' * 30_000_000} end"
    keep(tmp_path, Failure("s", envoy.name, "a.py::t", text), {"stats.txt": "x"})
    (tmp_path / "results").mkdir()
    path = store.write(tmp_path, envoy.name, msgspec.json.encode(document))

    page = publish(tmp_path, Library.bundled(), [path]).read_text()
    assert len(page) < 100_000
    assert re.search(r"begin x+… \(\d+ more characters, sha256 [0-9a-f]{16}\) …x+ end", page)
    [whole] = tmp_path.glob("failures/*/message.txt")
    assert whole.read_text() == text
    assert f'href="failures/{whole.parent.name}/message.txt"' in page
    assert (tmp_path / "junit.xml").stat().st_size < 100_000


LONG = "x" * 200


@pytest.mark.parametrize(
    "names",
    [
        ("a.py::t[/a/b]", "a.py::t[/a-b]"),
        ("a.py::t[[]", "a.py::t[]"),
        (f"a.py::test_one[{LONG}]", f"a.py::test_two[{LONG}]"),
        ("a.py::t[ä]", "a.py::t[ö]"),
    ],
)
def test_what_each_test_left_is_its_own(names: tuple[str, str], tmp_path: Path) -> None:
    """Also where their names look alike as names of files."""
    for name in names:
        keep(tmp_path, Failure("s", "1.40.0", name, f"message of {name}", command=f"./run '{name}'"), {"log": name})
    failures = failures_of(tmp_path, [failing_document(*names)])
    assert [each.message for each in failures] == [f"message of {name}" for name in names]
    assert [(tmp_path / each.folder / "log").read_text() for each in failures] == list(names)


def test_what_fails_again_as_it_ends_leaves_both_accounts(tmp_path: Path) -> None:
    name = "a.py::t"
    parts = {"Captured stdout call": "called", "logs": "of the call"}
    keep(tmp_path, Failure("s", "1.40.0", name, "of the call", command="./run it", expected=[["x"]]), parts)
    keep(tmp_path, Failure("s", "1.40.0", name, "of the end"), {**parts, "logs": "of the end", "message.txt": "mine"})
    document = failing_document(name)
    (failure,) = failures_of(tmp_path, [document])
    assert failure.message == "of the call\n\nand after that:\n\nof the end"
    assert (failure.command, failure.expected) == ("./run it", [["x"]])
    files = {each: (tmp_path / failure.folder / each).read_text() for each in failure.files}
    captured = {"Captured-stdout-call": "called"}
    assert files == {**captured, "logs": "of the call", "2-logs": "of the end", "2-message.txt": "mine"}
    assert "of the call\n\nand after that:\n\nof the end" in junit([document], [failure])


def test_what_is_long_and_fails_again_stays_whole(tmp_path: Path) -> None:
    texts = ["a" * 100_000, "b" * 100_000]
    for text in texts:
        keep(tmp_path, Failure("s", "1.40.0", "a.py::t", text), {})
    (failure,) = failures_of(tmp_path, [failing_document("a.py::t")])
    assert len(failure.message) < 30_000
    assert (tmp_path / failure.folder / "message.txt").read_text() == "\n\nand after that:\n\n".join(texts)


@pytest.mark.parametrize("command", ["", "./run it"])
def test_only_a_command_that_is_known_is_shown(command: str) -> None:
    failure = Failure("s", "1.40.0", "a.py::t", "message", command=command)
    page = index(Library.bundled(), [failing_document("a.py::t")], [failure])
    assert ("To see it yourself" in page) is bool(command)


def failing_document(*names: str) -> Document:
    tests = [Outcome(name, "s", name, "fail", "message") for name in names]
    return Document(1, "2026-01-01T00:00:00+00:00", True, "local", Envoy("1.40.0", "1.40.0", "", "", ""), tests)


def test_an_envoy_that_fails_says_nothing_against_the_others(documents: Sequence[Document]) -> None:
    bad, good = documents[0], documents[1]
    passed = [each for each in good.tests if each.state == "pass"]
    several = [bad, *(with_name(msgspec.structs.replace(good, tests=passed), str(each)) for each in range(1, 7))]
    told = f"Envoy does not take over as it should on Envoy old (local): 4 of {len(bad.tests)} tests failed, in "
    assert answer(several[:3]).startswith(told)
    assert answer(several[:3]).endswith("; on 1 and 2 it does.")
    assert answer(several).endswith("; on the 6 others it does.")


def test_many_builds_do_not_stand_before_the_matrix(documents: Sequence[Document]) -> None:
    several = [with_name(documents[0], str(each)) for each in range(5)]
    assert "<summary>Which builds these 5 Envoys are</summary>" in index(Library.bundled(), several, [])
    assert "Which builds" not in index(Library.bundled(), several[:4], [])


def with_name(document: Document, name: str) -> Document:
    return msgspec.structs.replace(document, envoy=msgspec.structs.replace(document.envoy, name=name))


def test_writing_again_gives_the_same(run_folder: Path, tmp_path: Path, failures: Sequence[Failure]) -> None:
    copy = shutil.copytree(run_folder, tmp_path / run_folder.name)
    paths = {name: copy / "results" / f"{name}.json" for name in ("old", "new")}
    comparison = compare({name: functools.partial(store.read, path) for name, path in paths.items()})
    publish(copy, Library.bundled(), list(paths.values()), Compared(comparison, failing(None)))
    assert (copy / "index.html").read_bytes() == (run_folder / "index.html").read_bytes()
    keep(tmp_path, failures[0], {"../../outside": "x"})
    assert [each.parent.parent for each in tmp_path.rglob("outside")] == [tmp_path / "failures"]


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_a_run_that_is_stopped_leaves_a_report(tmp_path: Path, workers: list[str]) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v", "suites", "--reports", str(tmp_path)]
    with subprocess.Popen([*command, *workers], cwd=ROOT, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdout is not None
        seen = 0
        for line in process.stdout:
            seen += "PASSED" in line
            if seen == 5:
                break
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=300)
    assert process.returncode == 2
    assert "The run was stopped" in (tmp_path / "latest/index.html").read_text()
    (suite,) = suites_of(str(tmp_path / "latest/junit.xml"))
    assert 1 <= suite["@tests"] - suite["@skipped"] < suite["@tests"]
