"""Differences on the page, over the published results of three Envoys."""

import functools

from takeover.compare.comparison import compare
from takeover.compare.kinds import failing
from takeover.report.compared import Compared, views
from takeover.report.index import index
from takeover.scenario.library import Library
from takeover.store import documents as store
from tests.report.conftest import ROOT

PATHS = {version: ROOT / "reports" / store.PUBLISHED / f"{version}.json" for version in ("1.36.4", "1.37.0", "1.40.0")}


def test_without_what_is_not_shown_the_same_is_shown() -> None:
    compared = Compared(
        compare({name: functools.partial(store.read, path) for name, path in PATHS.items()}), failing(None)
    )
    whole = [store.read(path) for path in PATHS.values()]
    kept = [compared.without_what_is_not_shown(store.read(path)) for path in PATHS.values()]

    assert views(compared, kept) == views(compared, whole)
    assert 0 < sum(len(each.probes) for each in kept) < sum(len(each.probes) for each in whole) / 4


def test_the_page_says_how_much_was_compared_and_which_envoys_have_it() -> None:
    partly = store.read(PATHS["1.40.0"])
    partly.probes = partly.probes[:10]
    documents = {"1.36.4": store.read(PATHS["1.36.4"]), "1.37.0": store.read(PATHS["1.37.0"]), "1.40.0": partly}
    comparison = compare({name: lambda name=name: documents[name] for name in documents})  # type: ignore[misc]
    page = index(Library.bundled(), list(documents.values()), [], Compared(comparison, failing(None)))
    assert "of 898 tests and probes compared: 898 in 1.37.0, 134 in 1.40.0." in page
    assert "in 1.37.0, not in 1.36.4, not compared in 1.40.0<" in page
