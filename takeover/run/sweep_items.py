"""The items of `--sweep`: what each Envoy makes of the variants of base configurations. Nothing else is run then.

All Envoys are asked side by side, in one process, when the first of them is reached; each item then has its own's.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from takeover.base.errors import TakeoverError
from takeover.base.paths import display_path
from takeover.compare import sweeps
from takeover.compare.accepted import accepts
from takeover.compare.breakdowns import KIND
from takeover.model.document import Sweep
from takeover.model.release import Release
from takeover.run import terminal
from takeover.run.plan import Plan, Tell
from takeover.run.probe_groups import item_name

MARK = "sweep"
SWEEP: pytest.StashKey[Sweep] = pytest.StashKey()


class Sweeps:
    """The sweep of a run, made once.

    Args:
        tell: takes a line for the user.
    """

    def __init__(self, plan: Plan, tell: Tell) -> None:
        self._plan = plan
        self._tell = tell
        self._found: dict[str, Sweep] | None = None
        self._left_out: list[str] = []

    def items(self, session: pytest.Session) -> list["SweepItem"]:
        """One for each Envoy."""
        session.config.addinivalue_line("markers", f"{MARK}: what Envoys make of variants of configurations (--sweep)")
        return [SweepItem.of(session, self._plan, each, self) for each in self._plan.releases.values()]

    def of(self, release: str) -> Sweep:
        """That Envoy's. Raises: TakeoverError."""
        if self._found is None:
            from takeover.sweep.bases import bases  # costs half a second, and most runs make none
            from takeover.sweep.sweeping import sweep

            assert self._plan.swept is not None
            found = bases(self._plan.library, self._plan.swept)
            self._left_out = list(found.left_out)
            releases = list(self._plan.releases.values())
            self._found = sweep(releases, found, self._plan.within, lambda line: self._tell(f"sweep: {line}"))
        return self._found[release]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """How much was asked, what was left out, and what each Envoy made of it."""
        for number, line in enumerate(self._lines()):
            if number == 0:
                terminalreporter.section("sweep")
            terminal.write(terminalreporter, line)

    def _lines(self) -> Iterator[str]:
        if not self._found:
            return
        first = next(iter(self._found.values()))
        rate = len(first.variants) / first.seconds if first.seconds else 0.0
        yield (
            f"{len(first.variants):,} variants of {first.fields:,} fields in {', '.join(self._plan.swept or ())}: "
            f"{first.seconds:.0f} s, {rate:.0f} a second"
        )
        for name, found in self._found.items():
            counts = Counter(each.state for each in found.variants)
            yield f"  {name}: {', '.join(f'{number:,} {state}' for state, number in counts.most_common())}"
        yield f"  what they do was observed of {first.probed:,}, with a few requests each"
        if first.unstable:
            yield f"  unstable, so not told what they do: {first.unstable:,}"
        if first.left_out:
            yield (
                f"  left out by --within {self._plan.within:g}: {first.left_out:,} variants; "
                f"{first.fields_left_out:,} fields were not reached"
            )
        yield from (f"  left out: {each}" for each in self._left_out)


class BrokenDownError(AssertionError):
    """What an item fails with: a line for each variant under which Envoy broke down."""


class SweepItem(pytest.Item):
    """What one Envoy makes of the variants."""

    plan: Plan
    envoy: Release
    release: str
    sweeps: Sweeps

    @classmethod
    def of(cls, session: pytest.Session, plan: Plan, release: Release, made: Sweeps) -> "SweepItem":
        """The item for that release."""
        name = item_name("sweep", release.name)
        item: SweepItem = cls.from_parent(session, name=name, nodeid=f"{display_path(plan.library.folder)}::{name}")
        item.plan, item.envoy, item.release, item.sweeps = plan, release, release.name, made
        item.add_marker(MARK)
        return item

    def runtest(self) -> None:
        """Asks. Raises: TakeoverError when an Envoy does not start, BrokenDownError."""
        found = self.sweeps.of(self.release)
        self.stash[SWEEP] = found
        if lines := list(self._findings(found)):
            raise BrokenDownError("\n".join(lines))

    def _findings(self, found: Sweep) -> Iterator[str]:
        if KIND not in self.plan.failing_kinds:
            return
        for each in found.variants:
            change = sweeps.finding(each)
            if change is not None and not accepts(self.plan.accepted, change, self.envoy):
                yield f"{each.scenario}, {each.name}: Envoy {sweeps.broken(each)}: {each.error}"

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """A few lines for what is no fault of the program."""
        if isinstance(excinfo.value, BrokenDownError | TakeoverError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The folder of the bases."""
        return self.plan.library.folder, None, self.name
