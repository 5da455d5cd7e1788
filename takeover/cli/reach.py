"""`takeover reach`: how much of an Envoy the probed configurations reach."""

import argparse

from takeover.base import console
from takeover.base.errors import BadInputError
from takeover.cli.results import add_scenarios, library_of
from takeover.envoy.releases import resolve
from takeover.model.json import encode
from takeover.model.release import Release

DESCRIPTION = "Says how much of an Envoy the probed configurations reach: its extensions, fields of its main messages."


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    parser.description = DESCRIPTION
    parser.add_argument("--envoy", metavar="VERSION", help="as for ./run; one alone (default: the pinned one)")
    add_scenarios(parser)
    parser.add_argument("--missing", action="store_true", help="names what is not reached, too")
    parser.add_argument("--json", action="store_true", help="prints all that is known, as JSON")


def run(options: argparse.Namespace) -> int:
    """Runs it. Returns the exit code. Raises: TakeoverError."""
    from takeover.reach.listing import lines  # with all of xds-protos that is asked for: no other command needs it
    from takeover.reach.reach import reach_of

    found = reach_of(library_of(options), _release(options.envoy))
    if options.json:
        console.write(encode(found).decode())
    else:
        console.write(*lines(found, options.missing))
    return 0


def _release(selection: str | None) -> Release:
    releases = resolve(selection, console.write)
    if len(releases) != 1:
        raise BadInputError(f"--envoy {selection}: name one Envoy: it selects {len(releases)}")
    return releases[0]
