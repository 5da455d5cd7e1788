"""Plots of what was measured and judged beside the trace: shares of a choice, a token bucket over time.

One plot for each test, with a row for each Envoy: what differs between them stands side by side.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from takeover.model.measurement import BucketMeasurement, ChoiceMeasurement, Measurement
from takeover.report.templates import render
from takeover.report.trace_figure import fitting
from takeover.report.words import counted

Measurements = Mapping[str, Measurement]
"""By Envoy's name what a test measured there, all of one kind."""

# In pixels, apart from how many letters fit.
_WIDTH = 560  # about what a phone shows, scrolling, so that letters keep their size
_RIGHT = 22  # beside the axis: the last tick's text is centred below its end
_TOP, _BOTTOM = 8, 62  # the latter for ticks, a label and a legend
_LETTER, _NAME_FITS = 7.4, 16
_MARGIN = 16  # where no names stand to the left
_BAR, _BOUNDS, _NEXT = 24, 34, 54  # from the top of a choice's row: where the bar ends, the bounds, the next row
_LEVEL, _LEVEL_ALONE = 34, 90  # how high a full bucket is: in one of several rows, and alone
_LANE, _GAP = 15, 24  # of the marks below the level, and before the next row
_WORDS = 84  # to the left of a bucket
_SHORTEST = 0.1  # seconds
_TICKS = 7  # at most so many steps


def plot(measurements: Measurements, title: str) -> str:
    """The SVG of them, a row each.

    Args:
        title: what the plot is called to those who do not see it.
    """
    choices, buckets = _parted(measurements)
    template, axis, values = _drawn_choices(choices) if choices else _drawn_buckets(buckets)
    bottom = _TOP + axis.below
    return render(
        template,
        title=title,
        description=description(measurements),
        width=_WIDTH,
        height=bottom + _BOTTOM,
        bottom=bottom,
        left=axis.left,
        middle=axis.x(axis.end / 2),
        right=_WIDTH - _RIGHT,
        **values,
    )


def description(measurements: Measurements) -> str:
    """Their numbers in words: those of each Envoy, then what is the same of all."""
    choices, buckets = _parted(measurements)
    told = {name: _told_of_choice(each) for name, each in choices.items()}
    told |= {name: _told_of_bucket(each) for name, each in buckets.items()}
    shared = {of_all for _, of_all in told.values()}
    alone = len(told) == 1
    parts = ["" if alone else f"Envoy {name}: " for name in told]
    parts = [part + own for part, (own, _) in zip(parts, told.values(), strict=True)]
    if len(shared) > 1:
        parts = [f"{part} ({of_all})" for part, (_, of_all) in zip(parts, told.values(), strict=True)]
    return "; ".join([*parts, *(shared if len(shared) == 1 else ())])


def ticks(end: float) -> list[tuple[float, str]]:
    """Round numbers from 0 to `end`, which is above 0, and how each is written."""
    unit = 10.0 ** math.floor(math.log10(end / _TICKS))
    step = next(unit * times for times in (1, 2, 5, 10) if end <= _TICKS * unit * times)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return [(number * step, f"{number * step:.{decimals}f}") for number in range(int(end / step + 1e-9) + 1)]


def _parted(
    measurements: Measurements,
) -> tuple[dict[str, ChoiceMeasurement], dict[str, BucketMeasurement]]:
    """The ones or the others."""
    return (
        {name: each for name, each in measurements.items() if isinstance(each, ChoiceMeasurement)},
        {name: each for name, each in measurements.items() if isinstance(each, BucketMeasurement)},
    )


def _told_of_choice(measured: ChoiceMeasurement) -> tuple[str, str]:
    number, chosen, (fewest, most), (one, other) = measured.number, measured.counted, measured.bounds, measured.sides
    return (
        f"{chosen} {one} and {number - chosen} {other}, p = {measured.p:.3g}",
        f"of {number} choices {fewest} to {most} may be {one}, and {number * measured.share:g} are expected",
    )


def _told_of_bucket(measured: BucketMeasurement) -> tuple[str, str]:
    passed = sum(each.passed for each in measured.attempts)
    return (
        f"{passed} passed and {len(measured.attempts) - passed} limited in {_end([measured]):g} s",
        f"the bucket holds {counted(measured.max_tokens, 'token')} at most "
        f"and gets {measured.tokens_per_fill} more each {measured.fill_interval:g} s",
    )


def _end(measured: Iterable[BucketMeasurement]) -> float:
    """When the last attempt of all was answered."""
    return max([_SHORTEST, *(attempt.seconds for each in measured for attempt in each.attempts)])


@dataclass(frozen=True)
class _Axis:
    """Numbers from 0 at `left` to `end`, `below` the rows' begin."""

    left: float
    below: int
    end: float

    def x(self, number: float) -> float:
        return round(self.left + number / self.end * (_WIDTH - _RIGHT - self.left), 2)


@dataclass(frozen=True)
class _Text:
    """Along the axis, or beside a row."""

    at: float
    text: str


def _names(measurements: Iterable[str]) -> tuple[list[str], float]:
    """What stands to the left of each row, and how wide that is; nothing beside the only row."""
    names = [fitting(each, _NAME_FITS) for each in measurements]
    names = names if len(names) > 1 else [""]
    return names, round(max(map(len, names)) * _LETTER, 1)


@dataclass(frozen=True)
class _Shares:
    """A bar of how often each side was chosen; below it, between which bounds their border may lie."""

    name: str
    y: int
    border: float
    one: str
    other: str
    fewest: _Text
    expected: float
    most: _Text


def _drawn_choices(choices: Mapping[str, ChoiceMeasurement]) -> tuple[str, _Axis, dict[str, object]]:
    names, wide = _names(choices)
    axis = _Axis(wide + _MARGIN, len(names) * _NEXT - 8, 1)
    numbers = {each.number for each in choices.values()}
    rows = [
        _Shares(
            name,
            _TOP + place * _NEXT,
            axis.x(each.counted / each.number),
            f"{each.sides[0]}: {each.counted}",
            f"{each.sides[1]}: {each.number - each.counted}",
            _Text(axis.x(each.bounds[0] / each.number), str(each.bounds[0])),
            axis.x(each.share),
            _Text(axis.x(each.bounds[1] / each.number), str(each.bounds[1])),
        )
        for place, (name, each) in enumerate(zip(names, choices.values(), strict=True))
    ]
    values = {
        "rows": rows,
        "bar": _BAR,
        "bounds": _BOUNDS,
        "counted_side": next(iter(choices.values())).sides[0],
        "label": f"share of {numbers.pop()} choices" if len(numbers) == 1 else "share of the choices",
        "ticks": [_Text(axis.x(fifths / 5), f"{fifths / 5:.0%}") for fifths in range(6)],
    }
    return "choice.svg.j2", axis, values


@dataclass(frozen=True)
class _Lane:
    """Where those attempts are marked that passed, or that were limited."""

    y: int
    word: str
    marks: list[float]


@dataclass(frozen=True)
class _Line:
    """A time line: the level that the bucket can have had, and below it each attempt, as passed or limited."""

    name: str
    full: int
    empty: int
    level: str
    words: list[_Text]
    lanes: list[_Lane]


def _drawn_buckets(buckets: Mapping[str, BucketMeasurement]) -> tuple[str, _Axis, dict[str, object]]:
    names, wide = _names(buckets)
    high = _LEVEL if len(names) > 1 else _LEVEL_ALONE
    pitch = high + 2 * _LANE + _GAP
    end = _end(buckets.values())
    axis = _Axis(wide + _WORDS, len(names) * pitch - _GAP + 16, end)
    rows = [
        _line(name, each, _TOP + 6 + place * pitch, high, axis)
        for place, (name, each) in enumerate(zip(names, buckets.values(), strict=True))
    ]
    values: dict[str, object] = {
        "rows": rows,
        "label": "seconds since the first attempt",
        "ticks": [_Text(axis.x(number), text) for number, text in ticks(end)],
    }
    return "bucket.svg.j2", axis, values


def _line(name: str, measured: BucketMeasurement, full: int, high: int, axis: _Axis) -> _Line:
    empty = full + high
    fewest, most = (
        [
            f"{axis.x(each.seconds):g},{empty - each.tokens[side] / measured.max_tokens * high:.2f}"
            for each in measured.attempts
        ]
        for side in (0, 1)
    )
    lanes = [
        _Lane(
            empty + number * _LANE,
            word,
            [axis.x(each.seconds) for each in measured.attempts if each.passed == (word == "passed")],
        )
        for number, word in enumerate(("passed", "limited"), 1)
    ]
    words = [_Text(full, counted(measured.max_tokens, "token")), _Text(empty, "0")]
    words += [_Text(each.y, f"{len(each.marks)} {each.word}") for each in lanes]
    return _Line(name, full, empty, " ".join([*fewest, *reversed(most)]), words, lanes)
