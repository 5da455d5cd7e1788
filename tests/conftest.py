import functools
import os
import signal
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import msgspec
import pytest

from benchmarks.leftovers import Tag
from takeover.model.document import Document
from tests import at_once

UNUSED = "-p no:pytest-kind -p no:hypothesispytest -p no:anyio"
STARTS = {"engine", "deploy", "scene", "run_folder", "project"}
TAKES_LONG = {"facts", "of_the_project"}
"""Fixtures that start no program of a run, and take a minute: at the end the other workers would wait for it."""
SURROUNDINGS = ["CI", "BUILD_NUMBER", "GITHUB_ACTIONS", "COLUMNS", "FORCE_COLOR", "NO_COLOR", "PY_COLORS"]
RUN = 100
"""A run of pytest, a program, a deployment takes as long as about so many tests that start nothing."""
pytest_configure = at_once.pytest_configure


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lets the files that start programs, or ask a whole library, be shared out first: minutes, with few tests."""
    for item in items:
        module = getattr(item, "module", None)
        long = (STARTS | TAKES_LONG).intersection(getattr(item, "fixturenames", ()))
        if module is not None and (long or _starts_programs(module)):
            item.weight = RUN  # type: ignore[attr-defined]  # as probes have one, see Scopes


@functools.cache  # asked for each of its tests
def _starts_programs(module: ModuleType) -> bool:
    """Whether the module, or one of the tests' own that it takes something from, runs programs."""
    others = {getattr(each, "__module__", None) or "" for each in vars(module).values()}  # None of a type that is made
    modules = [module, *(sys.modules[name] for name in others if name.startswith("tests.") and name in sys.modules)]
    return any("subprocess" in vars(each) for each in modules)


@pytest.fixture(autouse=True, scope="session")
def _runs_are_their_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs that tests start leave their results apart from the user's own, and are no workers of another run.

    They print the same everywhere: what tells pytest and us of a CI or of a wide terminal is left out. Plugins that
    they do not use, and that are there for tests alone, are not loaded, as in the project's own runs. They share the
    machine with other tests, and take it for one of a single core.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_ADDOPTS", f"--reports={tmp_path_factory.mktemp('reports')} {UNUSED}")
        for name in [each for each in os.environ if each.startswith("PYTEST_XDIST_")] + SURROUNDINGS:
            patch.delenv(name, raising=False)
        patch.setenv("PYTEST_XDIST_AUTO_NUM_WORKERS", "1")
        yield


@pytest.fixture
def new_tag() -> Callable[[], Tag]:
    """Makes a tag for processes."""
    return Tag


@pytest.fixture(autouse=True, scope="session")
def _ctrl_c_reaches_children() -> None:
    # What a script runs in the background (`./test &`) ignores Ctrl-C, and so would the runs that tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)


SEEN: dict[str, Any] = {
    "status": 200,
    "reason": "OK",
    "protocol": "HTTP/1.1",
    "headers": [("server", "envoy"), ("x-auth-user", "alice"), ("content-length", "2")],
    "body": "ok",
    "end": "open",
    "log": [{"flags": "-", "status": 200}],
    "stats": {"http.one.downstream_rq_total": 1},
    "gauges": {"dns_cache.one.num_hosts": 1},
}
REQUEST = {"from": "client/client", "to": {"service": "v1/app", "port": 80}, "protocol": "http1", "method": "GET",
           "path": "/", "version": "1.1", "host": "probe.example"}  # fmt: skip


@pytest.fixture
def document() -> Callable[..., Document]:
    """Makes a document: `seen` changes what is seen of each of two probes, other words change the document."""

    def make(name: str, seen: dict[str, Any] | None = None, version: str = "", **changed: Any) -> Document:
        probes = [
            {"scenario": scenario, "probe": "edges/plain", "request": REQUEST, "seen": SEEN | (seen or {})}
            for scenario in ("one", "two")
        ]
        data = {
            "schema": 1,
            "written": "2026-11-25T10:00:00+00:00",
            "complete": True,
            "engine": "local",
            "envoy": {"name": name, "version": version or name, "commit": "abc", "build": "Clean", "sha256": "0f"},
            "probes": probes,
        }
        return msgspec.convert(data | changed, Document)

    return make
