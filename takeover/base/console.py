"""What commands print."""

import sys

from takeover.base.visible import visible


def write(*lines: str) -> None:
    """Prints the lines at once, whoever's text is in them: whoever waits for a command sees how far it is."""
    sys.stdout.write("".join(f"{visible(each)}\n" for each in lines))
    sys.stdout.flush()
