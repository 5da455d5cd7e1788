"""`takeover check`: somebody's own configuration on several Envoys, and what differs."""

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from takeover.base import console
from takeover.base.errors import BadInputError, TakeoverError
from takeover.compare.accepted import DEFAULT
from takeover.model.release import Release

DESCRIPTION = "Shows what a newer Envoy does otherwise with a configuration of yours."


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    parser.description = (
        f"{DESCRIPTION} Makes a world around it on this machine, works out probes, makes them on each Envoy, and says "
        "what they reached. Exits with 1 when a difference of a kind in --fail-on is not accepted, or a probe could "
        "not be made, with 2 for bad input, else with 0."
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="a bootstrap (YAML, JSON, text proto) or a config dump")
    parser.add_argument(
        "--envoy",
        metavar="[NAME=]VERSION|latest|github:VERSION|image:REFERENCE|PATH[,…]|all",
        help="the Envoys; the others are compared with the first (default: the version that is installed)",
    )
    parser.add_argument(
        "--files",
        action="append",
        default=[],
        metavar="PATH=LOCAL",
        help="a file or folder that the configuration names, and where it is here; may be given several times",
    )
    parser.add_argument(
        "--requests",
        type=Path,
        metavar="FILE",
        help="requests of yours, made besides: probes, curl lines, a HAR, or an access log in lines of JSON",
    )
    parser.add_argument(
        "--probes-per-route", type=int, metavar="N", help="at most so many probes of a route (default: 20)"
    )
    parser.add_argument(
        "--within", type=float, metavar="SECONDS", help="at most as many probes as take about so long on one Envoy"
    )
    parser.add_argument("--show", metavar="ID", help="at the end, show one difference in full, and how to see it again")
    parser.add_argument(
        "--explain",
        metavar="ID",
        help="at the end, find the runtime guard of the second of two Envoys that brings the old behaviour back",
    )
    parser.add_argument(
        "--fail-on",
        metavar="KIND[,KIND…]|all|none",
        help="the kinds of differences that fail (takeover compare --help lists them)",
    )
    parser.add_argument(
        "--accepted",
        type=Path,
        metavar="FILE",
        help=f"the differences that you accept, each with a reason (default: {DEFAULT}, here, if there)",
    )
    parser.add_argument("--junitxml", type=Path, metavar="FILE", help="write what failed as JUnit's XML, too")
    parser.add_argument(
        "--reports", type=Path, default=Path("reports"), metavar="DIR", help="where results are left (default: reports)"
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help="after the probes, hold what runs, print how to enter it, and end at Ctrl-C; its files stay",
    )


def run(options: argparse.Namespace) -> int:
    """Runs it. Returns the exit code. Raises: TakeoverError."""
    # What reads configurations and makes worlds is slow to import, and no other command needs it.
    from takeover.check.derive import Bounds
    from takeover.check.preparing import Wanted, prepare
    from takeover.check.redacting import redacting_output
    from takeover.check.running import Options
    from takeover.check.running import run as run_check
    from takeover.check.temporary import temporary_folder
    from takeover.compare.accepted import read_accepted
    from takeover.compare.kinds import failing
    from takeover.envoy.releases import resolve
    from takeover.store.documents import check as check_reports

    for name, number in (("--within", options.within), ("--probes-per-route", options.probes_per_route)):
        if number is not None and not 0 < number < math.inf:
            raise BadInputError(f"{name} {number:g}: give a number of more than 0")
    bounds = Bounds(within=options.within)
    if options.probes_per_route is not None:
        bounds = Bounds(within=options.within, probes_per_route=options.probes_per_route)
    failing(options.fail_on)
    accepted = options.accepted or next((each for each in (Path(DEFAULT),) if each.is_file()), None)
    read_accepted(accepted, Path.cwd())
    releases = resolve(options.envoy, console.write)
    if options.explain is not None and len(releases) != 2:
        raise BadInputError(
            f"--explain {options.explain}: give two Envoys, the old one and the new one: --envoy OLD,NEW"
        )
    check_reports(options.reports)
    wanted = Wanted(options.file, _files(options.files), options.requests, bounds)
    with temporary_folder("takeover-check-", keep=options.keep) as folder:
        conduct = prepare(wanted, folder, releases, console.write)
        console.write(*map(conduct.redacted, conduct.told()))
        code = run_check(
            conduct,
            Options(
                envoy=",".join(f"{each.name}={each.path}" for each in releases),
                number=len(releases),
                reports=options.reports,
                keep=options.keep,
                fail_on=options.fail_on,
                accepted=accepted,
                junitxml=options.junitxml,
                extensions=options.extensions or (),
            ),
        )
        ran = code in (0, 1)
        if options.explain is not None and ran:
            with redacting_output(conduct.redacted):
                try:
                    _explain(options, folder, releases, conduct.redacted)
                except TakeoverError as error:  # what the run itself found stays, and is kept and shown
                    sys.stderr.write(f"takeover check: --explain {options.explain}: {error}\n")
                    code = code or 2
    if options.keep:
        console.write(
            f"kept in {folder}, with what may be a secret: the configuration as it ran, probes; remove it then"
        )
    if options.show is not None and ran:
        _show(options, [each.name for each in releases])
    return code


def _files(given: list[str]) -> dict[str, Path]:
    """Path that the configuration names → file here. Raises: BadInputError."""
    files = {}
    for each in given:
        there, separator, here = each.partition("=")
        if not separator or not there or not here:
            raise BadInputError(f"--files {each}: give it as PATH=LOCAL, for instance /etc/envoy=./envoy-files")
        files[there] = Path(here)
    return files


def _show(options: argparse.Namespace, names: list[str]) -> None:
    """One difference in full, as `takeover compare --show` has it."""
    from takeover.cli import compare

    parser = argparse.ArgumentParser()
    compare.configure(parser)
    given = [*_results(options, names), "--show", options.show, "--reports", str(options.reports)]
    compare.run(parser.parse_args(given))


def _explain(
    options: argparse.Namespace, folder: Path, releases: Sequence[Release], redacted: Callable[[str], str]
) -> None:
    """What `takeover explain` finds, as long as the folder of the check is there. Raises: TakeoverError."""
    from takeover.cli import explain

    parser = argparse.ArgumentParser()
    explain.configure(parser)
    given = [options.explain, *_results(options, [each.name for each in releases])]
    given += ["--scenarios", str(folder), "--reports", str(options.reports)]
    given += ["--envoy", f"{releases[-1].name}={releases[-1].path}"]
    explain.explain(parser.parse_args(given), redacted)


def _results(options: argparse.Namespace, names: Sequence[str]) -> list[str]:
    """The files that this run has left."""
    return [str(options.reports / "latest/results" / f"{each}.json") for each in names]
