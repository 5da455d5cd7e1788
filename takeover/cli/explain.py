"""`takeover explain`: which runtime guard of the new Envoy brings the old behaviour of a probe back."""

import argparse
import contextlib
from collections.abc import Sequence

import yaml

from takeover.base import console
from takeover.base.errors import BadInputError, TakeoverError
from takeover.cli.results import add_reports, add_scenarios, chosen, compared, library_of, taken, to_compare
from takeover.compare.comparison import Difference, Place
from takeover.compare.listing import line, values
from takeover.compare.observations import ObservedChange, observation_changes
from takeover.engines import choose
from takeover.engines.choose import EngineOptions
from takeover.envoy.releases import resolve
from takeover.explain.attempt import Attempt
from takeover.explain.explaining import Explaining, Explanation, in_full
from takeover.inventory.guards import guards, runtime_of
from takeover.model.document import Document, Observation
from takeover.model.release import Release
from takeover.probes.observing import NotObservedError
from takeover.store import documents as store

DESCRIPTION = "Finds the runtime guard of a newer Envoy that brings the old behaviour back."


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    parser.description = (
        f"{DESCRIPTION} Runs the probe on this machine with guards set to false, then to true, some to either, and "
        "what it finds several times. Exits with 0 when some bring it back, with 1 when none does."
    )
    parser.add_argument("id", metavar="ID", help="the difference, as takeover compare OLD NEW lists it")
    parser.add_argument("old", metavar="OLD", help="results, as for takeover compare")
    parser.add_argument("new", metavar="NEW", help="likewise; this Envoy is run")
    parser.add_argument("--envoy", metavar="NAME=PATH", help="where NEW's binary is, if it is a build of your own")
    add_reports(parser)
    add_scenarios(parser)


def run(options: argparse.Namespace) -> int:
    """Runs it. Returns the exit code. Raises: TakeoverError."""
    results = to_compare([options.old, options.new], options.reports)
    console.write(*taken(results, options.reports))
    old, new = (store.read(each.path) for each in results.values())
    comparison = compared(
        {label: each.path for label, each in results.items()},
        dict(zip(results, (lambda: old, lambda: new), strict=True)),
        store.published_names(options.reports),
    )
    difference = chosen(comparison, options.id)
    if (unstable := comparison.unstable_of(difference)) is not None:
        raise BadInputError(f"{difference.id} is unstable ({unstable.share}): no guard could be proved to change it")
    place, before, after = _seen_in_a_probe(difference, old, new)
    if not new.envoy.sha256:
        raise BadInputError(
            f"the results of {options.new} are of an image (engine {new.engine}), whose guards nobody knows: run it "
            "with --engine local and --probes"
        )
    release = _release(options.envoy or new.envoy.name, new)
    # A run of a part of the probes has no inventory; the binary tells its guards itself.
    known = new.binary.guards if new.binary is not None else guards(release.path)
    if not known:
        raise BadInputError(f"{new.envoy.name} has no runtime guards that could bring an old behaviour back")
    console.write(line(comparison, difference), f"probe: {place.scenario} {place.probe}, on Envoy {release.name}")
    of_both = observation_changes(before, after)
    # Of two observations alone nobody can tell whether a statistic was there before it moved.
    kind = "statistic" if difference.kind == "statistic-added" else difference.kind
    changed = next((each for each in of_both if (each.kind, each.what) == (kind, difference.what)), None)
    if changed is None:
        raise BadInputError(f"{difference.id}: both Envoys do the same: there is no old behaviour to bring back")
    with contextlib.closing(choose.engine(EngineOptions("local", {}), [release], console.write)) as engine:
        attempt = Attempt(engine, release, library_of(options), place.scenario, place.probe)
        try:
            found = Explaining(attempt, before, changed, lambda each: console.write(f"  {each}")).explain(known)
        except NotObservedError as error:
            raise TakeoverError(str(error)) from None
    console.write(*_told(found, changed, before, old, new, known))
    return 0 if found.settings else 1


def _seen_in_a_probe(difference: Difference, old: Document, new: Document) -> tuple[Place, Observation, Observation]:
    """The first place where a probe saw it, and what it saw there. Raises: BadInputError if none did."""
    for place in difference.places:
        found = [
            each.observation
            for document in (old, new)
            for each in document.probes
            if (each.scenario, each.probe) == (place.scenario, place.probe)
        ]
        if len(found) == 2:
            return place, found[0], found[1]
    raise BadInputError(
        f"{difference.id} ({difference.kind}) was not seen in a probe: nothing could show a guard's effect"
    )


def _release(selection: str, new: Document) -> Release:
    """The binary that the results are of. Raises: BadInputError if it is another one."""
    release, *others = resolve(selection, console.write)
    if others:
        raise BadInputError(f"--envoy {selection}: name one Envoy, the binary of the results of {new.envoy.name}")
    if release.sha256 != new.envoy.sha256:
        raise BadInputError(f"{release.path} is not the binary of the results ({new.envoy.name}): run the suites again")
    return release


def _told(
    found: Explanation,
    changed: ObservedChange,
    before: Observation,
    old: Document,
    new: Document,
    known: Sequence[str],
) -> list[str]:
    if not found.settings:
        gone = len(set(old.binary.guards if old.binary else ()) - set(known))
        return [
            f"no guard brings the old behaviour back: neither false nor true does one of the {len(known)}, nor do two "
            f"together ({gone} guards of {old.envoy.name} are gone)",
            f"an Envoy between {old.envoy.name} and {new.envoy.name} may still have one: name it in the place of "
            f"{new.envoy.name}",
        ]
    assert found.with_them is not None
    shown = values(_value(before, found.without, changed), _value(before, found.with_them, changed))
    value, *another = set(found.settings.values())
    as_set = "them so" if another else f"it {str(value).lower()}"
    return [
        f"{in_full(found.settings)} {'bring' if another else 'brings'} the old behaviour back "
        f"({found.deployments} deployments)",
        f"  as it is:      {changed.what}: {shown[0]}",
        f"  with {f'{as_set}:':<9} {changed.what}: {shown[1]}",
        *(f"without that, {in_full(each)} does so, too" for each in found.others),
        "to keep the old behaviour as long as the guard is there, add to envoy.yaml:",
        *(f"  {each}" for each in yaml.safe_dump({"layered_runtime": runtime_of(found.settings)}).splitlines()),
    ]


def _value(before: Observation, seen: Observation, changed: ObservedChange) -> str | None:
    """The aspect's value in `seen`: that of before, unless it changed."""
    for each in observation_changes(before, seen):
        if (each.kind, each.what) == (changed.kind, changed.what):
            return each.now
    return changed.was
