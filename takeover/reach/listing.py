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
    yield from _of_all_messages(reach.all_messages, with_missing)
    yield ""
    yield from _of_guards(reach, with_missing)


def _of_extensions(extensions: Sequence[ExtensionReach], with_missing: bool) -> Iterator[str]:
    by_category: dict[str, list[ExtensionReach]] = {}
    for each in extensions:
        by_category.setdefault(each.category, []).append(each)
    width = max(map(len, [*by_category, "extensions, by category"]))
    yield f"{'extensions, by category':{width}}   all  left out  configured  proven"
    for category, listed in sorted(by_category.items()):
        yield f"{category:{width}} {_counted(listed)}"
        if with_missing:
            for each in listed:
                name = each.extension.partition("/")[2]
                if each.state == "absent":
                    yield f"  - {name}"
                elif each.state == "configured":
                    yield f"  - {name}: only configured{f': {each.why}' if each.why else ''}"
    yield f"{'all':{width}} {_counted(extensions)}"
    yield ""
    states = Counter(each.state for each in extensions)
    left_out = Counter(each.why for each in extensions if each.state == "left-out")
    counting = len(extensions) - left_out.total()
    configured = states["configured"] + states["proven"]
    together = sum(each.how.startswith("with its") for each in extensions)
    yield f"in some probed configuration: {configured} of {counting} extensions ({share(configured, counting)})"
    yield (
        f"proven, some probe shows that it is taken out: {states['proven']} ({share(states['proven'], counting)}), "
        f"{together} of them together with what holds it; takeover reach --prove tries the others"
    )
    yield f"left out: {left_out.total()} of all {len(extensions)}:"
    yield from (f"  {number:4} {why}" for why, number in left_out.most_common())


def _counted(extensions: Sequence[ExtensionReach]) -> str:
    states = Counter(each.state for each in extensions)
    numbers = [states["left-out"], states["configured"] + states["proven"], states["proven"]]
    return f"{len(extensions):5} " + " ".join(
        f"{number or '-':>{width}}" for number, width in zip(numbers, (9, 11, 7), strict=True)
    )


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


def _of_all_messages(messages: Sequence[MessageReach], with_missing: bool) -> Iterator[str]:
    there, total = sum(len(each.set) for each in messages), sum(each.total for each in messages)
    yield (
        f"of all {len(messages)} messages that stand in some probed configuration: "
        f"{there} of {total} fields ({share(there, total)})"
    )
    if with_missing:
        yield from (f"  - {each.message}: {', '.join(each.missing)}" for each in messages if each.missing)


def _of_guards(reach: Reach, with_missing: bool) -> Iterator[str]:
    if not reach.guards:
        yield "no runtime guard was turned over yet: takeover reach --guards does"
        return
    shown = [each for each in reach.guards if each.seen is not None]
    left_out = Counter(each.why for each in reach.guards if each.why)
    counting = len(reach.guards) - left_out.total()
    yield (
        f"shown by some probe when turned over alone: {len(shown)} of {counting} runtime guards "
        f"({share(len(shown), counting)}); tried on {reach.guards_tried} of {reach.groups} groups"
    )
    if left_out:
        yield f"left out: {left_out.total()} of all {len(reach.guards)}:"
        yield from (f"  {number:4} {why}" for why, number in left_out.most_common())
    for each in shown:
        seen = each.seen
        assert seen is not None
        group = seen.group.partition("/")[0]
        yield f"  {each.guard} {str(each.value).lower()}: {group} {seen.probe}: {seen.kind}: {seen.what}"
    if with_missing:
        yield "shown by none:"
        yield from (f"  - {each.guard}" for each in reach.guards if each.seen is None and not each.why)


def share(part: int, whole: int) -> str:
    """So many of so many, in percent."""
    return f"{100 * part / whole:.1f} %" if whole else "none"
