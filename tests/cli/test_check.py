"""The options of `takeover check`."""

import argparse

from takeover.check.derive import Bounds
from takeover.cli import check


def test_the_help_tells_the_bound_that_is_there_without_one() -> None:
    parser = argparse.ArgumentParser()
    check.configure(parser)

    # The command does not import what knows it until it runs: that takes long.
    assert f"at most so many probes of a route (default: {Bounds().probes_per_route})" in " ".join(
        parser.format_help().split()
    )
