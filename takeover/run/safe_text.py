"""Texts of tests made fit for a terminal, for reports and for the way from a worker: see `takeover.base.visible`.

A failure repeats what containers wrote. And Python makes half characters (surrogates) of bytes that are no text: no
report could be written with them, nor sent from a worker. Both are written out, as Python shows them.
"""

from collections.abc import Generator
from typing import Any, TypeVar

import pytest

from takeover.base.visible import visible
from takeover.model.json import mapped

_Report = TypeVar("_Report", pytest.TestReport, pytest.CollectReport)

_SHOWN = ("longrepr", "sections", "wasxfail")
"""What pytest prints of a report as it came, by the names that it has as data."""


def written_out(data: Any) -> Any:
    """Data of built-in types in which half characters of texts are written out."""
    return mapped(data, lambda text: text if text.isascii() else text.encode(errors="backslashreplace").decode())


def safe(report: _Report, config: pytest.Config) -> _Report:
    """The report with texts that do nothing to a terminal: itself, if it has no others."""
    texts = report.longrepr if isinstance(report.longrepr, tuple | None) else report.longreprtext
    shown = [texts, report.sections, getattr(report, "wasxfail", "")]
    kept = getattr(report, "user_properties", [])
    if mapped(shown, visible) == shown and written_out(kept) == kept:
        return report
    data = written_out(config.hook.pytest_report_to_serializable(config=config, report=report))
    data |= {name: mapped(data[name], visible) for name in _SHOWN if name in data}
    clean: _Report = config.hook.pytest_report_from_serializable(config=config, data=data)
    return clean


class SafeText:
    """The hooks of a process that collects or runs tests."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Of what cannot be collected: a suite may say anything while it is imported."""
        return safe((yield), self._config)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_assertrepr_compare(self) -> Generator[None, object, object]:
        """Leaves the colours out of a comparison: they would stand among what is compared, and be written out."""
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None:
            return (yield)
        writer = reporter._tw
        before, writer.code_highlight = writer.code_highlight, False
        try:
            return (yield)
        finally:
            writer.code_highlight = before
