"""The console command `takeover`: its subcommands by name."""

import argparse
import importlib
import importlib.metadata
import sys
from typing import Protocol

from takeover.base.errors import BadInputError, TakeoverError
from takeover.cli import (
    check,
    clean,
    compare,
    control_plane,
    explain,
    matrix,
    new,
    paths,
    publish,
    reach,
    reference,
    schema,
)


class _Command(Protocol):
    """What a module of this package offers."""

    DESCRIPTION: str

    def configure(self, parser: argparse.ArgumentParser, /) -> None: ...
    def run(self, options: argparse.Namespace, /) -> int: ...


_PACKAGE = "envoy-takeover"
_COMMANDS: dict[str, _Command] = {
    "check": check,
    "clean": clean,
    "compare": compare,
    "control-plane": control_plane,
    "explain": explain,
    "matrix": matrix,
    "new": new,
    "paths": paths,
    "publish": publish,
    "reach": reach,
    "reference": reference,
    "schema": schema,
}


def main(arguments: list[str] | None = None) -> int:
    """Runs the subcommand that the arguments name. Returns the exit code; usage errors exit with 2."""
    given = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="takeover", description="What belongs to the suites but is no run of them.")
    parser.add_argument("--version", action="version", version=f"envoy-takeover {importlib.metadata.version(_PACKAGE)}")
    parser.add_argument(
        "-p",
        action="append",
        dest="extensions",
        metavar="MODULE",
        help="import this module first: it registers kinds, engines, sources of your own (as pytest -p does)",
    )
    try:
        _import_extensions(parser, given)
    except TakeoverError as error:
        sys.stderr.write(f"takeover: {error}\n")
        return 2
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in _COMMANDS.items():
        command.configure(commands.add_parser(name, help=command.DESCRIPTION))
    options = parser.parse_args(given)
    try:
        return _COMMANDS[options.command].run(options)
    except TakeoverError as error:
        sys.stderr.write(f"takeover {options.command}: {error}\n")
        return 2


def _import_extensions(parser: argparse.ArgumentParser, given: list[str]) -> None:
    """Imports what comes before the subcommand, whose options may depend on it. Raises: BadInputError."""
    first = next((place for place, each in enumerate(given) if each in _COMMANDS), len(given))
    sys.path.insert(0, "")  # as `python -m` does it
    for name in parser.parse_known_args(given[:first])[0].extensions or []:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise BadInputError(f"-p {name}: {error}") from error
