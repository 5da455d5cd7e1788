"""`takeover reach`: how much of an Envoy the probed configurations reach."""

import argparse
import contextlib
import sys
import time
from collections.abc import Callable

from takeover.base import console
from takeover.base.errors import BadInputError
from takeover.base.visible import visible
from takeover.cli.results import add_reports, add_scenarios, library_of
from takeover.engines import choose
from takeover.engines.choose import EngineOptions
from takeover.envoy.releases import resolve_one
from takeover.model.json import encode
from takeover.model.release import Release

DESCRIPTION = "Says how much of an Envoy the probed configurations reach: extensions, fields, runtime guards."
_MINUTES = 60.0
_WORKERS = 2
_OF_PROOFS = ("on", "anew", "within", "workers")
"""The options that say how proofs are made."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    parser.description = DESCRIPTION
    parser.add_argument("--envoy", metavar="VERSION", help="as for ./run; one alone (default: the pinned one)")
    add_scenarios(parser)
    add_reports(parser)
    parser.add_argument("--missing", action="store_true", help="names what is not reached, too")
    parser.add_argument("--json", action="store_true", help="prints all that is known, as JSON")
    parser.add_argument(
        "--prove",
        action="store_true",
        help="takes each extension out of which nothing is proved yet, and keeps in REPORTS/reach which ones show",
    )
    parser.add_argument(
        "--guards",
        action="store_true",
        help="turns each runtime guard over that nothing has shown yet, and keeps in REPORTS/reach which ones show",
    )
    parser.add_argument(
        "--on",
        action="append",
        default=[],
        metavar="PATTERN",
        help="only on groups whose SCENARIO/GROUP is so (* stands for anything; may be repeated)",
    )
    parser.add_argument("--anew", action="store_true", help="forgets what was found before; with --on, by these groups")
    parser.add_argument("--within", type=_minutes, metavar="MINUTES", help="how long it may take (default: 60)")
    parser.add_argument("--workers", type=_number, metavar="N", help="groups at once (default: 2)")


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of minutes")
    return minutes


def _number(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 64:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 64")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Runs it. Returns the exit code. Raises: TakeoverError."""
    # With all of xds-protos that is asked for: no other command needs that.
    from takeover.reach.listing import lines
    from takeover.reach.reach import reach_of

    tell = _beside if options.json else console.write
    _check(options)
    release = resolve_one(options.envoy, tell)
    if options.prove or options.guards:
        _prove(options, release, tell)
    found = reach_of(library_of(options), release, options.reports)
    if options.json:
        console.write_json(encode(found))
    else:
        console.write(*lines(found, options.missing))
    return 0


def _beside(line: str) -> None:
    """Tells a line where it is no part of JSON: what there was no time for, and what could not be tried."""
    sys.stderr.write(f"{visible(line)}\n")


def _check(options: argparse.Namespace) -> None:
    """Raises: BadInputError for options of what is not asked for."""
    without_effect = [each for each in _OF_PROOFS if getattr(options, each)]
    if without_effect and not (options.prove or options.guards):
        named = ", ".join(f"--{each}" for each in without_effect)
        raise BadInputError(f"nothing is tried without --prove or --guards: give one of them, or leave out {named}")


def _prove(options: argparse.Namespace, release: Release, tell: Callable[[str], None]) -> None:
    """Makes what proofs are asked for, and keeps them."""
    from takeover.reach.proofs import Proving
    from takeover.reach.proving import prove
    from takeover.reach.turning import turn_over

    within = options.within or _MINUTES
    library, until, workers = library_of(options), time.monotonic() + 60 * within, options.workers or _WORKERS
    with contextlib.closing(choose.engine(EngineOptions("local", {}), [release], tell)) as engine:
        how = Proving(engine, release, library, options.reports, until, workers, options.anew, tell, options.on)
        for is_wanted, make, of in ((options.prove, prove, "extensions"), (options.guards, turn_over, "groups")):
            if is_wanted and (left := make(how)):
                tell(f"no time for {len(left)} {of} (--within {within:g}): {', '.join(left)}")
