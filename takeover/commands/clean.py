"""`takeover clean`: finds what dead runs left on a cluster, shows it, and deletes it."""

import argparse
import asyncio
import re
import sys
from datetime import timedelta

from takeover.errors import TakeoverError

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    parser.description = "Finds what dead runs left on a cluster, shows it, and deletes it."
    parser.add_argument("--kube-context", metavar="NAME", help="the kubeconfig's context (default: its current one)")
    parser.add_argument("--kubeconfig", metavar="FILE", help="default: $KUBECONFIG, else ~/.kube/config")
    parser.add_argument(
        "--older-than",
        type=_age,
        default=timedelta(hours=1),
        metavar="AGE",
        help="age (30s, 10m, 1h, 2d) from which runs of other hosts count as dead (default: 1h); "
        "a run of this host does when its process is gone",
    )
    parser.add_argument("--yes", action="store_true", help="delete without asking")


def run(options: argparse.Namespace) -> int:
    """Runs it. Returns the exit code: 0, or 1 when there is something that was not deleted."""
    return asyncio.run(_clean(options))


async def _clean(options: argparse.Namespace) -> int:
    from takeover.engines.kubernetes import kubeconfig, leftovers
    from takeover.engines.kubernetes.api import Api

    api = Api(kubeconfig.find(options.kubeconfig, options.kube_context))
    try:
        await api.open()
        found = await leftovers.find(api, options.older_than)
        if not found:
            _say(f"nothing left of dead runs at {api.server}")
            return 0
        _say(f"left of dead runs at {api.server}:")
        for each in found:
            age = timedelta(seconds=int(each.age.total_seconds()))
            _say(f"  {each.namespace}  ({each.scenario}, {age} old: {each.why})")
        if not options.yes and not _asked(len(found)):
            _say("nothing deleted (--yes deletes without asking)")
            return 1
        await leftovers.delete(api, found)
        _say(f"deleted {len(found)} namespaces")
        return 0
    finally:
        await api.close()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _asked(count: int) -> bool:
    if not sys.stdin.isatty():
        return False
    return input(f"delete these {count} namespaces? [y/N] ").strip().lower() in ("y", "yes")


def _age(text: str) -> timedelta:
    match = re.fullmatch(r"(\d+)([smhd])", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is no age: write a number and s, m, h or d, for instance 1h")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def main(arguments: list[str] | None = None) -> int:
    """The command by itself. Returns the exit code; usage errors exit with 2."""
    parser = argparse.ArgumentParser(prog="takeover clean")
    configure(parser)
    options = parser.parse_args(arguments)
    try:
        return run(options)
    except TakeoverError as error:
        sys.stderr.write(f"takeover clean: {error}\n")
        return 2
