"""The reach as lines of text."""

from collections import Counter
from collections.abc import Iterator, Sequence

from takeover.reach.fields import MessageReach
from takeover.reach.reach import ExtensionReach, Reach


def lines(reach: Reach, with_missing: bool) -> Iterator[str]:
    """What is reached, by category and message, and as a whole.

    Args:
        with_missing: whether what is not reached is named.
    """
    yield f"Envoy {reach.envoy}: {reach.probes} probes in {reach.groups} groups"
    yield ""
    yield from _of_extensions(reach.extensions, with_missing)
    yield ""
    yield from _of_fields(reach.messages, with_missing)


def _of_extensions(extensions: Sequence[ExtensionReach], with_missing: bool) -> Iterator[str]:
    by_category: dict[str, list[ExtensionReach]] = {}
    for each in extensions:
        by_category.setdefault(each.category, []).append(each)
    width = max(map(len, [*by_category, "extensions, by category"]))
    yield f"{'extensions, by category':{width}}   all  left out  configured"
    for category, listed in sorted(by_category.items()):
        yield f"{category:{width}} {_counted(listed)}"
        if with_missing:
            yield from (f"  - {each.extension.partition('/')[2]}" for each in listed if each.state == "absent")
    yield f"{'all':{width}} {_counted(extensions)}"
    yield ""
    configured = sum(each.state == "configured" for each in extensions)
    left_out = Counter(each.why for each in extensions if each.state == "left-out")
    counting = len(extensions) - left_out.total()
    yield f"in some probed configuration: {configured} of {counting} extensions ({share(configured, counting)})"
    yield f"left out: {left_out.total()} of all {len(extensions)}:"
    yield from (f"  {number:4} {why}" for why, number in left_out.most_common())


def _counted(extensions: Sequence[ExtensionReach]) -> str:
    states = Counter(each.state for each in extensions)
    return f"{len(extensions):5} {states['left-out'] or '-':>9} {states['configured'] or '-':>11}"


def _of_fields(messages: Sequence[MessageReach], with_missing: bool) -> Iterator[str]:
    width = max(len(each.short) for each in messages)
    yield f"{'fields, by message':{width}}   all   set  deprecated (not counted)"
    for each in messages:
        deprecated = f"  {len(each.deprecated)}, {len(each.set_deprecated)} of them set" if each.deprecated else ""
        yield f"{each.short:{width}} {each.total:5} {len(each.set):5}{deprecated}"
        if with_missing:
            yield from (f"  - {name}" for name in each.missing)
        if each.unknown:
            yield f"  set, and unknown to xds-protos: {', '.join(each.unknown)}"
    there, total = sum(len(each.set) for each in messages), sum(each.total for each in messages)
    yield f"{'all':{width}} {total:5} {there:5}"
    yield ""
    unknown = sum(len(each.unknown) for each in messages)
    yield f"set by some probed configuration: {there} of {total} fields ({share(there, total)})"
    yield f"set, and unknown to xds-protos: {unknown}"


def share(part: int, whole: int) -> str:
    """So many of so many, in percent."""
    return f"{100 * part / whole:.1f} %" if whole else "none"
