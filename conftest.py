"""The plugins of this project: what `--engine`, `--envoy` and the fixtures of the suites are."""

pytest_plugins = ["fixtures.options", "fixtures.scenes", "fixtures.failure", "fixtures.keep"]
