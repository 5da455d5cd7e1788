"""From a file to what can be run: read, a world made around it, probes worked out, what no Envoy takes left out."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from takeover.base.errors import BadInputError
from takeover.base.paths import display_path
from takeover.check.conduct import Conduct
from takeover.check.derive import Bounds, probes
from takeover.check.given import read
from takeover.check.given.requests import Requests, read_requests
from takeover.check.given.secrets import Cleaner, secret_values
from takeover.check.given.unknown import for_envoys
from takeover.check.records import Given, World
from takeover.check.rejected import Number, Verdict, told, verdict
from takeover.check.without import static, without
from takeover.check.world import build
from takeover.model.checked import LeftOut
from takeover.model.document import ConfigResult
from takeover.model.release import Release
from takeover.probes.probe_file import FILE
from takeover.scenario.library import Library

_MOST_REASONS = 3
_MOST_LEFT_OUT = 20
"""Resources; what takes more is compared by what Envoys say of the whole alone."""


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


def prepare(wanted: Wanted, folder: Path, releases: Sequence[Release], tell: Callable[[str], None]) -> Conduct:
    """Makes the folder of the only scenario of the library `folder`, whole with its probes.

    Args:
        releases: those that will run it.
        tell: takes a line for the user.

    Raises: BadInputError, one line, for what cannot be read, or of which no world can be made.
    """
    whole = for_envoys(read(wanted.file, wanted.files), [each.path for each in releases])
    own = read_requests(wanted.requests) if wanted.requests is not None else Requests(asked=())
    redacted = Cleaner(secret_values(whole, own.asked))
    given, world, first, left_out = _taken(whole, folder, releases, lambda line: tell(redacted(line)))
    derived = probes(given, world, wanted.bounds, own.asked)
    derived = replace(derived, left_out={**derived.left_out, **own.left_out})
    if not derived.targets:
        why = "; ".join([*world.unreached.values(), *derived.unasked.values()][:_MOST_REASONS])
        raise BadInputError(f"{display_path(wanted.file)}: there is nothing to probe" + (f": {why}" if why else ""))
    (world.scenario / FILE).write_text(derived.text, encoding="utf-8")
    tell(f"{len(derived.targets)} probes on each Envoy")
    return Conduct(given, world, derived, first, left_out, redacted)


def _taken(
    given: Given, folder: Path, releases: Sequence[Release], tell: Callable[[str], None]
) -> tuple[Given, World, dict[str, ConfigResult], list[LeftOut]]:
    """As much of it as all the Envoys take; what each makes of the whole; what was left out."""
    left_out: list[LeftOut] = []
    first: dict[str, ConfigResult] = {}
    while True:
        world = _built(given, folder)
        verdicts = _verdicts(folder, given, releases)
        first = first or {name: each.taken for name, each in verdicts.items()}
        culprits: dict[Number, list[str]] = {}
        for name, each in verdicts.items():
            if each.culprit is not None:
                culprits.setdefault(each.culprit, []).append(name)
        if not culprits or len(left_out) + len(culprits) > _MOST_LEFT_OUT:
            return given, world, first, left_out
        for culprit, names in culprits.items():
            left_out.append(_left_out(given, culprit, names, verdicts[names[0]]))
            tell(f"Envoy {', '.join(names)} does not take {', '.join(left_out[-1].names)}: {left_out[-1].message}")
        given = without(given, culprits.keys())


def _built(given: Given, folder: Path) -> World:
    scenario = folder / given.name
    shutil.rmtree(scenario, ignore_errors=True)
    return build(given, scenario)


def _verdicts(folder: Path, given: Given, releases: Sequence[Release]) -> dict[str, Verdict]:
    library = Library(folder)
    # One after the other: what reads manifests into records is not to be in several threads at once.
    return {each.name: verdict(each.path, library, given) for each in releases}


def _left_out(given: Given, culprit: Number, names: list[str], of_first: Verdict) -> LeftOut:
    key, number = culprit
    resource = static(given, key)[number]
    line = of_first.line or resource.place.line
    where = resource.place.file if line is None else f"{resource.place.file}:{line}"
    return LeftOut(names, [told(resource)], of_first.taken.error, where)
