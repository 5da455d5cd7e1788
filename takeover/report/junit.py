"""The results in JUnit's XML, in the form that pytest calls xunit2: a suite for each Envoy, one for differences.

Tests without an Envoy are a suite, too.
"""

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from takeover.base.visible import visible_line
from takeover.compare.detail import in_short
from takeover.compare.listing import line
from takeover.model.document import Document, Outcome
from takeover.report.compared import Compared
from takeover.report.failure import Failure
from takeover.report.page import WORDS
from takeover.report.without_envoy import WithoutEnvoy

# What XML 1.0 cannot hold, not even escaped.
_IMPOSSIBLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(
    documents: Sequence[Document],
    failures: Sequence[Failure],
    compared: Compared | None = None,
    without_envoy: Sequence[WithoutEnvoy] = (),
) -> str:
    """The XML as text.

    What was not tried, and what was known to fail, is skipped, with the reason. What was not judged is an error: no
    failure, which would be one of Envoy's, but nothing that a job may pass over.

    Args:
        compared: what differs between the documents; each difference that fails the run is a case that failed.
        without_envoy: the tests of which no document tells.
    """
    root = ElementTree.Element("testsuites", name="envoy-takeover")
    messages = {(each.release, each.name): each for each in failures}
    for document in documents:
        suite = _suite(root, f"envoy-{document.envoy.name}", document.tests, document.written)
        for test in document.tests:
            _case(suite, test, messages.get((document.envoy.name, test.name)))
    if without_envoy and documents:
        suite = _suite(root, "without an Envoy", [each.outcome for each in without_envoy], documents[0].written)
        for each in without_envoy:
            _case(suite, each.outcome, Failure("", "", each.outcome.name, each.message))
    if compared is not None and compared.failing:
        _differences(root, compared, documents[0].written)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(root: ElementTree.Element, name: str, tests: Sequence[Outcome], written: str) -> ElementTree.Element:
    return ElementTree.SubElement(
        root,
        "testsuite",
        name=_possible(name),
        errors=str(sum(test.state == "not-judged" for test in tests)),
        failures=str(sum(test.state == "fail" for test in tests)),
        skipped=str(sum(test.state not in ("pass", "fail", "not-judged") for test in tests)),
        tests=str(len(tests)),
        time=f"{sum(test.seconds for test in tests):.3f}",
        timestamp=written,
    )


def _case(suite: ElementTree.Element, test: Outcome, failure: Failure | None) -> None:
    file, _, name = test.id.partition("::")
    case = ElementTree.SubElement(
        suite,
        "testcase",
        classname=_possible(file.removesuffix(".py").replace("/", ".")),
        name=_possible(name or test.name),
        time=f"{test.seconds:.3f}",
    )
    if test.state == "fail":
        message = failure.message if failure is not None else test.reason
        command = f"\n\nto see it yourself: {failure.command}" if failure is not None and failure.command else ""
        ElementTree.SubElement(case, "failure", message=_possible(test.reason)).text = _possible(message + command)
    elif test.state == "not-judged":
        ElementTree.SubElement(case, "error", type=f"takeover.{test.state}", message=_possible(test.reason))
    elif test.state != "pass":
        reason = _possible(f"{WORDS[test.state]}: {test.reason}" if test.reason else WORDS[test.state])
        ElementTree.SubElement(case, "skipped", type=f"takeover.{test.state}", message=reason).text = reason


def _differences(root: ElementTree.Element, compared: Compared, written: str) -> None:
    comparison, failing = compared.comparison, compared.failing
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        name=_possible(f"differences from envoy-{comparison.baseline}"),
        errors="0",
        failures=str(len(failing)),
        skipped="0",
        tests=str(len(failing)),
        time="0.000",
        timestamp=written,
    )
    for each in failing:
        case = ElementTree.SubElement(
            suite, "testcase", classname=f"differences.{each.kind}", name=each.id, time="0.000"
        )
        message = _possible(line(comparison, each))
        ElementTree.SubElement(case, "failure", message=message).text = _possible(in_short(comparison, each))


def _possible(text: str) -> str:
    return _IMPOSSIBLE.sub(lambda each: visible_line(each[0]), text)
