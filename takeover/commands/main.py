"""The console command `takeover`: its subcommands by name."""

import argparse
import sys

from takeover.commands import clean
from takeover.errors import TakeoverError


def main(arguments: list[str] | None = None) -> int:
    """Runs the subcommand that the arguments name. Returns the exit code; usage errors exit with 2."""
    parser = argparse.ArgumentParser(prog="takeover", description="What belongs to the suites but is no run of them.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    clean.configure(commands.add_parser("clean", help=clean.DESCRIPTION))
    options = parser.parse_args(arguments)
    try:
        return clean.run(options)
    except TakeoverError as error:
        sys.stderr.write(f"takeover {options.command}: {error}\n")
        return 2
