"""What commands print."""

import sys

from takeover.base.visible import visible, visible_json


def write(*lines: str) -> None:
    """Prints the lines at once, whoever's text is in them: whoever waits for a command sees how far it is."""
    sys.stdout.write("".join(f"{visible(each)}\n" for each in lines))
    sys.stdout.flush()


def write_json(data: bytes) -> None:
    """Prints JSON, whoever's text is in it: a line that every JSON reader takes."""
    sys.stdout.write(f"{visible_json(data.decode())}\n")
    sys.stdout.flush()
