"""The plugins of this project: what `--engine`, `--envoy` and the fixtures of the suites are."""

import pytest

pytest.register_assert_rewrite("takeover.evidence.verdicts")  # a verdict that fails shows what was seen instead

pytest_plugins = [
    "fixtures.options",
    "fixtures.scenes",
    "fixtures.docs",
    "fixtures.subject",
    "fixtures.states",
    "fixtures.sabotage",
    "fixtures.probes",
    "fixtures.workers",
    "fixtures.results",
    "fixtures.differences",
    "fixtures.evidence",
    "fixtures.failure",
    "fixtures.report",
    "fixtures.live",
    "fixtures.annotations",
    "fixtures.keep",
    "fixtures.interrupt",
]
