"""What commands print."""

import sys


def write(*lines: str) -> None:
    """Prints the lines at once: whoever waits for a command sees how far it is."""
    sys.stdout.write("".join(f"{each}\n" for each in lines))
    sys.stdout.flush()
