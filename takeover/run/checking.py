"""A run that is a check (`takeover check`): nothing leaves it that its giver would not want to see stored."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import msgspec
import pytest

from takeover.model.json import mapped, with_texts
from takeover.run.record import Record, attach, record_of

if TYPE_CHECKING:  # in a run that is none, it need not be imported
    from takeover.check.conduct import Conduct

NAME = "takeover-check"
"""Under which the command gives pytest's plugin manager its `Conduct`."""

_Entry = TypeVar("_Entry", bound=msgspec.Struct)
_MOST_REMEMBERED = 100_000  # texts: names of fields and counters come with every probe


def conduct_of(config: pytest.Config) -> "Conduct | None":
    """What makes this run a check; None for any other, and in its workers: what they say goes through here."""
    found: Conduct | None = config.pluginmanager.get_plugin(NAME)
    return found


class Redaction:
    """The hooks of the process to which all reports come: around all who keep or show them."""

    def __init__(self, redacted: Callable[[str], str]) -> None:
        self._redacted = functools.lru_cache(_MOST_REMEMBERED)(redacted)

    def entry(self, entry: _Entry) -> _Entry:
        """A record without what may be a secret."""
        return with_texts(entry, self._redacted)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Of a test's phase."""
        self._clean(report)
        if (record := record_of(report)) != Record():
            attach(report, self.entry(record))

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Of what cannot be collected."""
        self._clean(report)

    def _clean(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if isinstance(report.longrepr, tuple):
            file, line, reason = report.longrepr
            report.longrepr = (file, line, self._redacted(reason))
        elif report.longrepr is not None:
            report.longrepr = self._redacted(report.longreprtext)
        report.sections = mapped(report.sections, self._redacted)
