"""The plugins of this project: what `--engine`, `--envoy` and the fixtures of the suites are."""

import pytest

pytest.register_assert_rewrite(
    "takeover.suite.verdicts", "fixtures.verdicts"
)  # a verdict that fails shows what was seen instead

pytest_plugins = [
    "takeover.run.options",
    "takeover.run.scenes",
    "takeover.run.docs",
    "takeover.run.subject",
    "takeover.run.states",
    "takeover.run.sabotage",
    "takeover.run.probes",
    "takeover.run.workers",
    "takeover.run.results",
    "takeover.run.differences",
    "takeover.run.evidence",
    "takeover.run.failure",
    "takeover.run.report",
    "takeover.run.live",
    "takeover.run.annotations",
    "takeover.run.keep",
    "takeover.run.interrupt",
]
