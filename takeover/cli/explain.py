"""`takeover explain`: which runtime guard of the new Envoy brings the old behaviour of a probe back."""

import argparse
import contextlib
from collections.abc import Callable, Iterator, Sequence

import yaml
from msgspec import UNSET

from takeover.base import console
from takeover.base.errors import BadInputError, TakeoverError
from takeover.cli.results import add_reports, add_scenarios, chosen, compared, library_of, taken, to_compare
from takeover.compare.comparison import Difference, Place
from takeover.compare.documents import moving_stats
from takeover.compare.listing import line, values
from takeover.compare.observations import ObservedChange, observation_changes
from takeover.compare.remarks import configured_by
from takeover.engines import choose
from takeover.engines.choose import EngineOptions
from takeover.envoy.releases import resolve
from takeover.explain.attempt import LAYER, Attempt, Settings
from takeover.explain.explaining import Explaining
from takeover.explain.explanation import Explanation, in_full, listed
from takeover.inventory.guards import guards
from takeover.model.document import Document, Observation
from takeover.model.release import Release
from takeover.model.versions import is_version
from takeover.probes.observing import NotObservedError
from takeover.scenario.loader import Scenario
from takeover.scenario.runtime_layers import ADMIN, FIELD, layer, layers_of
from takeover.store import documents as store

DESCRIPTION = "Finds the runtime guard of a newer Envoy that brings the old behaviour back."
_NAMED = 10
"""So many of what differs besides are told."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    parser.description = (
        f"{DESCRIPTION} Runs the probe on this machine with guards set to false, then to true, some to either, and "
        "what it finds several times. Exits with 0 when some bring it back, with 1 when none does."
    )
    parser.add_argument("id", metavar="ID", help="the difference, as takeover compare OLD NEW lists it")
    parser.add_argument("old", metavar="OLD", help="results, as for takeover compare")
    parser.add_argument("new", metavar="NEW", help="likewise; this Envoy is run")
    parser.add_argument("--envoy", metavar="NAME=ITEM", help="where NEW's binary is, if its name is no version")
    add_reports(parser)
    add_scenarios(parser)


def run(options: argparse.Namespace) -> int:
    """Runs it. Returns the exit code. Raises: TakeoverError."""
    return explain(options)


def explain(options: argparse.Namespace, redacted: Callable[[str], str] = str) -> int:
    """Likewise; `redacted` takes out of a text what may be a secret, as it was in the run that the results are of."""
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
    if old.delivery != new.delivery:
        raise BadInputError(
            f"{options.old} is configured by {configured_by(old)}, {options.new} by {configured_by(new)}: that, too, "
            "may be why they differ; run both Envoys with the same --delivery"
        )
    if difference.kind == "statistic-added":
        raise BadInputError(
            f"{difference.id}: {old.envoy.name} has no such statistic: no guard brings an old behaviour of it back"
        )
    place, before, after = _seen_in_a_probe(difference, old, new)
    if not new.envoy.sha256:
        raise BadInputError(
            f"the results of {options.new} are of an image (engine {new.engine}), whose guards nobody knows: run it "
            "with --engine local and --probes"
        )
    release = _release(options.envoy, new)
    # A run of a part of the probes has no inventory; the binary tells its guards itself.
    known = new.binary.guards if new.binary is not None else guards(release.path)
    if not known:
        raise BadInputError(f"{new.envoy.name} has no runtime guards that could bring an old behaviour back")
    console.write(line(comparison, difference), f"probe: {place.scenario} {place.probe}, on Envoy {release.name}")
    changed = next(
        (
            each
            for each in observation_changes(before, after)
            if (each.kind, each.what) == (difference.kind, difference.what)
        ),
        None,
    )
    if changed is None:
        raise BadInputError(f"{difference.id}: both Envoys do the same: there is no old behaviour to bring back")
    library = library_of(options, new.delivery or "static")
    with contextlib.closing(choose.engine(EngineOptions("local", {}), [release], console.write)) as engine:
        attempt = Attempt(engine, release, library, place.scenario, place.probe, redacted)
        try:
            found = Explaining(attempt, before, changed, lambda each: console.write(f"  {each}")).explain(known)
        except NotObservedError as error:
            raise TakeoverError(str(error)) from None
    if found.settings:
        console.write(*_told(found, changed, before, old))
        console.write(*_as_configured(library.scenario(place.scenario), found.settings, new))
        return 0
    console.write(*_none_told(found, old, new, known))
    return 1


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


def _release(given: str | None, new: Document) -> Release:
    """The binary that the results are of. Raises: BadInputError if it is another one, or nobody knows where it is."""
    name = new.envoy.name
    selection = given or name
    try:
        release, *others = resolve(selection, console.write)
    except BadInputError:
        if given is not None or is_version(name):
            raise
        raise BadInputError(
            f"{name} is a name of its own, and results do not tell where that Envoy is: give --envoy {name}=VERSION or "
            f"{name}=PATH"
        ) from None
    if others:
        raise BadInputError(f"--envoy {selection}: name one Envoy, the binary of the results of {new.envoy.name}")
    if release.sha256 != new.envoy.sha256:
        raise BadInputError(f"{release.path} is not the binary of the results ({new.envoy.name}): run the suites again")
    return release


def _told(found: Explanation, changed: ObservedChange, before: Observation, old: Document) -> Iterator[str]:
    """Which guards bring it back, by what is seen, and what they do besides."""
    assert found.with_them is not None
    shown = values(_value(before, found.without, changed), _value(before, found.with_them, changed))
    value, *another = set(found.settings.values())
    as_set = "them so" if another else f"it {str(value).lower()}"
    yield (
        f"{in_full(found.settings)} {'bring' if another else 'brings'} the old behaviour back "
        f"({found.deployments} deployments)"
    )
    yield f"  as it is:      {changed.what}: {shown[0]}"
    yield f"  with {f'{as_set}:':<9} {changed.what}: {shown[1]}"
    if found.besides:
        named = [f"{each.kind} {each.what}" if each.kind != each.what else each.kind for each in found.besides]
        more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
        yield f"with that, these are as with neither Envoy: {', '.join(named[:_NAMED])}{more}"
    if changed.kind in ("statistic", "gauge") and old.binary is None and changed.what not in moving_stats(old):
        yield f"whether {old.envoy.name} has that statistic at all is not known: its results have no inventory"
    for each in found.others:
        yield f"without that, {in_full(each)} does so, too"
    if found.not_proved:
        yield f"whether more of them do so, too, could not be proved: {found.not_proved}"


def _as_configured(scenario: Scenario, settings: Settings, results: Document) -> Iterator[str]:
    """What to write into the configs, beside the layers of runtime that they have."""
    files = dict.fromkeys(each.config for each in scenario.envoys)
    for file, layers in ((each, layers_of(scenario.config(each), each)) for each in files):
        called = file
        if results.checked is not UNSET:
            called = results.checked.file if results.checked.kind != "config dump" else "the bootstrap"
        last = layer(LAYER, settings, layers or ())
        written: object = {FIELD: {"layers": [last]}}
        how = f"add to {called}"
        if layers == [ADMIN]:  # it may be unsaid there
            written = {FIELD: {"layers": [*layers, last]}}
            how = f"write as the only {FIELD} of {called}"
        elif layers is not None:
            written = [last]
            how = f"append as the last entry of {FIELD}.layers in {called} (later layers win)"
        yield f"to keep the old behaviour as long as the guard is there, {how}:"
        yield from (f"  {each}" for each in yaml.safe_dump(written, sort_keys=False).splitlines())


def _none_told(found: Explanation, old: Document, new: Document, known: Sequence[str]) -> Iterator[str]:
    """That no guard does it, as far as they could be tried."""
    partly = found.not_tried or found.only_alone or not found.are_mixed
    told = (
        f"no guard brings the old behaviour back: neither false nor true does one of the {len(known)}, nor do two "
        f"together{', as far as they could be tried' if partly else ''}"
    )
    if old.binary is not None:
        told += f" ({len(set(old.binary.guards) - set(known))} guards of {old.envoy.name} are gone)"
    yield told
    if found.not_tried:
        yield f"could not be tried: {listed(found.not_tried)}"
    if found.only_alone:
        yield f"could be tried only alone: {listed(found.only_alone)}"
    if not found.are_mixed:
        yield "not all two could be tried of which one is false and one true"
    if old.binary is None:
        yield f"which guards of {old.envoy.name} are gone is not known: its results have no inventory"
    yield (
        f"an Envoy between {old.envoy.name} and {new.envoy.name} may still have one: name it in the place of "
        f"{new.envoy.name}"
    )


def _value(before: Observation, seen: Observation, changed: ObservedChange) -> str | None:
    """The aspect's value in `seen`: that of before, unless it changed."""
    for each in observation_changes(before, seen):
        if (each.kind, each.what) == (changed.kind, changed.what):
            return each.now
    return changed.was
