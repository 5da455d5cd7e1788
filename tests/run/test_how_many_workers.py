"""Without -n: whether a run has workers, and how many, by what is asked for."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from takeover.run import workers

CORES = 2


def number(given: tuple[str, ...] = (), **options: Any) -> int | None:
    """How many there are with these options (by the names that pytest keeps them under), of a project with suites/."""
    named = {"keyword": "", "markexpr": "", "envoy": None, "probes": False, "sabotage": None, "sweep": None}
    option = SimpleNamespace(
        **named | {"keep": False, "collectonly": False, "engine": None, "tx": [], "dist": "no", "numprocesses": None}
    )
    vars(option).update(options)
    config = SimpleNamespace(
        option=option,
        rootpath=Path("/project"),
        args=[f"/project/{each}" for each in given or ("suites",)],
        getini={"testpaths": ["suites"]}.__getitem__,
        getoption=lambda name, default=None: getattr(option, name, default),
        hook=SimpleNamespace(pytest_xdist_auto_num_workers=lambda **_: CORES),
    )
    workers.choose_number(cast("pytest.Config", config))
    chosen: int | None = option.numprocesses
    return chosen


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 3),
        ({"markexpr": "not xds"}, 3),
        ({"markexpr": "not (xds or gateway)"}, 3),
        ({"markexpr": "not atlas"}, 3),
        ({"markexpr": "xds"}, 4),
        ({"markexpr": "outbound"}, None),
        ({"markexpr": "gateway and not auth"}, None),
        ({"keyword": "lua"}, None),
        ({"verbose": 1}, None),
        ({"capture": "no", "markexpr": "not xds"}, None),
        ({"sabotage": "*"}, 8),
        ({"sabotage": "*", "markexpr": "gateway"}, 8),
        ({"sabotage": "redirect-missing"}, 3),
        ({"probes": True}, 8),
        ({"probes": True, "markexpr": "atlas and probes"}, 8),
        ({"probes": True, "markexpr": "probes and not atlas"}, 4),
        ({"envoy": "1.37.0,1.40.0"}, 8),
        ({"envoy": "1.37.0,1.40.0", "markexpr": "not atlas"}, 4),
        ({"envoy": "1.37.0,1.40.0", "keyword": "lua"}, 4),
        ({"envoy": "1.40.0"}, 3),
        ({"engine": "kubernetes"}, None),
        ({"keep": True}, None),
        ({"numprocesses": 5}, 5),
        ({"numprocesses": 0}, 0),
    ],
    ids=str,
)
def test_what_is_much_has_workers(options: dict[str, Any], expected: int | None) -> None:
    assert number(**options) == expected


def test_a_part_that_is_named_has_none_but_with_several_envoys() -> None:
    assert number(("suites/gateway",)) is None
    assert number(("suites/gateway",), probes=True) is None
    assert number(("suites/gateway",), envoy="1.37.0,1.40.0") == 4
