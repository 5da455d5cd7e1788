"""How far a run is, for a terminal: scenario by Envoy, what happens there now, the time left."""

import time
from collections import Counter
from dataclasses import dataclass, field

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from takeover.report.page import in_order
from takeover.scenario.library import Library

_STYLES = {"failed": "bold red", "passed": "green", "now": "bold", "waiting": "dim"}


@dataclass
class _Part:
    """One scenario on one Envoy."""

    expected: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    phase: str = ""

    def text(self) -> Text:
        done, failed = sum(self.ended.values()), self.ended["failed"]
        if not self.expected:
            return Text("–", _STYLES["waiting"])
        if self.phase and done < self.expected:
            return Text(f"▸ {self.phase} {done + 1}/{self.expected}", _STYLES["failed" if failed else "now"])
        if failed:
            return Text(f"✗ {failed} of {self.expected} failed", _STYLES["failed"])
        if lost := self.ended["not judged"]:
            return Text(f"? {lost} of {self.expected} not judged", _STYLES["failed"])
        if done < self.expected:
            return Text(f"· {done}/{self.expected}", _STYLES["waiting"])
        return Text(f"✓ {self.ended['passed']}", _STYLES["passed"])


class Progress:
    """Takes in what happens and shows it. Scenarios come in the article's order, once `expect` has named them."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._parts: dict[tuple[str, str], _Part] = {}
        self._begin = time.monotonic()
        self._end: float | None = None

    def expect(self, scenario: str, release: str) -> None:
        """One more test of that scenario on that Envoy will come."""
        self._part(scenario, release).expected += 1

    def enter(self, scenario: str, release: str, phase: str) -> None:
        """A test of it is now in that phase; an empty one: in none."""
        self._part(scenario, release).phase = phase

    def finish(self, scenario: str, release: str, outcome: str) -> None:
        """A test of it has ended: "passed", "failed", "skipped" or "not judged"."""
        part = self._part(scenario, release)
        part.ended[outcome] += 1
        part.phase = ""

    def end(self) -> None:
        """The run is over: from now on the time is not that left but that taken."""
        self._end = time.monotonic()

    def _part(self, scenario: str, release: str) -> _Part:
        return self._parts.setdefault((scenario, release), _Part())

    def __rich__(self) -> RenderableType:
        releases = list(dict.fromkeys(release for _, release in self._parts))
        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
        table.add_column("scenario")
        for release in releases:
            table.add_column(Text(f"Envoy {release}"))
        for about in in_order(self._library, dict.fromkeys(scenario for scenario, _ in self._parts)):
            cells = [self._parts.get((about.name, release), _Part()).text() for release in releases]
            table.add_row(Text(f"{about.article:<4} {about.title}"), *cells)
        done = sum(sum(each.ended.values()) for each in self._parts.values())
        expected = sum(each.expected for each in self._parts.values())
        line = Table.grid(padding=(0, 2, 0, 0))
        line.add_row(ProgressBar(expected or 1, done, width=30), f"{done} of {expected}", self._time(done, expected))
        return Group(table, line)

    def _time(self, done: int, expected: int) -> str:
        if self._end is not None:
            return f"{self._end - self._begin:.1f} s"
        taken = time.monotonic() - self._begin
        return f"about {taken / done * (expected - done):.0f} s left" if done else "…"
