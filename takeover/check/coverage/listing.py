"""Coverage as people read it in a terminal: a table, then what was not reached, each with the reason."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import get_args

from takeover.check.coverage.reasons import is_said_of, listed
from takeover.check.records import Derived
from takeover.model.checked import ConfigPart, PartKind

_MOST_TOLD = 20
_TITLE = "reached by probes"
_KINDS: tuple[PartKind, ...] = get_args(PartKind)


def listing(
    found: Mapping[str, Sequence[ConfigPart]], derived: Derived, places: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    """The lines.

    Args:
        found: for each Envoy the parts of the configuration.
        places: where each part stands, by its id.
    """
    if not found:
        return
    kinds = [kind for kind in _KINDS if any(each.kind == kind for parts in found.values() for each in parts)]
    cells = {name: [_share(parts, kind) for kind in kinds] for name, parts in found.items()}
    widths = {name: max(map(len, (name, *shares))) for name, shares in cells.items()}
    first = max(map(len, (_TITLE, *map(_plural, kinds))))
    yield f"{_TITLE:<{first}}  " + "  ".join(f"{name:>{widths[name]}}" for name in found)
    for number, kind in enumerate(kinds):
        yield f"{_plural(kind):<{first}}  " + "  ".join(f"{cells[name][number]:>{widths[name]}}" for name in found)
    yield from _unreached(found)
    yield from _unasked(found, derived, places)
    for bound, number in derived.left_out.items():
        yield f"not probed, by {bound}: {number} more probes"


def _plural(kind: str) -> str:
    return f"{kind}s"


def _share(parts: Iterable[ConfigPart], kind: PartKind) -> str:
    of_kind = [each for each in parts if each.kind == kind]
    return f"{sum(each.probes > 0 for each in of_kind)} of {len(of_kind)}"


def _unreached(found: Mapping[str, Sequence[ConfigPart]]) -> Iterator[str]:
    """A line for each part, and for each reason of it: Envoys mostly have the same; so have clusters, in one line."""
    reasons: dict[tuple[str, str], list[str]] = {}
    within: set[tuple[str, str]] = set()
    clusters: dict[str, str] = {}
    for name, parts in found.items():
        for each in parts:
            if each.probes:
                continue
            within.add((name, each.id))
            if each.kind == "cluster":
                clusters[each.id] = each.name
            if (name, each.within) not in within:  # what stands in a part that was not reached is not, either
                names = reasons.setdefault((each.id, each.why), [])
                if name not in names:  # chains may have one and the same name
                    names.append(name)
    lines: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (part, why), envoys in reasons.items():  # a mesh has dozens of clusters that nothing names
        lines.setdefault(("" if part in clusters else part, why, tuple(envoys)), []).append(part)
    for (_, why, on), ids in list(lines.items())[:_MOST_TOLD]:
        where = "" if len(on) == len(found) else f" on {', '.join(on)}"
        part = ids[0] if len(ids) == 1 else f"clusters {listed([clusters[each] for each in ids])}"
        yield f"not reached{where}: {part}: {why}"
    if (more := sum(map(len, list(lines.values())[_MOST_TOLD:]))) > 0:
        yield f"and {more} more that were not reached: the page has them"


def _unasked(
    found: Mapping[str, Sequence[ConfigPart]], derived: Derived, places: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    """A line for each condition or feature that no probe aims at, unless a part that was not reached says it."""
    told: dict[str, set[str]] = {}
    for each in (each for parts in found.values() for each in parts if not each.probes):
        told.setdefault(each.why, set()).update(places.get(each.id, ()))
    listeners = (each for parts in found.values() for each in parts if each.kind == "listener" and each.probes)
    by_others = {place for each in listeners for place in (each.name, *places.get(each.id, ()))}
    more = [
        (place, why)
        for place, why in derived.unasked.items()
        if place not in by_others and not any(is_said_of(path, place) for path in told.get(why, ()))
    ]
    for place, why in more[:_MOST_TOLD]:
        yield f"not asked: {place}: {why}"
    if (number := len(more) - _MOST_TOLD) > 0:
        yield f"and {number} more that were not asked: the page has them"
