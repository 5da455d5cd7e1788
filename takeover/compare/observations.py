"""What changed between two observations of the same probe."""

import functools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

from msgspec import UNSET

from takeover.compare import breakdowns, tls
from takeover.compare.kinds import SECURITY_HEADERS
from takeover.model.document import Observation, StreamAnswer
from takeover.model.json import encode

# An application's answer that tells what it saw: "key: value" lines.
_TOLD = re.compile(r"(?:[\w-]+:(?: [^\n]*)?\n)+")
UPSTREAM = "upstream"
"""The kind of what is otherwise there."""

_ROUTE_FIELDS = ("filter_chain", "route", "upstream_cluster", "upstream_host")
_OF_ENVOY = re.compile(r" \(\S+/\S+\)$")  # of several
_ENDING = ("RST_STREAM ", "GOAWAY ", "close ")
# What a scenario calls its listeners, filters and clusters does not tell two changes apart.
_OWNERS = (
    (re.compile(r"^listener\.[^.]+(?:\.\d+){3}_\d+\."), "listener.*."),
    (re.compile(r"^(listener|cluster|http|tcp|vhost)\.[^.]+\."), r"\1.*."),
    (re.compile(r"^[^.]+\.(http_local_rate_limit|ext_authz|local_rate_limit)\."), r"*.\1."),
)


@dataclass(frozen=True)
class ObservedChange:
    """One change of what was seen: its kind, of what, what it was and what it is (None: nothing)."""

    kind: str
    what: str
    was: str | None
    now: str | None


def observation_changes(
    was: Observation, now: Observation, known_stats: AbstractSet[str] = frozenset()
) -> Iterator[ObservedChange]:
    """The changes from `was` to `now`; of one under which an Envoy broke down nothing but that can be compared.

    Args:
        known_stats: statistics that the old binary has, whether or not they moved, by their general names: an old
            counter that moves at another cluster is not new. Empty if that was not asked.
    """
    if broken := breakdowns.change("", "", breakdowns.of(was), breakdowns.of(now)):
        if broken.was != broken.now:
            yield ObservedChange(broken.kind, broken.what, broken.was, broken.now)
        return
    if (was.status is None) != (now.status is None):
        yield ObservedChange("connection", "answer", _answer(was), _answer(now))
    else:
        yield from _answer_changes(was, now)
        if was.end != now.end:
            yield ObservedChange("connection", "end", was.end, now.end)
        yield from _frame_changes(was, now)
    for name, before, after in tls.tls_changes(was.tls, now.tls):
        yield ObservedChange(tls.KIND, name, before or None, after or None)
    for number, (old, new) in enumerate(zip(was.others or [], now.others or [], strict=False), 1):
        if old != new:
            yield ObservedChange("connection", f"connection {number} of those before", str(old), str(new))
    if was.upstream is not UNSET and now.upstream is not UNSET:
        yield from _upstream_changes(was.upstream, now.upstream)
    yield from _log_changes(was.log, now.log)
    yield from _stat_changes(was.stats, now.stats, known_stats)
    if was.gauges is not UNSET and now.gauges is not UNSET:
        yield from _gauge_changes(was.gauges, now.gauges, known_stats)
    yield from warning_changes(was.warnings, now.warnings)


def _answer(seen: Observation) -> str:
    return f"none ({seen.end})" if seen.status is None else f"{seen.status} ({seen.end})"


def _answer_changes(was: Observation, now: Observation) -> Iterator[ObservedChange]:
    if was.status != now.status:
        yield ObservedChange("status", "status", str(was.status), str(now.status))
    if was.interim != now.interim:
        yield ObservedChange("status", "answers before (1xx)", _json(was.interim), _json(now.interim))
    if was.protocol != now.protocol:
        yield ObservedChange("connection", "protocol", was.protocol, now.protocol)
    if was.reason != now.reason and was.status == now.status:  # a phrase follows its status
        yield ObservedChange("header", "reason phrase", was.reason, now.reason)
    yield from _header_changes("header", was.headers, now.headers, was.body != now.body)
    yield from _header_changes("trailer", was.trailers, now.trailers)
    if was.body != now.body:
        yield from _body_changes(was.body, now.body)


def _frame_changes(was: Observation, now: Observation) -> Iterator[ObservedChange]:
    """Of what both observations tell: one that is of before a field was there differs in nothing by it."""
    if was.stream_end and now.stream_end and was.stream_end != now.stream_end:
        yield ObservedChange("connection", "the stream's end", was.stream_end, now.stream_end)
    if was.frames is not UNSET and now.frames is not UNSET and was.frames != now.frames:
        yield from _other_frames(was.frames, now.frames)
    if was.messages is not UNSET and now.messages is not UNSET and was.messages != now.messages:
        yield ObservedChange("body", "messages", _json(was.messages), _json(now.messages))
    yield from _stream_changes(was.streams or [], now.streams or [])


def _other_frames(was: Sequence[str], now: Sequence[str]) -> Iterator[ObservedChange]:
    """Those by which something ends, the settings (the same in all probes), and the others, each by itself."""
    before, after = (_frames_by_kind(frames) for frames in (was, now))
    for each in before:
        if before[each] != after[each]:
            yield ObservedChange(*each, "\n".join(before[each]) or None, "\n".join(after[each]) or None)
    if before == after:
        yield ObservedChange("frame", "order of frames", "\n".join(was), "\n".join(now))


def _frames_by_kind(frames: Sequence[str]) -> dict[tuple[str, str], list[str]]:
    """The kind of difference, and what differs → the frames of which a change is one of that."""
    found: dict[tuple[str, str], list[str]] = {("connection", "how frames end it"): [], ("frame", "SETTINGS"): []}
    found["frame", "frames"] = []
    for each in frames:
        if each.startswith(_ENDING):
            found["connection", "how frames end it"].append(each)
        elif each.startswith("SETTINGS ") and "=" in each:
            found["frame", "SETTINGS"].append(each)
        else:
            found["frame", "frames"].append(each)
    return found


def _stream_changes(was: Sequence[StreamAnswer], now: Sequence[StreamAnswer]) -> Iterator[ObservedChange]:
    before, after = ({each.stream: each for each in streams} for streams in (was, now))
    for number in sorted(before.keys() | after.keys()):
        old, new = (_as_observation(streams.get(number)) for streams in (before, after))
        for each in observation_changes(old, new):
            yield replace(each, what=f"stream {number}: {each.what}")


def _as_observation(stream: StreamAnswer | None) -> Observation:
    if stream is None:
        return Observation(None, end="open", stream_end="nothing came")
    return Observation(
        stream.status,
        headers=stream.headers,
        body=stream.body,
        end="open",
        trailers=stream.trailers,
        stream_end=stream.end or UNSET,
    )


Headers = Sequence[tuple[str, str]]


def _header_changes(what: str, was: Headers, now: Headers, other_body: bool = False) -> Iterator[ObservedChange]:
    """By name, then how names are written, then their order; a length that follows the body is no change by itself."""
    before, after = _by_name(was), _by_name(now)
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    for name in names:
        if name != "content-length" or not other_body:
            yield _header(f"{what} {name}", name, _joined(before.get(name)), _joined(after.get(name)))
    if not names and was != now:
        written = [[name for name, _ in each] for each in (was, now)]
        differs = sorted(written[0]) != sorted(written[1])
        aspect = "names as written" if differs else "order"
        yield ObservedChange("header", f"{what}s: {aspect}", ", ".join(written[0]), ", ".join(written[1]))


def _header(what: str, name: str, was: str | None, now: str | None) -> ObservedChange:
    return ObservedChange("security-header" if name in SECURITY_HEADERS else "header", what, was, now)


def _by_name(headers: Headers) -> dict[str, list[str]]:
    return _values_by_name((name.lower(), value) for name, value in headers)


def _joined(values: list[str] | None) -> str | None:
    """One value as it is; several as a list, for a value may hold commas itself."""
    return None if values is None else values[0] if len(values) == 1 else _json(values)


def _body_changes(was: str, now: str) -> Iterator[ObservedChange]:
    """An application that tells what it saw is compared line by line: a header that no longer arrives is one.

    As with headers, by name, a name's values in their order, then the order of the names.
    """
    if not (_TOLD.fullmatch(was) and _TOLD.fullmatch(now)):
        yield ObservedChange("body", "body", was, now)
        return
    told = [[_name_and_value(line) for line in body.split("\n")[:-1]] for body in (was, now)]
    before, after = (_values_by_name(lines) for lines in told)
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    for name in names:
        kind = "security-header" if name in SECURITY_HEADERS else "body"
        what = f"what the application saw: {name}"
        yield ObservedChange(kind, what, _joined(before.get(name)), _joined(after.get(name)))
    orders = [", ".join(name for name, _ in lines if name not in names) for lines in told]
    if orders[0] != orders[1]:
        yield ObservedChange("body", "what the application saw: order", *orders)
    elif not names:  # no more than how the lines are written
        yield ObservedChange("body", "body", was, now)


def _name_and_value(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.removeprefix(" ")


def _values_by_name(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _upstream_changes(was: Sequence[Mapping[str, str]], now: Sequence[Mapping[str, str]]) -> Iterator[ObservedChange]:
    if len(was) != len(now):
        yield ObservedChange(UPSTREAM, "connections", str(len(was)), str(len(now)))
        return
    for before, after in zip(was, now, strict=True):
        for fact in {**before, **after}:
            if before.get(fact) != after.get(fact):
                yield ObservedChange(UPSTREAM, fact, before.get(fact), after.get(fact))


def _log_changes(was: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> Iterator[ObservedChange]:
    if len(was) != len(now):
        yield ObservedChange("log-field", "entries", str(len(was)), str(len(now)))
        return
    for before, after in zip(was, now, strict=True):
        for field in {**before, **after}:
            kind = "route" if field in _ROUTE_FIELDS else "log-field"
            if before.get(field) != after.get(field):
                yield ObservedChange(kind, field, _value(before.get(field)), _value(after.get(field)))
            elif (field in before) != (field in after):
                yield ObservedChange(kind, field, *("null" if field in each else None for each in (before, after)))


def _stat_changes(was: Mapping[str, int], now: Mapping[str, int], known: AbstractSet[str]) -> Iterator[ObservedChange]:
    for name in {**was, **now}:
        before, after = was.get(name, 0), now.get(name, 0)
        if before == after:
            continue
        if _is_new(name, was, known):
            yield ObservedChange("statistic-added", general(name), None, "moves")
        else:
            yield ObservedChange("statistic", general(name), f"{before:+d}", f"{after:+d}")


def _gauge_changes(was: Mapping[str, int], now: Mapping[str, int], known: AbstractSet[str]) -> Iterator[ObservedChange]:
    """Of those that are not as they were before the probe: nothing stands for one that is."""
    for name in {**was, **now}:
        before, after = was.get(name), now.get(name)
        if before == after:
            continue
        if _is_new(name, was, known):
            yield ObservedChange("statistic-added", general(name), None, "moves")
        else:
            yield ObservedChange(
                "gauge", general(name), *(None if each is None else str(each) for each in (before, after))
            )


def _is_new(name: str, was: Mapping[str, int], known: AbstractSet[str]) -> bool:
    return bool(known) and general(_OF_ENVOY.sub("", name)) not in known and name not in was


@functools.lru_cache(maxsize=1 << 14)  # the same names come in hundreds of probes
def general(stat: str) -> str:
    """The statistic's name without what a scenario calls its owner."""
    for pattern, generally in _OWNERS:
        if pattern.match(stat):
            return pattern.sub(generally, stat)
    return stat


def warning_changes(was: Sequence[str], now: Sequence[str]) -> Iterator[ObservedChange]:
    """Lines of Envoy's log that came or went."""
    before, after = Counter(was), Counter(now)
    for line in after - before:
        kind = "deprecation" if "deprecat" in line.lower() else "warning"
        yield ObservedChange(kind, "log", None, line)
    for line in before - after:
        yield ObservedChange("warning", "log", line, None)


def _json(value: Any) -> str:
    return encode(value).decode()


def _value(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else _json(value)
