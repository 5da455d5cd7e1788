"""`--write-docs`: writes the page of each scenario, from the suites as pytest collects them and from the manifests."""

from collections import Counter
from pathlib import Path

import pytest

from takeover.base.paths import display_path
from takeover.run.scenes import NEED


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declares the option beside the others."""
    parser.getgroup("envoy-takeover").addoption(
        "--write-docs",
        metavar="DIR",
        help="instead of running anything, write a page for each scenario there (the project's own are in docs)",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Nothing is run, and only the files are listed."""
    if config.option.write_docs is not None:
        config.option.collectonly, config.option.verbose = True, -2


def pytest_collection_finish(session: pytest.Session) -> None:
    """Writes the pages of the scenarios that were collected."""
    if session.config.option.write_docs is None or not session.items:
        return
    from takeover.report.documentation import Suite, write

    suites: dict[tuple[str, str], Suite] = {}
    for item in session.items:
        if NEED in item.stash and isinstance(item, pytest.Function):
            file = display_path(item.path)
            key = (item.stash[NEED].scenario, file)
            suite = suites.setdefault(key, Suite(*key, item.module.__doc__ or "", Counter()))
            suite.tests[item.originalname] += 1
    write(Path(session.config.option.write_docs), list(suites.values()))
