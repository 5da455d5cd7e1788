"""reports/README.md says how little of Envoy is looked at, in the numbers of the published results."""

import re
from collections import Counter
from pathlib import Path

from takeover.compare.observations import general
from takeover.store import documents as store

REPORTS = Path(__file__).parents[2] / "reports"


def test_the_numbers_are_those_of_the_published_results() -> None:
    told = " ".join((REPORTS / "README.md").read_text().split())
    document = store.read(REPORTS / store.PUBLISHED / "1.40.0.json")
    assert document.binary is not None
    known = set(map(general, document.binary.stats))
    moved = {general(name) for each in document.probes for name in each.observation.stats}
    spoken = Counter(each.request.protocol for each in document.probes)
    for expected in (
        f"these {len(document.tests)} tests, {len(document.probes)} probes",
        f"the {len(document.binary.extensions)} extensions that 1.40.0 holds",
        f"{len(moved & known)} of the {len(known)} statistics",
        f"{spoken['http1']} probes speak HTTP/1, {spoken['http2']} HTTP/2 without TLS, {spoken['tcp']} plain TCP",
    ):
        assert expected in told
    assert not re.search(r"changes nothing|no difference at all", told)
