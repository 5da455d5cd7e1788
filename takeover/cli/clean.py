"""`takeover clean`: finds what dead runs left, on a cluster or as a kind cluster, shows it, and deletes it.

With `--cache` it empties the cache instead: fetched Envoys, and the root file systems of the local engine.
"""

import argparse
import asyncio
import re
import sys
from collections.abc import Sequence
from datetime import timedelta

from takeover.base import cache, console
from takeover.base.cache import bytes_on_disk, cache_folder
from takeover.base.errors import BadInputError
from takeover.engines.kind import cluster as kind
from takeover.engines.kind import ownership

DESCRIPTION = "Finds what dead runs left on a cluster, and the kind clusters that they left; shows and deletes it."

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    parser.description = DESCRIPTION
    parser.add_argument("--kube-context", metavar="NAME", help="the kubeconfig's context (default: its current one)")
    parser.add_argument("--kubeconfig", metavar="FILE", help="default: $KUBECONFIG, else ~/.kube/config")
    parser.add_argument(
        "--older-than",
        type=_age,
        default=timedelta(hours=1),
        metavar="AGE",
        help="time (10m, 1h, 2d) without a sign of life after which runs of other hosts count as dead (default: 1h, at "
        "least 5m: a living run gives one each minute); a run of this host does when its process is gone",
    )
    parser.add_argument(
        "--cache",
        action="store_true",
        help=f"empty {cache_folder()} instead, where fetched Envoys and the containers' root file system are kept",
    )
    parser.add_argument("--yes", action="store_true", help="delete without asking")


def run(options: argparse.Namespace) -> int:
    """Runs it. Returns the exit code: 0, or 1 when there is something that was not deleted.

    Raises: TakeoverError.
    """
    if options.cache:
        return _empty_cache(options)
    kind_code = _clean_kind(options)
    try:
        return max(kind_code, asyncio.run(_clean_namespaces(options)))
    except BadInputError as error:
        # Who has had only kind clusters has no other cluster to look at.
        if options.kube_context or options.kubeconfig or not ownership.was_used():
            raise
        console.write(f"looked at no cluster but kind's: {error}")
        return kind_code


def _empty_cache(options: argparse.Namespace) -> int:
    from takeover.engines.local import root_file_system
    from takeover.envoy import kept

    size = bytes_on_disk(cache_folder())
    console.write(f"cache: {cache_folder()}, {size / 1e6:.0f} MB")
    if not size or not _agreed(options, "empty it?"):
        return 1 if size else 0
    left = []
    with cache.writing():
        try:
            kept.forget()
        except BlockingIOError:
            left.append("the Envoys: a run is fetching one")
        try:
            left += [f"{each}: a run uses it" for each in root_file_system.forget()]
        except BlockingIOError:
            left.append("the root file systems: a run is building one")
    for each in left:
        console.write(f"left {each}")
    console.write(f"now {bytes_on_disk(cache_folder()) / 1e6:.0f} MB")
    return 1 if left else 0


def _clean_kind(options: argparse.Namespace) -> int:
    try:
        found = kind.leftovers()
    except BadInputError as error:
        console.write(f"cannot tell whether a dead run left a kind cluster: {error}")
        return 1
    agreed = bool(found) and _shown_and_agreed(options, "kind clusters", found, "this machine")
    for name in found if agreed else []:
        if kind.delete_leftover(name):
            console.write(f"deleted kind cluster {name}")
        else:
            console.write(f"left kind cluster {name}: it is another one by now, which no run made")
    return 0 if agreed or not found else 1


async def _clean_namespaces(options: argparse.Namespace) -> int:
    from takeover.engines.kubernetes import kubeconfig, leftovers
    from takeover.engines.kubernetes.api import Api

    api = Api(kubeconfig.find(options.kubeconfig, options.kube_context))
    try:
        await api.open()
        found = await leftovers.find(api, options.older_than)
        lines = [
            f"{each.namespace}  ({each.scenario}, {timedelta(seconds=int(each.age.total_seconds()))} old: {each.why}"
            f"{each.held_by and '; ' + each.held_by})"
            for each in found
        ]
        agreed = _shown_and_agreed(options, "namespaces", lines, api.server)
        if agreed:
            await leftovers.delete(api, found)
            console.write(f"deleted {len(found)} namespaces")
        return 0 if agreed or not found else 1
    finally:
        await api.close()


def _shown_and_agreed(options: argparse.Namespace, what: str, lines: Sequence[str], where: str) -> bool:
    if not lines:
        console.write(f"no {what} left of dead runs at {where}")
        return False
    console.write(f"{what} left of dead runs at {where}:")
    for line in lines:
        console.write(f"  {line}")
    return _agreed(options, f"delete these {len(lines)} {what}?")


def _agreed(options: argparse.Namespace, question: str) -> bool:
    if options.yes:
        return True
    if sys.stdin.isatty() and _answer(f"{question} [y/N] ").strip().lower() in ("y", "yes"):
        return True
    console.write("nothing deleted (--yes deletes without asking)")
    return False


def _answer(question: str) -> str:
    """What somebody types; nothing for Ctrl-D."""
    try:
        return input(question)
    except EOFError:
        console.write("")  # the question's line is not ended
        return ""


def _age(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,9})([smhd])", text)  # of more digits no timedelta can be made
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is no age: write a number and s, m, h or d, for instance 1h")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
