"""Plots of what was measured and judged beside the way: shares of a choice, a token bucket over time.

One plot for each test, with a row for each Envoy: what differs between them stands side by side.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from takeover.report.canvas import RIGHT, WIDTH, Colour, svg
from takeover.report.trace_figure import fitting
from takeover.report.words import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Measurements = Mapping[str, Mapping[str, Any]]
"""By Envoy's name what a test measured there, all of one kind: see `Choice.measurement` and `Bucket.measurement`."""

# In pixels, apart from how many letters fit.
_LETTER, _NAME_FITS = 7.4, 16
_MARGIN = 16  # where no names stand to the left
_BAR, _BOUNDS, _NEXT = 24, 34, 54  # from the top of a choice's row: where the bar ends, the bounds, the next row
_LEVEL, _LEVEL_ALONE = 34, 90  # how high a full bucket is: in one of several rows, and alone
_LANE, _GAP = 15, 24  # of the marks below the level, and before the next row
_WORDS = 80  # to the left of a bucket
_SHORTEST = 0.1  # seconds


def plot(measurements: Measurements, title: str, key: str) -> str:
    """The SVG of them, a row each.

    Args:
        title: what the plot is called to those who do not see it.
        key: what no other plot of the page has: its ids come of it.

    Raises: KeyError for a kind that has no picture.
    """
    kind = next(iter(measurements.values()))["kind"]
    return {"choice": _choice, "bucket": _bucket}[kind](measurements, title, key)


def description(measurements: Measurements) -> str:
    """Their numbers in words: those of each Envoy, then what is the same of all."""
    tell = {"choice": _told_of_choice, "bucket": _told_of_bucket}
    told = {name: tell[each["kind"]](each) for name, each in measurements.items()}
    shared = {of_all for _, of_all in told.values()}
    alone = len(told) == 1
    parts = ["" if alone else f"Envoy {name}: " for name in told]
    parts = [part + own for part, (own, _) in zip(parts, told.values(), strict=True)]
    if len(shared) > 1:
        parts = [f"{part} ({of_all})" for part, (_, of_all) in zip(parts, told.values(), strict=True)]
    return "; ".join([*parts, *(shared if len(shared) == 1 else ())])


def _told_of_choice(measured: Mapping[str, Any]) -> tuple[str, str]:
    number, chosen, (fewest, most), (one, other) = (measured[key] for key in ("number", "counted", "bounds", "sides"))
    return (
        f"{chosen} {one} and {number - chosen} {other}, p = {measured['p']:.3g}",
        f"of {number} choices {fewest} to {most} may be {one}, and {number * measured['share']:g} are expected",
    )


def _told_of_bucket(measured: Mapping[str, Any]) -> tuple[str, str]:
    attempts = measured["attempts"]
    passed = sum(each["passed"] for each in attempts)
    return (
        f"{passed} passed and {len(attempts) - passed} limited in {_end({'': measured}):g} s",
        f"the bucket holds {counted(measured['max_tokens'], 'token')} at most "
        f"and gets {measured['tokens_per_fill']} more each {measured['fill_interval']:g} s",
    )


def _end(measurements: Measurements) -> float:
    """When the last attempt of all was answered."""
    ends: list[float] = [attempt["seconds"] for each in measurements.values() for attempt in each["attempts"]]
    return max([_SHORTEST, *ends])


def _names(measurements: Measurements) -> tuple[list[str], float]:
    """What stands to the left of each row, and how wide that is; nothing beside the only row."""
    names = [fitting(each, _NAME_FITS) for each in measurements] if len(measurements) > 1 else [""]
    return names, max(map(len, names)) * _LETTER


def _choice(measurements: Measurements, title: str, key: str) -> str:
    """A bar each: how often each side was chosen; below it, between which bounds their border may lie."""
    rows = list(measurements.values())
    names, left = _names(measurements)
    tops = [number * _NEXT for number in range(len(rows))]
    numbers = {each["number"] for each in rows}

    def draw(axes: "Axes") -> None:
        shares = [each["counted"] / each["number"] for each in rows]
        bars: dict[str, Any] = {"height": _BAR, "align": "edge", "edgecolor": Colour.PAPER}
        axes.barh(tops, shares, color=Colour.LINK, **bars)
        axes.barh(tops, [1 - each for each in shares], left=shares, color=Colour.ENVOY, **bars)
        expected = [each["share"] for each in rows]
        fewest, most = ([each["bounds"][side] / each["number"] for each in rows] for side in (0, 1))
        reach = [
            [a - b for a, b in zip(expected, fewest, strict=True)],
            [b - a for a, b in zip(expected, most, strict=True)],
        ]
        axes.errorbar(
            expected,
            [top + _BOUNDS for top in tops],
            xerr=reach,
            fmt="D",
            color=Colour.INK,
            markersize=5,
            capsize=4,
            elinewidth=1.2,
            label=f"{rows[0]['sides'][0]}: what is expected, between the fewest and the most that pass the test",
        )
        inside: dict[str, Any] = {"color": Colour.PAPER, "weight": "bold", "va": "center"}
        beside: dict[str, Any] = {"color": Colour.QUIET, "va": "center"}
        for top, each, low, high in zip(tops, rows, fewest, most, strict=True):
            one, other = each["sides"]
            # At the bar's ends: there is room, however narrow a side is.
            axes.text(0.015, top + _BAR / 2, f"{one}: {each['counted']}", **inside)
            axes.text(0.985, top + _BAR / 2, f"{other}: {each['number'] - each['counted']}", ha="right", **inside)
            axes.text(low - 0.015, top + _BOUNDS, str(each["bounds"][0]), ha="right", **beside)
            axes.text(high + 0.015, top + _BOUNDS, str(each["bounds"][1]), **beside)
        axes.set_xlim(0, 1)
        axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        axes.set_xlabel(
            f"share of {numbers.pop()} choices" if len(numbers) == 1 else "share of the choices", color=Colour.QUIET
        )
        axes.set_yticks([top + _BAR / 2 for top in tops], names)
        axes.tick_params("y", labelcolor=Colour.INK)

    return svg(draw, len(rows) * _NEXT - 8, left + _MARGIN, title, description(measurements), key)


def _bucket(measurements: Measurements, title: str, key: str) -> str:
    """A time line each: the level that the bucket can have had, and below it each attempt, as passed or limited."""
    names, wide = _names(measurements)
    left = wide + _WORDS
    level = _LEVEL if len(measurements) > 1 else _LEVEL_ALONE
    pitch = level + 2 * _LANE + _GAP
    end = _end(measurements)

    def draw(axes: "Axes") -> None:
        words: dict[float, str] = {}
        for number, (name, measured) in enumerate(zip(names, measurements.values(), strict=True)):
            full, empty = number * pitch + 6, number * pitch + 6 + level
            most_tokens, attempts = measured["max_tokens"], measured["attempts"]
            words |= {full: counted(most_tokens, "token"), empty: "0"}
            axes.hlines([full, empty], 0, end, colors=Colour.LINE, linewidths=1)
            fewest, most = (
                [empty - each["tokens"][side] / most_tokens * level for each in attempts] for side in (0, 1)
            )
            axes.fill_between(
                [each["seconds"] for each in attempts],
                fewest,
                most,
                facecolor=Colour.KNOWN_WASH,
                edgecolor=Colour.KNOWN,
                label="the fewest to the most tokens that can have been there" if number == 0 else None,
            )
            for lane, word, did, marker, colour in (
                (1, "passed", True, "o", Colour.PASS),
                (2, "limited", False, "x", Colour.FAIL),
            ):
                times = [each["seconds"] for each in attempts if each["passed"] == did]
                at = empty + lane * _LANE
                words[at] = f"{len(times)} {word}"
                axes.plot(times, [at] * len(times), marker, color=colour, markersize=6.5, markeredgewidth=1.6)
            beside = axes.get_yaxis_transform()
            axes.text(-left / (WIDTH - left - RIGHT), full, name, weight="bold", va="center", transform=beside)
        axes.set_xlim(0, end)
        axes.set_xlabel("seconds since the first attempt", color=Colour.QUIET)
        axes.set_yticks(list(words), list(words.values()))

    return svg(draw, len(names) * pitch - _GAP + 16, left, title, description(measurements), key)
