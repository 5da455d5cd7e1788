"""In a check, what may be a secret is out of reports before anybody keeps or shows them."""

import pytest

from takeover.model.document import Observation, ProbeResult
from takeover.model.json import WrittenNumber, decoder
from takeover.model.request import ProbeRequest, ProbeTarget
from takeover.run.checking import Redaction
from takeover.run.record import Record, attach, record_of

LOG = decoder(dict[str, object]).decode(b'{"key": "hunter2!", "hunter2!": 1.50, "list": ["hunter2!"]}')
REDACTION = Redaction(lambda text: text.replace("hunter2!", "(removed)"))


def result() -> ProbeResult:
    request = ProbeRequest(source="a/b", to=ProbeTarget(port=80), protocol="http1", headers=["x: hunter2!"])
    seen = Observation(200, headers=[("x", "hunter2!")], body="hunter2!", log=[LOG], warnings=["hunter2!"])
    return ProbeResult("given", "routes/a", request, seen)


def test_it_is_out_of_all_that_was_observed_and_the_rest_stays() -> None:
    clean = REDACTION.entry(result())
    assert clean.request.headers == ["x: (removed)"]
    seen = clean.observation
    assert (seen.status, seen.headers, seen.body, seen.warnings) == (
        200,
        [("x", "(removed)")],
        "(removed)",
        ["(removed)"],
    )
    assert seen.log == [{"key": "(removed)", "(removed)": WrittenNumber("1.50"), "list": ["(removed)"]}]


def test_it_is_out_of_a_report() -> None:
    report = pytest.TestReport(
        "id", ("f", 1, "n"), {}, "failed", "E hunter2!", "call", [("Captured stdout", "hunter2!")]
    )
    attach(report, Record(observations=[result()], artefacts={"log.txt": "hunter2!"}, command="curl hunter2!"))
    REDACTION.pytest_runtest_logreport(report)
    record = record_of(report)
    assert "hunter2!" not in f"{report.longrepr} {report.sections} {record}"
    assert (record.artefacts, record.command) == ({"log.txt": "(removed)"}, "curl (removed)")


def test_a_reason_to_skip_stays_one() -> None:
    report = pytest.TestReport("id", ("f", 1, "n"), {}, "skipped", ("f", 1, "Skipped: hunter2!"), "setup", [])
    REDACTION.pytest_runtest_logreport(report)
    assert report.longrepr == ("f", 1, "Skipped: (removed)")
