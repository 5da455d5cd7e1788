"""The run in one sentence, and whether it is a good one: never more than was proved."""

import re
from collections.abc import Sequence

import pytest

from takeover.model.document import Document, Envoy, Outcome, State
from takeover.report.index import index
from takeover.report.matrix import matrix
from takeover.report.page import Cell, answer
from takeover.report.summary import summary
from takeover.scenario.library import Library

BAD = "Envoy does not take over as it should on Envoy 1.37.0 (kubernetes): 1 of 2 tests failed, in outbound-block-all"
GOOD = "Envoy takes over as it should on Envoy"


def document(name: str, *states: State, complete: bool = True) -> Document:
    tests = [
        Outcome(
            f"a.py::t{number}[{name}]",
            "outbound-block-all",
            f"a.py::t{number}",
            state,
            "" if state == "pass" else "why",
        )
        for number, state in enumerate(states)
    ]
    return Document(1, "2026-01-01T00:00:00+00:00", complete, "kubernetes", Envoy(name, name, "", "", ""), tests)


@pytest.mark.parametrize(
    ("documents", "told", "is_good"),
    [
        ([document("1.40.0", "pass", "pass")], f"{GOOD} 1.40.0 (kubernetes): 2 of 2 tests in 1 scenario passed", True),
        (
            [document("1.40.0", "pass", "known-failure", "known-failure", "unsupported")],
            f"{GOOD} 1.40.0 (kubernetes): 1 of 4 tests in 1 scenario passed; 2 known failures and 1 unsupported",
            True,
        ),
        ([document("1.37.0", "fail", "pass"), document("1.40.0", "pass")], f"{BAD}; on 1.40.0 it does", False),
        (
            [document("1.37.0", "fail", "pass"), document("1.40.0", "not-judged", "not-judged")],
            f"{BAD}; on 1.40.0 nothing is proved; 2 tests could not be judged (what they ran on was lost)",
            False,
        ),
        (
            [document("1.37.0", "fail", "pass"), document("1.40.0", "pass", "not-judged")],
            f"{BAD}; on 1.40.0 nothing is proved; 1 test could not be judged (what they ran on was lost)",
            False,
        ),
        (
            [document("1.37.0", "fail", "pass"), document("1.39.0", "unsupported"), document("1.40.0", "pass")],
            f"{BAD}; on 1.40.0 it does; on 1.39.0 nothing is proved",
            False,
        ),
        (
            [document("1.40.0", "unsupported")],
            "Nothing is proved on Envoy 1.40.0 (kubernetes): 0 of 1 test passed; 1 unsupported",
            False,
        ),
        (
            [document("1.40.0", "known-failure", "known-failure")],
            "Nothing is proved on Envoy 1.40.0 (kubernetes): 0 of 2 tests passed; 2 known failures",
            False,
        ),
        (
            [document("1.36.4", "unsupported"), document("1.40.0", "pass")],
            f"{GOOD} 1.40.0 (kubernetes): 1 of 2 tests in 1 scenario passed; 1 unsupported; "
            "on 1.36.4 nothing is proved",
            True,
        ),
        (
            [document("1.40.0", "pass", "not-run")],  # the suite skipped it
            f"{GOOD} 1.40.0 (kubernetes): 1 of 2 tests in 1 scenario passed; 1 not run",
            False,
        ),
        (
            [document("1.37.0", "pass", "pass"), document("1.40.0", "not-run", "not-run", complete=False)],
            "The run was stopped on Envoy 1.37.0 and 1.40.0 (kubernetes): 2 of 4 tests ran",
            False,
        ),
    ],
)
def test_no_more_is_said_than_was_proved(documents: Sequence[Document], told: str, is_good: bool) -> None:
    library = Library.bundled()
    assert answer(documents) == f"{told}."
    page = index(library, documents, [])
    assert re.search('<h1 class="(good|bad)">', page)[1] == ("good" if is_good else "bad")  # type: ignore[index]
    assert f"{told}." in page
    assert f"{told}." in matrix(library, documents)
    assert told.split(" (", maxsplit=1)[0] in summary(library, documents, []).replace("\\", "")


def test_many_envoys_are_only_counted() -> None:
    others = [document(f"1.{number}.0", "pass") for number in range(20, 25)]
    assert answer([document("1.37.0", "fail", "pass"), *others]) == f"{BAD}; on the 5 others it does."


def test_known_failures_have_a_plural() -> None:
    assert Cell({"known-failure": 1}).text == "1 known failure"
    assert Cell({"known-failure": 2, "pass": 1}).text == "2 known failures, 1 passed"
