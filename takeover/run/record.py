"""What a report carries of ours: one typed record, the only thing that travels between the processes of a run.

pytest's reports take any attribute; with workers of xdist they travel as data of built-in types. Here is the one seam:
`attach` and `record_of` in every process, the record as JSON between two of them.
"""

from collections.abc import Generator
from typing import Any

import msgspec
import pytest

from takeover.model.document import Inventory, ProbeResult, Sweep
from takeover.model.json import decoder, encode
from takeover.model.measurement import Measurement
from takeover.model.release import ServerInfo
from takeover.model.removed import Removed
from takeover.model.trace import Hop
from takeover.run.safe_text import written_out

_ATTRIBUTE = "takeover"


class Subject(msgspec.Struct, frozen=True):
    """What a test is about.

    Args:
        scenario: empty for a test of the binary alone.
        release: the Envoy's name.
        name: the test's id without the Envoy.
    """

    scenario: str
    release: str
    name: str


class SabotageOutcome(msgspec.Struct, frozen=True):
    """What the suites made of a sabotage on one Envoy.

    Args:
        caught_by: the test that noticed it; `reason` is why, on one line (see `takeover.run.reason`).
        broken: why the scenario did not start, empty if it did.
        tests: how many were there to catch it.
    """

    scenario: str
    name: str
    release: str
    caught_by: str
    broken: str
    not_caught: str
    tests: int = 0
    reason: str = ""


class Record(msgspec.Struct, omit_defaults=True):
    """What one phase of a test says beside its outcome.

    Args:
        subject: None for a test without an Envoy.
        evidence: for each watched block its hops, in order.
        measurements: what the test judged by numbers.
        expected: for each watched block the trace that an assertion missed, or None.
        command: reproduces a failure.
        artefacts: file name → text of what a failure leaves.
        server_info: what the Envoy that was deployed says that it is.
        observations: what was observed of a group of probes.
        removed: what the rules of normalisation took out of that.
        inventory: what the binary by itself is.
        sweep: what the Envoy made of variants of configurations.
        unsupported: what the scenario supports, where it does not support the Envoy.
        not_judged: what was lost under the test, so that it says nothing of Envoy.
        sabotaged: whether the test ran against a sabotage: the verdicts are such a run's results.
        sabotage: such a verdict.
    """

    subject: Subject | None = None
    evidence: list[list[Hop]] = []
    measurements: list[Measurement] = []
    expected: list[list[str] | None] = []
    command: str = ""
    artefacts: dict[str, str] = {}
    server_info: ServerInfo | None = None
    observations: list[ProbeResult] = []
    removed: list[Removed] = []
    inventory: Inventory | None = None
    sweep: Sweep | None = None
    unsupported: str = ""
    not_judged: str = ""
    sabotaged: bool = False
    sabotage: SabotageOutcome | None = None


_NOTHING = Record()
_decode = decoder(Record).decode


def attach(report: pytest.TestReport, record: Record) -> None:
    """Gives the report its record."""
    report.__dict__[_ATTRIBUTE] = record


def record_of(report: pytest.TestReport | pytest.CollectReport) -> Record:
    """The report's record; an empty one if it has none. Not to be changed but by whoever keeps what is in it."""
    found = report.__dict__.get(_ATTRIBUTE)
    return found if isinstance(found, Record) else _NOTHING


class Seam:
    """Takes records from xdist's workers to their controller."""

    @pytest.hookimpl(wrapper=True)
    def pytest_report_to_serializable(
        self, report: pytest.TestReport | pytest.CollectReport
    ) -> Generator[None, dict[str, Any] | None, dict[str, Any] | None]:
        """In the worker."""
        data = yield
        if data is not None and _ATTRIBUTE in data:
            data[_ATTRIBUTE] = encode(record_of(report))
        clean: dict[str, Any] | None = written_out(data)
        return clean

    @pytest.hookimpl(wrapper=True)
    def pytest_report_from_serializable(self, data: dict[str, Any]) -> Generator[None, object, object]:
        """In the controller."""
        if isinstance(data.get(_ATTRIBUTE), bytes):
            data[_ATTRIBUTE] = _decode(data[_ATTRIBUTE])
        return (yield)
