"""The engine for a kind cluster that the run makes itself: pytest-kind's cluster class under the kubernetes engine."""
