"""What to say of a run that chose no test: what was asked for, and what there is."""

import pytest

from takeover.run.plan import Plan
from takeover.run.probe_groups import MARK

_NOT_TO_CHOOSE_BY = ("tryfirst", "trylast", "xdist_group")  # of hooks, and xdist's own; others take arguments


def line(config: pytest.Config, plan: Plan) -> str:
    """One line."""
    given = {"-k": config.option.keyword, "-m": config.option.markexpr}
    chosen = " ".join(f"{option} {value!r}" for option, value in given.items() if value)
    asked = f"by {chosen}" if chosen else f"in {' '.join(config.args)}"
    probes = f" ({MARK}: with --probes, or several Envoys)" if plan.groups is None else ""
    return (
        f"no test was chosen {asked}; there are the scenarios {', '.join(plan.library.names()) or '(none)'}; "
        f"the markers {', '.join(_markers(config))}{probes}"
    )


def _markers(config: pytest.Config) -> list[str]:
    """Those that a test can be chosen by."""
    lines: list[str] = config.getini("markers")
    names = dict.fromkeys(each.partition(":")[0].strip() for each in lines)
    return [each for each in names if "(" not in each and each not in _NOT_TO_CHOOSE_BY]
