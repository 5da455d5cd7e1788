"""Which options do not go together."""

import pytest

from takeover.engines import choose
from takeover.run.roles import OURS, dist_of, shared_out_by


def check(config: pytest.Config) -> None:
    """Refuses what would be left out without a word. Raises: pytest.UsageError, one line."""
    option = config.option
    if option.keep and (by := shared_out_by(config)):
        raise pytest.UsageError(f"--keep holds the scenarios of one process: leave out {', '.join(by)}")
    if option.sabotage is not None and option.probes:
        raise pytest.UsageError("--probes observes the scenarios as they are: leave out --sabotage")
    if option.sabotage is not None and (dist := dist_of(config)) not in ("no", OURS):
        raise pytest.UsageError(
            f"--sabotage needs all tests of a sabotage in one process: leave out --dist {dist} (-n alone does so)"
        )
    if config.getoption("stepwise", False) and (by := shared_out_by(config)):
        raise pytest.UsageError(f"--stepwise goes on in the order of one process: leave out {', '.join(by)}")
    _check_sweep(config)


def _check_sweep(config: pytest.Config) -> None:
    option = config.option
    if option.sweep is None:
        if option.within is not None:
            raise pytest.UsageError("--within bounds a sweep: give --sweep, too")
        return
    given = {
        "--sabotage": option.sabotage is not None,
        "--probes": option.probes,
        "--keep": option.keep,
        "--delivery": option.delivery is not None,
    }
    if others := [*(name for name, is_given in given.items() if is_given), *shared_out_by(config)]:
        raise pytest.UsageError(f"--sweep runs nothing else, in one process: leave out {', '.join(others)}")
    if option.engine is not None and not choose.runs_binary(option.engine):
        raise pytest.UsageError(f"--sweep runs the binaries themselves: leave out --engine {option.engine}")
    if option.within is not None and not option.within > 0:
        raise pytest.UsageError(f"--within {option.within:g}: give the number of seconds, more than 0")
