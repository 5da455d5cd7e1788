"""What several Envoys do alike in a probe is no difference between any two of them: observations without it."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from msgspec import UNSET
from msgspec.structs import replace

from takeover.compare.breakdowns import of
from takeover.compare.observations import observation_changes
from takeover.model.document import Observation

_Value = TypeVar("_Value")
_NOTHING = Observation(status=None)
# What is told of an answer is its status and end, whatever they are.
_LEFT_OUT = (
    "reason", "protocol", "headers", "body", "interim", "trailers", "log", "gauges", "upstream",
    "stream_end", "frames", "streams", "messages", "tls", "others",
)  # fmt: skip


def without_alike(seen: Sequence[Observation]) -> list[Observation]:
    """Observations of one probe, without what is the same in all: any two of them differ in just what they differed in.

    What became of the answer, its status, how its connection ended and that an Envoy broke down stay in any case.
    """
    short = [_shortened(each, seen) for each in seen]
    for (was, short_was), (now, short_now) in itertools.permutations(zip(seen, short, strict=True), 2):
        if [*observation_changes(was, now)] != [*observation_changes(short_was, short_now)]:
            return list(seen)
    return short


def _shortened(observation: Observation, among: Sequence[Observation]) -> Observation:
    left: dict[str, Any] = {"stats": _entries_apart(observation.stats, [each.stats for each in among])}
    if observation.gauges is not UNSET and all(each.gauges is not UNSET for each in among):
        left["gauges"] = _entries_apart(observation.gauges, [each.gauges or {} for each in among])
    if _all_equal([len(each.log) for each in among]):
        left["log"] = _rows_apart(observation.log, [each.log for each in among])
    if observation.upstream is not UNSET and _all_equal([len(each.upstream or ()) for each in among]):
        left["upstream"] = _rows_apart(observation.upstream, [each.upstream or [] for each in among])
    everywhere = Counter(among[0].warnings)
    for each in among:
        everywhere &= Counter(each.warnings)
    left["warnings"] = list((Counter(observation.warnings) - everywhere).elements())
    if broken := of(observation):
        left["breakdown"] = replace(broken, log=[])  # another one in each run, and compared with none
    for name in _LEFT_OUT:
        if _all_equal([getattr(each, name) for each in among]):
            left[name] = getattr(_NOTHING, name)
    return replace(observation, **left)


def _rows_apart(rows: list[dict[str, Any]], among: Sequence[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [_entries_apart(row, [each[number] for each in among]) for number, row in enumerate(rows)]


def _entries_apart(entries: dict[str, _Value], among: Sequence[Mapping[str, _Value]]) -> dict[str, _Value]:
    """The entries that not all have, or not with that value."""
    return {
        name: value for name, value in entries.items() if any(name not in each or each[name] != value for each in among)
    }


def _all_equal(values: Sequence[Any]) -> bool:
    return all(each == values[0] for each in values)
