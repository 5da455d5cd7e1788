"""The differences as lines for people: one line each, what hurts most first, what is merely new counted."""

import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

from takeover.base.visible import visible_line
from takeover.compare.comparison import Comparison, Difference, Place
from takeover.compare.gathering import as_one, gathered, too_many
from takeover.compare.hidden import by_rule, remark
from takeover.compare.kinds import BY_NAME
from takeover.compare.since import since

_LONGEST_VALUE = 60
_LONGEST_DETAIL = 160
_LONGEST_HIDDEN = 300
_CONTEXT = 20
_NAMED = 8


def listing(comparison: Comparison, failing: Iterable[str], everything: bool = False) -> Iterator[str]:
    """The lines of a listing.

    Args:
        failing: the kinds that fail.
        everything: whether what is merely counted has lines of its own, too, and each of those that changed alike.
    """
    failing = frozenset(failing)
    listed, only_counted = (comparison.differences, []) if everything else comparison.told_and_counted(failing)
    in_lines = [*listed, *(each.difference for each in comparison.unstable)]
    kind_width = max((len(each.kind) for each in in_lines), default=0)
    failures = {each.id for each in comparison.failing(failing)}
    lines = [[each] for each in listed] if everything else gathered(listed, failures)
    folded = set() if everything else too_many(lines, failing)
    for kind, of_kind in itertools.groupby(lines, lambda alike: alike[0].kind):
        if kind in folded:
            yield f"  {kind:<{kind_width}}  {_counted([each for alike in of_kind for each in alike])}"
        else:
            yield from _of_kind(comparison, map(as_one, of_kind), failures, kind_width)
    in_one = ["those of a scenario that changed alike in one line"] if len(lines) < len(listed) else []
    in_one += ["those of a kind that fails nothing in one line where they are many"] if folded else []
    if in_one:
        yield f"  {len(listed)} differences, {', '.join(in_one)} ({_all(comparison)}: each)"
    if counted := Counter(each.kind for each in only_counted):
        told = ", ".join(f"{counted[name]} {name}" for name in BY_NAME if counted[name])
        yield f"  only counted: {told} ({_all(comparison)} lists them)"
    if comparison.unstable:
        yield "  unstable, so no difference between versions:"
        yield from _unstable(comparison, kind_width, everything)
    if hiding := [each for each in comparison.hidden if each.differing]:
        yield "  hidden by rules of normalisation, and always the same on one Envoy alone:"
        yield from (f"  {_short(remark(each), _LONGEST_HIDDEN)}" for each in hiding)
    if comparison.hidden:
        yield f"  texts made the same by rules of normalisation: {by_rule(comparison.hidden)}"
    yield from (f"  {each}" for each in comparison.remarks)
    yield summary(comparison, failing)


def _of_kind(
    comparison: Comparison, differences: Iterable[Difference], failures: Collection[str], kind_width: int
) -> Iterator[str]:
    for each in differences:
        mark = "!" if each.id in failures else " "
        yield f"{mark} {each.kind:<{kind_width}}  {each.id}  {line(comparison, each)}"
        if each.accepted:
            yield f"  {'':<{kind_width}}  accepted: {each.accepted}"
        elif details := [place.detail for place in each.places if place.detail]:
            yield f"  {'':<{kind_width}}  {_short(details[0], _LONGEST_DETAIL)}"


def _unstable(comparison: Comparison, kind_width: int, everything: bool) -> Iterator[str]:
    folded = set() if everything else too_many([[each.difference] for each in comparison.unstable], ())
    for kind, of_kind in itertools.groupby(comparison.unstable, lambda each: each.difference.kind):
        if kind in folded:
            yield f"~ {kind:<{kind_width}}  {_counted([each.difference for each in of_kind])}"
            continue
        for unstable in of_kind:
            found = unstable.difference
            yield f"~ {found.kind:<{kind_width}}  {found.id}  {line(comparison, found)} {unstable.share}"
    if folded:
        yield f"  those of a kind in one line where they are many ({_all(comparison)}: each)"


def _counted(differences: Sequence[Difference]) -> str:
    """How many there are, and in which scenarios the most."""
    found = Counter(name for each in differences for name in each.scenarios if name)
    if not found:
        return f"{len(differences)} differences"
    most = [f"{name} {count}" for name, count in sorted(found.items(), key=lambda each: (-each[1], each[0]))]
    more = f", … ({len(most) - _NAMED} more)" if len(most) > _NAMED else ""
    return f"{len(differences)} differences: {', '.join(most[:_NAMED])}{more}"


def _all(comparison: Comparison) -> str:
    return f"takeover compare {comparison.results} --all"


def line(comparison: Comparison, difference: Difference) -> str:
    """Scenario, probe, what it was, what it is, and which Envoys have it."""
    where = _where(difference.places)
    was, now = values(difference.was, difference.now)
    what = f"{difference.what}: {was} → {now}"
    return f"{where}{': ' if where else ''}{what}  ({since(comparison, difference)})"


def summary(comparison: Comparison, failing: Iterable[str]) -> str:
    """One line: how many, how many are accepted, of how many that were compared, how many fail."""
    count = len(comparison.differences)
    accepted = sum(bool(each.accepted) for each in comparison.differences)
    fails = len(comparison.failing(failing))
    told = nothing_compared(comparison)
    if not told:
        told = f"{count or 'no'} difference{'s' * (count > 1)} from {comparison.baseline}"
        told += f" in {', '.join(comparison.looked_at)}"
    told += f", {accepted} accepted" if accepted else ""
    told += f", {len(comparison.unstable)} unstable" if comparison.unstable else ""
    told += f"; {extent(comparison)}"
    return told + (f"; {fails} of a kind in --fail-on (marked !)" if fails else "")


def nothing_compared(comparison: Comparison) -> str:
    """That no two of them could be compared at all; empty where they could."""
    if comparison.looked_at:
        return ""
    return f"nothing was compared: no test and no probe ended both in {comparison.baseline} and in another Envoy"


def extent(comparison: Comparison) -> str:
    """How much was compared: "no difference" says nothing of the rest."""
    counts = comparison.compared
    if len(set(counts.values())) == 1:
        return f"{next(iter(counts.values()))} of {comparison.total} tests and probes compared"
    told = ", ".join(f"{count} in {name}" for name, count in counts.items())
    return f"of {comparison.total} tests and probes compared: {told}"


def values(was: str | None, now: str | None) -> tuple[str, str]:
    """Both on one line, long ones from shortly before where they begin to differ; what is not there is "nothing"."""
    if was and now and max(len(was), len(now)) > _LONGEST_VALUE:
        same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(was, now, strict=False))
        begin = sum(1 for _ in same) - _CONTEXT
        if begin > _CONTEXT:
            was, now = f"…{was[begin:]}", f"…{now[begin:]}"
    return _value(was), _value(now)


def _value(text: str | None) -> str:
    if text is None:
        return "nothing"
    return _short(text, _LONGEST_VALUE) if text else '""'


def _short(text: str, longest: int) -> str:
    """`text` on one line, with what cannot be printed written out: it may well be what differs."""
    told = visible_line(text)
    return told if len(told) <= longest else f"{told[: longest - 1]}…"


def _where(places: list[Place]) -> str:
    scenarios = list(dict.fromkeys(place.scenario for place in places if place.scenario))
    probes = list(dict.fromkeys(place.probe for place in places))
    if not scenarios:
        return probes[0] if probes != [""] else ""
    if len(places) == 1:
        return f"{scenarios[0]} {probes[0]}"
    scenario = scenarios[0] if len(scenarios) == 1 else f"{len(scenarios)} scenarios"
    made = "tests" if all("::" in each for each in probes) else "probes"
    probe = probes[0] if len(probes) == 1 else f"{len(places)} {made}"
    return f"{scenario}, {probe}"
