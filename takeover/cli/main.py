"""The console command `takeover`: its subcommands by name."""

import argparse
import importlib
import importlib.metadata
import itertools
import sys
from typing import Protocol, cast

from takeover.base.errors import BadInputError, TakeoverError


class _Command(Protocol):
    """What a module of this package offers."""

    DESCRIPTION: str

    def configure(self, parser: argparse.ArgumentParser, /) -> None: ...
    def run(self, options: argparse.Namespace, /) -> int: ...


_PACKAGE = "envoy-takeover"
_COMMANDS = (
    "check",
    "clean",
    "compare",
    "control-plane",
    "explain",
    "matrix",
    "new",
    "paths",
    "publish",
    "reach",
    "reference",
    "schema",
)


def main(arguments: list[str] | None = None) -> int:
    """Runs the subcommand that the arguments name. Returns the exit code; usage errors exit with 2."""
    given = sys.argv[1:] if arguments is None else arguments
    first = argparse.ArgumentParser("takeover", add_help=False)
    first.add_argument(
        "-p",
        action="append",
        dest="extensions",
        metavar="MODULE",
        help="import this module first: it registers kinds, engines, sources of your own (as pytest -p does)",
    )
    before = list(itertools.takewhile(lambda each: each not in _COMMANDS, given))
    try:
        _import_extensions(first, before)
    except TakeoverError as error:
        sys.stderr.write(f"takeover: {error}\n")
        return 2
    description = "What belongs to the suites but is no run of them."
    parser = argparse.ArgumentParser(prog="takeover", description=description, parents=[first])
    parser.add_argument("--version", action="version", version=f"envoy-takeover {importlib.metadata.version(_PACKAGE)}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    told = _COMMANDS if {"-h", "--help"} & set(before) else [each for each in _COMMANDS if each in given]
    for name in _COMMANDS:
        if name in told:
            command = _command(name)
            command.configure(commands.add_parser(name, help=command.DESCRIPTION))
        else:
            commands.add_parser(name)
    options = parser.parse_args(given)
    try:
        return _command(options.command).run(options)
    except TakeoverError as error:
        sys.stderr.write(f"takeover {options.command}: {error}\n")
        return 2


def _command(name: str) -> _Command:
    """That subcommand's module. Only what is run or told of is imported: some need half a second for it."""
    return cast("_Command", importlib.import_module(f"takeover.cli.{name.replace('-', '_')}"))


def _import_extensions(parser: argparse.ArgumentParser, before: list[str]) -> None:
    """Imports what comes before the subcommand, whose options may depend on it. Raises: BadInputError."""
    sys.path.insert(0, "")  # as `python -m` does it
    for name in parser.parse_known_args(before)[0].extensions or []:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise BadInputError(f"-p {name}: {error}") from error
