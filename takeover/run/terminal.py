"""Lines of ours among pytest's own."""

import pytest

from takeover.base.visible import visible


def write(reporter: pytest.TerminalReporter, *lines: str) -> None:
    """Writes the lines, whoever's text is in them."""
    for line in lines:
        reporter.write_line(visible(line))
