"""Texts of tests that no encoding can hold: Python makes half characters (surrogates) of bytes that are no text.

No report could be written with them, nor sent from a worker: they are written out, as Python shows them.
"""

from typing import Any

import pytest


def written_out(data: Any) -> Any:
    """Data of built-in types in which half characters of texts are written out."""
    match data:
        case str():
            return data if data.isascii() else data.encode(errors="backslashreplace").decode()
        case dict():
            return {written_out(key): written_out(value) for key, value in data.items()}
        case list():
            return [written_out(each) for each in data]
        case tuple():
            return tuple(written_out(each) for each in data)
    return data


def without(report: pytest.TestReport, config: pytest.Config) -> pytest.TestReport:
    """The report without them: itself, if it has none."""
    texts = report.longrepr if isinstance(report.longrepr, tuple | None) else report.longreprtext
    written = [texts, report.sections, report.user_properties, getattr(report, "wasxfail", "")]
    if written_out(written) == written:
        return report
    data = written_out(config.hook.pytest_report_to_serializable(config=config, report=report))
    clean: pytest.TestReport = config.hook.pytest_report_from_serializable(config=config, data=data)
    return clean
