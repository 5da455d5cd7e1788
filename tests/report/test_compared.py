"""Differences on the page, over the published results of three Envoys."""

import functools

from takeover.compare.comparison import compare
from takeover.compare.kinds import failing
from takeover.report.compared import Compared, views
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
