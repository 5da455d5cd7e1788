"""The pictures of a scenario's section: each trace, the traces that differ, what was measured."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from takeover.model.measurement import Measurement
from takeover.model.trace import Trace
from takeover.report.page import Block, Section
from takeover.report.plots import description as measured_description
from takeover.report.plots import plot
from takeover.report.trace_figure import description, figure
from takeover.report.trace_view import TraceView, named_listeners, trace_view
from takeover.report.words import counted, listed, spoken


@dataclass(frozen=True)
class Picture:
    """An SVG and what stands below it."""

    svg: Markup
    caption: str
    note: str = ""


def picture(view: TraceView, title: str, caption: str, standalone: bool = False) -> Picture:
    """A trace as it is drawn, in words below; `standalone`: to be a file of its own."""
    svg = Markup(figure(view, title, standalone))  # noqa: S704 - escaped
    return Picture(svg, caption, description(view))


@dataclass(frozen=True)
class Pair:
    """One test's traces on Envoys on which they differ."""

    test: str
    pictures: Sequence[Picture]


@dataclass
class _Seen:
    """Where a trace was seen: the first block, and all tests and releases."""

    first: Block
    tests: dict[str, None] = field(default_factory=dict)
    releases: dict[str, None] = field(default_factory=dict)


def traces(section: Section, standalone: bool = False) -> list[Picture]:
    """Each different trace once, drawn from the first block that has it, of the scenario's own suite if one does.

    Those of that suite come before those of others that only begin in it; long ones before short ones.

    Args:
        standalone: whether each is to be a file of its own.
    """
    listeners = _listeners(section)
    files = Counter(_file(each.name) for each in section.tests)
    own = max(files, key=files.__getitem__, default="")
    found: dict[tuple[str, ...], _Seen] = {}
    for block in sorted(section.blocks, key=lambda each: _file(each.test) != own):
        if not (trace := tuple(Trace.of(block.hops))):
            continue
        seen = found.setdefault(trace, _Seen(block))
        seen.tests[block.test] = None
        seen.releases[block.release] = None

    def rank(trace: tuple[str, ...]) -> tuple[bool, int, int]:
        tests = found[trace].tests
        return own not in map(_file, tests), -len(trace), -len(tests)

    order = sorted(found, key=rank)
    return [
        _picture(trace_view(seen.first.hops, listeners=listeners), seen, standalone)
        for seen in (found[each] for each in order)
    ]


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def _picture(view: TraceView, seen: _Seen, standalone: bool) -> Picture:
    name = spoken(seen.first.test)
    others = len(seen.tests) - 1
    also = f", and likewise in {counted(others, 'other test')}" if others else ""
    caption = f"{name}{also}; on Envoy {listed(list(seen.releases))}"
    return picture(view, f"The trace: {name}", caption, standalone)


def differing(section: Section) -> list[Pair]:
    """The tests whose traces are not the same on all Envoys: one picture for each different one."""
    listeners = _listeners(section)
    by_block: dict[tuple[str, int], list[Block]] = {}
    for block in section.blocks:
        by_block.setdefault((block.test, block.number), []).append(block)
    return [
        pair for (test, _), blocks in by_block.items() if len(blocks) > 1 for pair in _pair(test, blocks, listeners)
    ]


def _pair(test: str, blocks: Iterable[Block], listeners: Mapping[str, str]) -> list[Pair]:
    found: dict[tuple[str, ...], list[Block]] = {}
    for block in blocks:
        found.setdefault(tuple(Trace.of(block.hops)), []).append(block)
    if len(found) < 2:
        return []
    pictures = []
    for alike in found.values():
        releases = listed([each.release for each in alike])
        drawn = trace_view(alike[0].hops, listeners=listeners)
        pictures.append(picture(drawn, f"The trace on {releases}: {spoken(test)}", f"on Envoy {releases}"))
    return [Pair(spoken(test), pictures)]


def plots(section: Section) -> list[Picture]:
    """The shares and time lines that the scenario's tests judged: one picture for each, of all Envoys."""
    found: dict[tuple[str, int, type[Measurement]], dict[str, Measurement]] = {}
    for each in section.measured:
        found.setdefault((each.test, each.number, type(each.measurement)), {})[each.release] = each.measurement
    return [_plot(test, number, measurements) for (test, number, _), measurements in found.items()]


def _plot(test: str, number: int, measurements: Mapping[str, Measurement]) -> Picture:
    name, releases = spoken(test) + (f" ({number + 1})" if number else ""), listed(list(measurements))
    drawn = plot(measurements, f"Measured: {name}, on Envoy {releases}")
    return Picture(Markup(drawn), f"{name}; on Envoy {releases}", measured_description(measurements))  # noqa: S704 - escaped


def _listeners(section: Section) -> dict[str, str]:
    return named_listeners(block.hops for block in section.blocks)
