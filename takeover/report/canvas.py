"""A sheet that matplotlib draws on, and its SVG as a part of the page: in the page's own colours and letters.

matplotlib is imported when something is drawn, or `prepare` called, as that takes a third of a second; never its
pyplot, which keeps what it drew.
"""

import io
import re
import warnings
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING

from markupsafe import Markup

from takeover.report.templates import render
from takeover.uninterrupted import uninterrupted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 560
"""Of every plot, in pixels: about what a phone shows, scrolling, so that letters keep their size."""

RIGHT = 22
"""Pixels to the right of the axes: the last tick's text is centred below it."""

_TOP, _BOTTOM = 8, 62
_SIZE = 11.5
_FONT = "DejaVu Sans"  # matplotlib brings it along: only to measure, as the page has the reader's own


class Colour(StrEnum):
    """What stands for a colour of the page while matplotlib draws: it knows no CSS variables. See colours.css.j2."""

    PAPER = "#00a001"
    INK = "#00a002"
    QUIET = "#00a003"
    LINE = "#00a004"
    LINK = "#00a005"
    ENVOY = "#00a006"
    PASS = "#00a007"  # noqa: S105 - a colour
    FAIL = "#00a008"
    KNOWN = "#00a009"
    KNOWN_WASH = "#00a00a"

    @property
    def variable(self) -> str:
        """Such as "var(--known-wash)"."""
        return f"var(--{self.name.lower().replace('_', '-')})"


def prepare() -> None:
    """Imports what drawing needs."""
    with uninterrupted():
        import matplotlib.figure  # noqa: F401


def svg(draw: "Callable[[Axes], None]", height: float, left: float, title: str, description: str, key: str) -> str:
    """What `draw` draws, as an element of the page. The same drawing always gives the same text.

    Args:
        draw: gets axes whose y counts pixels from the top, and which leave room at the bottom for ticks and a legend.
        height: of the axes, in pixels.
        left: the pixels to the left of the axes.
        title: what it is called to those who do not see it.
        description: what is to be seen, likewise.
        key: what no other drawing of the page has: its ids come of it.
    """
    prepare()
    import matplotlib as mpl
    from matplotlib.figure import Figure

    total = height + _TOP + _BOTTOM
    buffer = io.StringIO()
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # not so in the reader's browser
        mpl.rc("font", family=_FONT, size=_SIZE)
        mpl.rc("text", color=Colour.INK, parse_math=False)  # names come from outside: a dollar is a dollar
        mpl.rc("svg", fonttype="none", hashsalt=key)
        figure = Figure((WIDTH / 72, total / 72), facecolor="none")  # an inch is 72 of SVG's pixels
        place = (left / WIDTH, _BOTTOM / total, (WIDTH - left - RIGHT) / WIDTH, height / total)
        axes = figure.add_axes(place, facecolor="none")
        axes.set_ylim(height, 0)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0, labelcolor=Colour.QUIET)
        draw(axes)
        for each in axes.get_children():
            each.set_clip_on(False)
        figure.legend(loc="lower left", frameon=False, borderaxespad=0.2, handlelength=1.6)
        figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return render(
        "plot.svg.j2",
        width=WIDTH,
        height=f"{total:g}",
        title=title,
        description=description,
        drawn=Markup(_inlined(buffer.getvalue())),  # noqa: S704 - matplotlib escapes
    )


def _inlined(source: str) -> str:
    """What is inside of a file's <svg>, without what would hold for the whole page: styles and ids."""
    _, _, inside = source.partition("<svg")
    inside = inside.partition(">")[2].rpartition("</svg>")[0]
    inside = re.sub(r"<style.*?</style>", "", inside, flags=re.DOTALL)
    inside = re.sub(r"\n\s*", "\n", inside)
    used = set(re.findall(r"[\"(]#(\w+)", inside))

    def tag(found: re.Match[str]) -> str:
        text = re.sub(r' id="([^"]*)"', lambda each: each[0] if each[1] in used else "", found[0])
        text = text.replace(f"; font-family: '{_FONT}'", "")
        text = re.sub(r' transform="rotate\(-0 [^"]*"', "", text)
        return re.sub(r"#00a0\w\w", lambda each: Colour(each[0]).variable, text)

    # Only within tags: texts are what they are.
    return re.sub(r"<[^>]*>", tag, inside).strip()
