"""The console command `takeover`: its subcommands by name."""

import argparse
import sys
from typing import Protocol

from takeover.base.errors import TakeoverError
from takeover.cli import clean, compare, explain, matrix, paths, publish, schema


class _Command(Protocol):
    """What a module of this package offers."""

    DESCRIPTION: str

    def configure(self, parser: argparse.ArgumentParser, /) -> None: ...
    def run(self, options: argparse.Namespace, /) -> int: ...


_COMMANDS: dict[str, _Command] = {
    "clean": clean,
    "compare": compare,
    "explain": explain,
    "matrix": matrix,
    "paths": paths,
    "publish": publish,
    "schema": schema,
}


def main(arguments: list[str] | None = None) -> int:
    """Runs the subcommand that the arguments name. Returns the exit code; usage errors exit with 2."""
    parser = argparse.ArgumentParser(prog="takeover", description="What belongs to the suites but is no run of them.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in _COMMANDS.items():
        command.configure(commands.add_parser(name, help=command.DESCRIPTION))
    options = parser.parse_args(arguments)
    try:
        return _COMMANDS[options.command].run(options)
    except TakeoverError as error:
        sys.stderr.write(f"takeover {options.command}: {error}\n")
        return 2
