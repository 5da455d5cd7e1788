"""Pictures of what was measured and judged beside the way: shares of a choice, a token bucket over time. As SVG."""

from collections.abc import Mapping
from typing import Any

from takeover.report.templates import render

_WIDTH = 640
_LEFT, _RIGHT = 44, 16


def plot(measurement: Mapping[str, Any], title: str) -> str:
    """The SVG of a measurement: see `Choice.measurement` and `Bucket.measurement`.

    Raises: KeyError for a kind that has no picture.
    """
    return {"choice": _choice, "bucket": _bucket}[measurement["kind"]](measurement, title)


def _choice(measured: Mapping[str, Any], title: str) -> str:
    """One bar: how often each side was chosen, and between which bounds the border may lie."""
    number, counted, (fewest, most) = measured["number"], measured["counted"], measured["bounds"]

    def x(value: float) -> float:
        return _tenths(_LEFT + value / number * (_WIDTH - _LEFT - _RIGHT))

    return render(
        "choice.svg.j2",
        title=title,
        description=f"{counted} and {number - counted} of {number}; bounds {fewest} to {most}; p = {measured['p']:.3g}",
        width=_WIDTH,
        sides=[
            {"name": measured["sides"][0], "x": x(0), "width": x(counted) - x(0), "counted": counted, "class": "one"},
            {
                "name": measured["sides"][1],
                "x": x(counted),
                "width": x(number) - x(counted),
                "counted": number - counted,
                "class": "other",
            },
        ],
        bounds={"x": x(fewest), "width": x(most) - x(fewest), "fewest": fewest, "most": most},
        expected={"x": x(number * measured["share"]), "number": f"{number * measured['share']:g}"},
    )


def _bucket(measured: Mapping[str, Any], title: str) -> str:
    """A time line: each attempt at its time, as passed or limited, and the level that the bucket can have had."""
    attempts = measured["attempts"]
    end = max([each["seconds"] for each in attempts] + [0.1])
    height, top, bottom = 170, 20, 130

    def x(seconds: float) -> float:
        return _tenths(_LEFT + seconds / end * (_WIDTH - _LEFT - _RIGHT))

    def y(tokens: float) -> float:
        return _tenths(bottom - tokens / measured["max_tokens"] * (bottom - top))

    points = [(x(each["seconds"]), each["tokens"], each["passed"]) for each in attempts]
    band = [f"{at} {y(most)}" for at, (_, most), _ in points]
    band += [f"{at} {y(fewest)}" for at, (fewest, _), _ in reversed(points)]
    passed = sum(each["passed"] for each in attempts)
    return render(
        "bucket.svg.j2",
        title=title,
        description=f"{passed} of {len(attempts)} passed in {end:g} s; {measured['max_tokens']} tokens at most, "
        f"{measured['tokens_per_fill']} more each {measured['fill_interval']:g} s",
        width=_WIDTH,
        height=height,
        band="M" + "L".join(band) + "z" if band else "",
        attempts=[{"x": at, "passed": did} for at, _, did in points],
        levels=[{"y": y(each), "tokens": each} for each in range(measured["max_tokens"] + 1)],
        times=[{"x": x(end * each / 4), "seconds": f"{end * each / 4:.2f}"} for each in range(5)],
        left=_LEFT,
        right=_WIDTH - _RIGHT,
        bottom=bottom,
    )


def _tenths(pixels: float) -> float:
    return round(pixels, 1)
