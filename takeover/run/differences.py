"""After a run with several Envoys: what the others do otherwise than the first one, and whether that fails the run."""

import functools
from pathlib import Path

import pytest

from takeover.base.errors import BadInputError
from takeover.compare.accepted import DEFAULT, Acceptance, accept, read_accepted
from takeover.compare.comparison import Comparison, compare
from takeover.compare.kinds import BY_NAME, FAILING, failing
from takeover.compare.listing import listing
from takeover.run.results import RESULTS, Results
from takeover.store import documents as store


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declares the options beside the others."""
    group = parser.getgroup("envoy-takeover")
    group.addoption(
        "--fail-on",
        metavar="KIND[,KIND…]|all|none",
        help="the kinds of differences between several Envoys that fail the run: "
        f"{', '.join(BY_NAME)} (default: {','.join(each for each in BY_NAME if each in FAILING)})",
    )
    group.addoption(
        "--accepted",
        metavar="FILE",
        help=f"the differences that you accept, each with a reason (default: {DEFAULT}, if it is there)",
    )


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Checks the options before anything runs."""
    if config.option.help or config.option.markers:
        return
    try:
        kinds = failing(config.option.fail_on)
        accepted = read_accepted(Path(config.option.accepted) if config.option.accepted else None)
    except BadInputError as error:
        raise pytest.UsageError(str(error)) from None
    if RESULTS in config.stash:
        differences = Differences(config.stash[RESULTS], kinds, accepted)
        config.stash[DIFFERENCES] = differences
        config.pluginmanager.register(differences, "takeover-differences")


class Differences:
    """Compares the run's documents once they are written."""

    def __init__(self, results: Results, kinds: frozenset[str], accepted: tuple[Acceptance, ...]) -> None:
        self._results = results
        self._accepted = accepted
        self.kinds = kinds
        self.comparison: Comparison | None = None
        """None if there are no two documents to compare."""

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fails a run that passed but for a difference."""
        documents = {each.stem: each for each in self._results.documents if each.exists()}
        if len(documents) < 2:
            return
        self.comparison = compare({name: functools.partial(store.read, path) for name, path in documents.items()})
        accept(self.comparison, self._accepted)
        if self.comparison.failing(self.kinds) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Lists the differences."""
        if self.comparison is not None:
            terminalreporter.section(f"differences from Envoy {self.comparison.baseline}")
            for each in listing(self.comparison, self.kinds):
                terminalreporter.write_line(each)


DIFFERENCES: pytest.StashKey[Differences] = pytest.StashKey()
"""On the config of the process that collects results."""
