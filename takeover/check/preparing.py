"""From a file to what can be run: read, a world made around it, probes worked out, what no Envoy takes left out."""

import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.check.conduct import Conduct
from takeover.check.derive import Bounds, probes
from takeover.check.given import read
from takeover.check.given.requests import Requests, read_requests
from takeover.check.given.secrets import Cleaner, secrets_of
from takeover.check.given.unknown import for_envoys
from takeover.check.records import Given, Resource, World
from takeover.check.refused import Refusals, not_coming_up, refusals
from takeover.check.rejected import Number, Verdict, told, verdict
from takeover.check.unable import leave_out
from takeover.check.without import every, less, needing, served, without
from takeover.check.world import build
from takeover.check.world.clients import have_clients_at
from takeover.model.checked import LeftOut
from takeover.model.document import ConfigResult
from takeover.model.release import Release
from takeover.probes.probe_file import FILE
from takeover.scenario.library import Library

_MOST_REASONS = 3
_MOST_LEFT_OUT = 20
"""Resources; what takes more is compared by what Envoys say of the whole alone."""
_MOST_TOLD = 20
"""Lines, and messages of one error; what more there are is counted."""


@dataclass(frozen=True)
class Wanted:
    """What was asked for.

    Args:
        file: the configuration.
        files: files that it names: path there → file here.
        requests: a file with requests of one's own.
    """

    file: Path
    files: Mapping[str, Path] = field(default_factory=dict)
    requests: Path | None = None
    bounds: Bounds = field(default_factory=Bounds)


@dataclass(frozen=True)
class _Taken:
    """What will be run.

    Args:
        given: as much of what was given as is run, in its `world`.
        first: what each Envoy makes of the whole.
        unable: the Envoys that take nothing of it, and why.
    """

    given: Given
    world: World
    first: dict[str, ConfigResult]
    left_out: list[LeftOut]
    unable: Mapping[str, str] = field(default_factory=dict)


def prepare(wanted: Wanted, folder: Path, releases: Sequence[Release], tell: Callable[[str], None]) -> Conduct:
    """Makes the folder of the only scenario of the library `folder`, whole with its probes.

    Args:
        releases: those that will run it.
        tell: takes a line for the user.

    Raises: BadInputError, one line, for what cannot be read, or of which no world can be made.
    """
    with _redacting(Cleaner()):  # what else is a secret, only who has read it knows
        whole = for_envoys(read(wanted.file, wanted.files), [each.path for each in releases])
        own = read_requests(wanted.requests) if wanted.requests is not None else Requests(asked=())
    redacted = Cleaner(*secrets_of(whole, own.asked))
    with _redacting(redacted):
        taken = _taken(whole, folder, releases, lambda line: tell(redacted(line)))
        world = taken.world
        derived = probes(taken.given, world, wanted.bounds, own.asked, redacted)
    derived = replace(derived, left_out={**derived.left_out, **own.left_out})
    if not derived.targets:
        reasons = [*world.unreached.values(), *derived.unasked.values()] or [_without_listeners(taken.given)]
        why = "; ".join(dict.fromkeys(reasons[:_MOST_REASONS]))
        raise BadInputError(f"{display_path(wanted.file)}: there is nothing to probe: {why}")
    (world.scenario / FILE).write_text(derived.text, encoding="utf-8")
    have_clients_at(world, derived.sources)
    tell(f"{len(derived.targets)} probes on each Envoy")
    return Conduct(taken.given, world, derived, taken.first, taken.left_out, taken.unable, redacted)


def _without_listeners(given: Given) -> str:
    """Why there is nothing that a probe could reach, and what to give."""
    if given.kind == "config dump":
        return "the dump has no listener: give all that /config_dump?include_eds answers"
    return "it has no listener"


@contextlib.contextmanager
def _redacting(redacted: Callable[[str], str]) -> Iterator[None]:
    """Within it, what is wrong is said without what may be a secret."""
    try:
        yield
    except BadInputError as error:
        raise BadInputError(redacted(str(error))) from None


def _taken(given: Given, folder: Path, releases: Sequence[Release], tell: Callable[[str], None]) -> _Taken:
    """As much of it as all the Envoys take.

    Where too much would be left out, all of it stays: then no probe is made on those that do not take it.

    Raises: BadInputError for one that none takes.
    """
    left_out: list[LeftOut] = []
    first: dict[str, ConfigResult] = {}
    rest = given
    while True:
        world = _built(rest, folder)
        verdicts = _verdicts(folder, rest, releases)
        first = first or {name: each.taken for name, each in verdicts.items()}
        culprits: dict[Number, list[str]] = {}
        for name, found in verdicts.items():
            if found.culprit is not None:
                culprits.setdefault(found.culprit, []).append(name)
        if not culprits:
            verdicts = _confirmed(verdicts, rest, folder, releases, tell)
            first = first if left_out else {name: each.taken for name, each in verdicts.items()}
            unable = _not_starting(given, verdicts, world, releases)
            for name, why in unable.items():
                tell(f"Envoy {name} takes nothing of it: {why}")
            able = [each for each in releases if each.name not in unable]
            unasked = {name for name, each in verdicts.items() if not each.is_of_all}
            if refused := refusals(Library(folder), rest, able, unasked, tell):
                rest = _without_refused(rest, refused, first, left_out, tell)
                world = _built(rest, folder)
                unable = _not_starting(given, verdicts, world, releases)
            return _Taken(rest, world, first, left_out, unable)
        gone: set[Number] = set()
        for culprit, names in culprits.items():
            with_it = [culprit, *(each for each in needing(rest, culprit) if each not in gone)]
            left_out.append(_left_out(rest, with_it, names, verdicts[names[0]]))
            gone.update(with_it)
        if len(left_out) > _MOST_LEFT_OUT or all(("listeners", number) in gone for number in _listeners(rest)):
            if not any(each.loads for each in first.values()):
                raise _taken_by_none(left_out[0].where, left_out[0].message, world)
            world = _built(given, folder)
            unable = leave_out(world, first, releases)
            for name, why in unable.items():
                tell(f"Envoy {name} takes nothing of it: {why}")
            return _Taken(given, world, first, [], unable)
        for each in left_out[-len(culprits) :]:
            tell(_told(each))
        rest = without(rest, gone)


def _confirmed(
    verdicts: Mapping[str, Verdict],
    given: Given,
    folder: Path,
    releases: Sequence[Release],
    tell: Callable[[str], None],
) -> dict[str, Verdict]:
    """The verdicts, but of Envoys that come up in the world: where they were asked was not all that is there."""
    doubtful = [each for each in releases if not verdicts[each.name].starts]
    down = not_coming_up(Library(folder), given, doubtful, tell)
    up = {each.name for each in doubtful} - down
    taken = {name: replace(each.taken, loads=True, error="") for name, each in verdicts.items() if name in up}
    return {name: Verdict(taken[name]) if name in up else each for name, each in verdicts.items()}


def _not_starting(
    given: Given, verdicts: Mapping[str, Verdict], world: World, releases: Sequence[Release]
) -> dict[str, str]:
    """Has no probe made on Envoys that do not start, and nothing tells what they do not take. Returns why.

    Raises: BadInputError where none starts.
    """
    if all(each.starts for each in verdicts.values()):
        return {}
    if not any(each.starts for each in verdicts.values()):
        told = next(iter(verdicts.values()))
        where = display_path(given.source) + (f":{told.line}" if told.line else "")
        raise _taken_by_none(where, told.taken.error, world)
    whole = {name: replace(each.taken, loads=each.starts) for name, each in verdicts.items()}
    return leave_out(world, whole, releases)


def _taken_by_none(where: str, message: str, world: World) -> BadInputError:
    gone = next((each for each in world.missing if each in message), "")
    return BadInputError(f"{where}: no Envoy takes it: {message}" + (f": give {gone} by --files" if gone else ""))


def _without_refused(
    given: Given,
    refused: Mapping[str, Refusals],
    first: dict[str, ConfigResult],
    left_out: list[LeftOut],
    tell: Callable[[str], None],
) -> Given:
    """Without what Envoys refuse of what is served to them, each told, and put down to what they make of the whole."""
    resources = served(given)
    gone = {key: resource for key, resource in resources.items() if any(key in each for each in refused.values())}
    for number, (key, resource) in enumerate(gone.items()):
        messages = {name: of_it[key] for name, of_it in refused.items() if key in of_it}
        message = next(iter(messages.values()))
        left_out.append(LeftOut(list(messages), [told(resource)], message, _where(resource, resource.place.line)))
        if number < _MOST_TOLD:
            tell(_told(left_out[-1]))
    if len(gone) > _MOST_TOLD:
        tell(f"and {len(gone) - _MOST_TOLD} more that were left out: the page has them")
    for name, of_it in refused.items():
        if of_it:
            said = [first[name].error, *dict.fromkeys(of_it[key] for key in gone if key in of_it)]
            first[name] = replace(first[name], loads=False, error=_listed(list(filter(None, said))))
    return less(given, gone.keys())


def _told(gone: LeftOut) -> str:
    at = f" ({gone.where})" if gone.where else ""
    return f"Envoy {', '.join(gone.envoys)} does not take {', '.join(gone.names)}: {gone.message}{at}"


def _listed(messages: Sequence[str]) -> str:
    more = len(messages) - _MOST_TOLD
    return "; ".join(messages[:_MOST_TOLD]) + (f"; and {more} more" if more > 0 else "")


def _listeners(given: Given) -> range:
    return range(len(every(given, "listeners")))


def _built(given: Given, folder: Path) -> World:
    scenario = folder / given.name
    shutil.rmtree(scenario, ignore_errors=True)
    return build(given, scenario)


def _verdicts(folder: Path, given: Given, releases: Sequence[Release]) -> dict[str, Verdict]:
    library = Library(folder)
    # One after the other: what reads manifests into records is not to be in several threads at once.
    return {each.name: verdict(each.path, library, given) for each in releases}


def _left_out(given: Given, numbers: Sequence[Number], names: list[str], of_first: Verdict) -> LeftOut:
    """Args: numbers: what is left out, first that which is not taken."""
    resources = [every(given, key)[number] for key, number in numbers]
    where = _where(resources[0], of_first.line or resources[0].place.line)
    return LeftOut(names, list(map(told, resources)), of_first.taken.error, where)


def _where(resource: Resource, line: int | None) -> str:
    return resource.place.file if line is None else f"{resource.place.file}:{line}"
