"""Runs a check: pytest with our plugin, in this process, on the folder that was made."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from takeover.base import ctrl_c
from takeover.check.conduct import Conduct
from takeover.check.redacting import redacting_output

_BAD_INPUT = 2
_WORTH_WORKERS = 1_500
"""Probes on all Envoys; fewer are over before workers would be there."""
_UNUSED = ("pytest-kind", "hypothesispytest", "anyio")
"""Plugins that a check has no use for, and that take a third of a second to import where they are installed."""
_OF_PYTEST = {4: _BAD_INPUT, 5: _BAD_INPUT}
"""Its usage errors, and that it found nothing to run."""


@dataclass(frozen=True)
class Options:
    """Handed to the run as they are.

    Args:
        envoy: as `--envoy` has it; `number`: how many Envoys that is.
    """

    envoy: str
    number: int
    reports: Path
    keep: bool = False
    fail_on: str | None = None
    accepted: Path | None = None
    junitxml: Path | None = None
    extensions: Sequence[str] = ()


def run(conduct: Conduct, options: Options) -> int:
    """Makes the probes on each Envoy, compares, writes the report. Returns the exit code.

    0: no difference that fails, and every probe was observed on each Envoy; 1: otherwise; 2: bad input, or an
    interrupt.
    """
    import pytest

    from takeover.engines.local import trees

    folder = conduct.library
    # So that it is a run of everything there is, whatever stands in the caller's folder.
    (folder / "pytest.ini").write_text("[pytest]\ntestpaths = .\n")
    os.environ.pop("PYTEST_ADDOPTS", None)
    trees.build_none()
    with redacting_output(conduct.redacted):
        code = int(pytest.main(_arguments(conduct, options), plugins=[_Named(conduct)]))
    ctrl_c.raises_again()
    return _OF_PYTEST.get(code, code) or int(bool(conduct.unable))


class _Named:
    """Registers a check under the name by which the plugin looks for it."""

    def __init__(self, conduct: Conduct) -> None:
        self._conduct = conduct

    def pytest_addoption(self, pluginmanager: object) -> None:
        """Before the plugin makes its plan."""
        pluginmanager.register(self._conduct, Conduct.NAME)  # type: ignore[attr-defined]


def _arguments(conduct: Conduct, options: Options) -> list[str]:
    folder = conduct.library
    given = [str(folder), "--rootdir", str(folder), "-c", str(folder / "pytest.ini"), "-p", "no:cacheprovider", "-q"]
    given += ["--no-header", "-rN", "-W", "ignore", "--scenarios", str(folder), "--probes", "-m", "probes"]
    given += ["--envoy", options.envoy, "--reports", str(options.reports.absolute())]
    given += ["--keep"] if options.keep else []
    workers = min(os.cpu_count() or 1, options.number)
    is_worth = not options.keep and conduct.number_of_probes * options.number > _WORTH_WORKERS
    given += ["-n", str(workers if is_worth and workers > 1 else 0)]
    for name, value in (("--fail-on", options.fail_on), ("--accepted", options.accepted)):
        given += [name, str(value)] if value is not None else []
    given += [f"--junitxml={options.junitxml.absolute()}"] if options.junitxml is not None else []
    for each in (*(f"no:{unused}" for unused in _UNUSED), *options.extensions):
        given += ["-p", each]
    return given
