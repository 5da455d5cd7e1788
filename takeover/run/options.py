"""The command line of a run. Nothing of the library is imported here: every run of pytest declares these options."""

import argparse
import os
import shlex
from pathlib import Path

import pytest

SCENARIOS = "scenarios"
"""The option's name, and that of the line in pytest's ini file."""

SABOTAGE_DISTINCT = "sabotage_distinct"
"""A line in pytest's ini file."""

GROUP = "envoy-takeover"
# What says that somebody wants a run of ours; the others only say how.
_TELLING = (
    "engine",
    "envoy",
    "delivery",
    "image",
    "kube_context",
    "keep",
    "probes",
    "sabotage",
    "sweep",
    "within",
    "fail_on",
    "accepted",
    "write_docs",
)


def declare(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Declares the options in a group of their own; pytest-kind's, for the engines that use them."""
    parser.addini(SCENARIOS, "the folder of the scenarios (--scenarios), seen from the ini file's folder")
    parser.addini(
        SABOTAGE_DISTINCT,
        "whether --sabotage fails when two of a scenario's sabotages are caught by the same test for the same reason",
        type="bool",
        default=False,
    )
    group = parser.getgroup(GROUP, "Envoy takes over a Pod's traffic")
    group.addoption("--scenarios", metavar="DIR", help="the folder of the scenarios, each a folder with scenario.yaml")
    group.addoption(
        "--engine",
        metavar="NAME",
        help="where the scenarios run: local (default), kubernetes, kind, or one that a conftest registers",
    )
    group.addoption(
        "--envoy",
        metavar="[NAME=]VERSION|latest|github:VERSION|image:REFERENCE|PATH[,…]|all",
        help="the Envoys to test, each with every test (default: the version that is installed)",
    )
    group.addoption(
        "--delivery",
        metavar="static|file|ads|delta-ads",
        help="how Envoys get their configuration: as it is written (default), or the same by xDS, from files or from a "
        "control plane (state of the world or delta)",
    )
    group.addoption(
        "--image",
        action="append",
        default=[],
        metavar="ROLE=REFERENCE",
        help="the image to use for a role (nginx, iptables, envoy, relay, peers); may be given several times",
    )
    group.addoption(
        "--kube-context",
        metavar="NAME",
        help="the kubeconfig's context for --engine kubernetes (default: its current one)",
    )
    group.addoption(
        "--keep",
        action="store_true",
        help="after the tests, hold the scenarios, print how to enter each Pod and what to try, and end at Ctrl-C",
    )
    group.addoption(
        "--probes",
        action="store_true",
        help="beside the suites, observe the scenarios' probes (several Envoys do so anyway); -m probes: nothing else",
    )
    group.addoption(
        "--sabotage",
        nargs="?",
        const="*",
        metavar="NAME",
        help="run the suites against the scenarios' sabotages (of that name, or SCENARIO/NAME; * stands for anything): "
        "each must be caught by a test",
    )
    group.addoption(
        "--sweep",
        nargs="?",
        const="",
        metavar="SCENARIO",
        help="instead of the suites: set each field of scenarios' configurations (of those of that name, * stands for "
        "anything; else of those that say `swept: true`) to a few values, and ask running Envoys what they make of it",
    )
    group.addoption(
        "--within",
        type=float,
        metavar="SECONDS",
        help="after so many seconds --sweep asks no more; what it left out is counted",
    )
    group.addoption(
        "--reports",
        metavar="DIR",
        help="where each run leaves its results, each in a folder; DIR/latest is the newest "
        "(default: reports, beside pytest's ini file)",
    )
    group.addoption(
        "--fail-on",
        metavar="KIND[,KIND…]|all|none",
        help="the kinds of differences between several Envoys that fail the run (takeover compare --help lists them)",
    )
    group.addoption(
        "--accepted",
        metavar="FILE",
        help="the differences that you accept, each with a reason "
        "(default: accepted.yaml beside pytest's ini file, if it is there)",
    )
    group.addoption(
        "--write-docs",
        metavar="DIR",
        help="instead of running anything, write a page for each scenario there (the project's own are in docs)",
    )
    # Its own plugin declares them, unless that is blocked (-p no:pytest-kind), as it takes half a second to import.
    if pluginmanager.is_blocked("pytest-kind"):
        if _asks_for_a_cluster(parser, pluginmanager):
            from pytest_kind import plugin

            plugin.pytest_addoption(parser)
        else:  # so that an engine that has no use for one can say so
            group.addoption("--keep-cluster", action="store_true", help=argparse.SUPPRESS)
            for name in ("--cluster-name", "--kubeconfig", "--kind-image", "--kind-bin", "--kind-kubectl-bin"):
                group.addoption(name, help=argparse.SUPPRESS)


def _asks_for_a_cluster(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> bool:
    config = pluginmanager.get_plugin("pytestconfig")
    assert isinstance(config, pytest.Config)
    of_environment = shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))
    given = [*config.getini("addopts"), *of_environment, *config.invocation_params.args]
    known = parser.parse_known_args([str(each) for each in given])
    return bool(known.engine not in (None, "local") or known.help)


def scenarios_folder(config: pytest.Config) -> Path:
    """The folder of the scenarios: the option's, else the ini file's.

    Raises: pytest.UsageError where neither names one; BadInputError for a home that nobody knows.
    """
    if config.option.scenarios:
        from takeover.base.paths import given_path

        return given_path(config.option.scenarios, "--scenarios")
    if named := config.getini(SCENARIOS):
        return project_folder(config) / str(named)
    from takeover.run import ini_file

    raise pytest.UsageError(
        "no folder of scenarios is named: give --scenarios DIR, or a line `scenarios = DIR` in pytest's ini file"
        + ini_file.remedy(config)
    )


def project_folder(config: pytest.Config) -> Path:
    """Where the project is, wherever the caller stands: the ini file's folder, else what pytest takes for the root."""
    return config.inipath.parent if config.inipath else config.rootpath


def reports_folder(config: pytest.Config) -> Path:
    """Where runs leave their results: the option's, else the project's.

    Raises: BadInputError for a home that nobody knows.
    """
    if not (given := config.option.reports):
        return project_folder(config) / "reports"
    from takeover.base.paths import given_path

    return given_path(given, "--reports")


def is_wanted(config: pytest.Config, given: argparse.Namespace | None = None) -> bool:
    """Whether this is a run of ours: scenarios are named, or an option is given that needs them.

    Args:
        config: the run's.
        given: the options that are known so far, where not all are yet.
    """
    option = config.option if given is None else given
    return bool(option.scenarios or config.getini(SCENARIOS)) or any(
        getattr(option, each) not in (None, False, []) for each in _TELLING
    )
