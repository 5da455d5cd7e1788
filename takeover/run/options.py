"""The command line of a run, its header, and what bad input does to it."""

import dataclasses
import functools
import os
import shlex
import signal
from pathlib import Path
from typing import Any

import pytest

from takeover.base.errors import TakeoverError
from takeover.engines import choose
from takeover.engines.choose import EngineOptions
from takeover.engines.kind.cluster import KindOptions
from takeover.envoy.releases import resolve
from takeover.model.release import Release
from takeover.run.run import RUN, Run

_KIND_CLUSTER = "takeover_kind_cluster"
_RELEASES = "takeover_releases"


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Declares the options in a group of their own; pytest-kind's, for the engines that use them."""
    group = parser.getgroup("envoy-takeover", "Envoy takes over a Pod's traffic")
    group.addoption(
        "--engine", choices=choose.NAMES, default="local", help="where the scenarios run (default: %(default)s)"
    )
    group.addoption(
        "--envoy",
        metavar="VERSION[,VERSION…]|latest|all|PATH|NAME=PATH",
        help="the Envoys to test, each with every test (default: the version pinned in constraints.txt)",
    )
    group.addoption(
        "--image",
        action="append",
        default=[],
        metavar="ROLE=REFERENCE",
        help="the image to use for a role (nginx, iptables, envoy); may be given several times",
    )
    group.addoption(
        "--kube-context",
        metavar="NAME",
        help="the kubeconfig's context for --engine kubernetes (default: its current one)",
    )
    group.addoption(
        "--keep",
        action="store_true",
        help="after the tests, hold the scenarios, print how to enter each Pod, and end at Ctrl-C",
    )
    if _asks_for_a_cluster(parser, pluginmanager):
        from pytest_kind import plugin  # costs half a second, so not for every run

        plugin.pytest_addoption(parser)


def _asks_for_a_cluster(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> bool:
    config = pluginmanager.get_plugin("pytestconfig")
    assert isinstance(config, pytest.Config)
    given = [*shlex.split(os.environ.get("PYTEST_ADDOPTS", "")), *config.invocation_params.args]
    known = parser.parse_known_args([str(each) for each in given])
    return bool(known.engine != "local" or known.help)


def _images(options: list[str]) -> dict[str, str]:
    images = {}
    for option in options:
        role, separator, reference = option.partition("=")
        if not separator or not role or not reference:
            raise pytest.UsageError(f"--image {option}: give it as ROLE=REFERENCE, for instance nginx=nginx:1.27")
        images[role] = reference
    return images


def pytest_configure(config: pytest.Config) -> None:
    """Finds the Envoy releases and checks the options before anything is collected."""
    if config.option.help or config.option.markers:
        return
    if config.option.keep and config.getoption("numprocesses", None):
        raise pytest.UsageError("--keep holds the scenarios of one process: leave out -n")
    images = _images(config.option.image)
    releases = _releases(config)
    make_engine = functools.partial(
        choose.engine, _engine_options(config, images), releases, functools.partial(_tell, config)
    )
    config.stash[RUN] = Run(make_engine, releases, config.option.keep)


def _releases(config: pytest.Config) -> list[Release]:
    if worker := getattr(config, "workerinput", None):
        return [Release(**{**each, "path": Path(each["path"])}) for each in worker[_RELEASES]]
    try:
        return resolve(config.option.envoy, lambda line: _tell(config, line))
    except TakeoverError as error:
        raise pytest.UsageError(str(error)) from None


def _engine_options(config: pytest.Config, images: dict[str, str]) -> EngineOptions:
    option = config.option
    kubeconfig: str | None = getattr(option, "kubeconfig", None)
    kind = None
    if option.engine == "kind":
        kind = KindOptions(
            name=option.cluster_name,
            keep=option.keep_cluster,
            image=option.kind_image,
            kind=option.kind_bin,
            kubectl=option.kind_kubectl_bin,
            kubeconfig=kubeconfig,
        )
    return EngineOptions(
        option.engine,
        images,
        option.kube_context,
        Path(kubeconfig) if kubeconfig else None,
        kind,
        getattr(config, "workerinput", {}).get(_KIND_CLUSTER),
    )


def pytest_configure_node(node: Any) -> None:
    """Tells each worker of xdist what its controller found out: the Envoy releases; the kind cluster that it made."""
    releases = node.config.stash[RUN].releases.values()
    node.workerinput[_RELEASES] = [{**dataclasses.asdict(each), "path": str(each.path)} for each in releases]
    if node.config.option.engine == "kind":
        from takeover.engines.kind.engine import KindEngine

        engine = node.config.stash[RUN].engine
        assert isinstance(engine, KindEngine)
        node.workerinput[_KIND_CLUSTER] = engine.access


def _tell(config: pytest.Config, line: str) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(line)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Says which binaries are tested, and where."""
    run = config.stash.get(RUN, None)
    if run is None:
        return []
    lines = [
        f"envoy: {each.name} (commit {each.commit}, {each.build}, sha256 {each.sha256})"
        for each in run.releases.values()
    ]
    return [*lines, f"engine: {config.option.engine}"]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Removes everything, however the run ended, and however often somebody presses Ctrl-C then.

    It stays ignored: Python's own end, which is left, would make of a run that is over one that a signal ended.
    """
    run = config.stash.get(RUN, None)
    if run is None:
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        run.close()
    except TakeoverError as error:
        raise pytest.UsageError(f"not all could be removed: {error}") from None
