"""Draws a trace as the article draws it: the client and the iptables rules to the left, Envoy to the right, as SVG."""

from dataclasses import dataclass

from takeover.report.branches import Branch
from takeover.report.client_view import FACT_FITS
from takeover.report.hop_view import HopView
from takeover.report.templates import render
from takeover.report.trace_view import TraceView

_WIDTH = 300
_LANES = 76  # between the two lanes
_PADDING = 14
_GAP = 26
_FRAME = 30  # Envoy's title
_LINE = 15
_HEAD = 40
_NAME_FITS = 36
_KINDS = {
    "rule": "iptables rule",
    "http": "HTTP filter",
    "tcp": "TCP filter",
    "filter": "filter, beside the trace",
    "control plane": "control plane: in force",
}
_RIGHT = _PADDING + _WIDTH + _LANES
_TOTAL = _RIGHT + _WIDTH + 2 * _PADDING + 14


@dataclass(frozen=True)
class _Box:
    """A hop in its place."""

    hop: HopView
    x: int
    y: int

    @property
    def width(self) -> int:
        return _WIDTH

    @property
    def height(self) -> int:
        return _HEAD + _LINE * len(self.hop.facts) + (8 if self.hop.facts else 4)

    @property
    def bottom(self) -> int:
        return self.y + self.height

    @property
    def middle(self) -> int:
        return self.y + min(self.height, _HEAD) // 2

    @property
    def kind(self) -> str:
        return _KINDS.get(self.hop.kind, self.hop.kind)

    @property
    def name(self) -> str:
        return fitting(self.hop.name, _NAME_FITS)

    @property
    def facts(self) -> list[str]:
        return [fitting(each, FACT_FITS) for each in self.hop.facts]

    @property
    def mark(self) -> str:
        return {"seen": "", "missing": "✗", "unexpected": "!"}[self.hop.state]


@dataclass(frozen=True)
class _Arrow:
    """A line from hop to hop. `is_beside`: what it leads to is no step of the trace."""

    points: tuple[tuple[int, int], ...]
    state: str
    is_beside: bool = False

    @property
    def path(self) -> str:
        (x, y), *others = self.points
        return f"M{x} {y}" + "".join(f"L{x} {y}" for x, y in others)

    @property
    def tip(self) -> str:
        """The arrow's head: no marker, whose id would have to be one of its kind in a page of many pictures."""
        (x_before, y_before), (x, y) = self.points[-2:]
        along = ((x > x_before) - (x < x_before), (y > y_before) - (y < y_before))
        back = (x - 8 * along[0], y - 8 * along[1])
        side = (4 * along[1], 4 * along[0])
        return f"M{x} {y}L{back[0] + side[0]} {back[1] + side[1]}L{back[0] - side[0]} {back[1] - side[1]}z"


@dataclass
class _Drawing:
    """What is placed so far, and where each lane ends."""

    boxes: list[_Box]
    arrows: list[_Arrow]
    left: int = _PADDING
    right: int = _PADDING

    def put_left(self, hop: HopView, at_least: int = 0) -> _Box:
        box = _Box(hop, _PADDING, max(self.left, at_least))
        self.left = box.bottom + _GAP
        self.boxes.append(box)
        return box

    def put_right(self, hop: HopView, at_least: int = 0) -> _Box:
        box = _Box(hop, _RIGHT, max(self.right, at_least))
        self.right = box.bottom + _GAP
        self.boxes.append(box)
        return box

    def link(self, one: _Box, other: _Box) -> None:
        """An arrow from box to box: down a lane, across to the other one, or past those between."""
        points: tuple[tuple[int, int], ...]
        state = other.hop.state if one.hop.state == "seen" else one.hop.state
        if one.x == other.x and other.y - one.bottom <= _GAP:
            middle = one.x + _WIDTH // 2
            points = ((middle, one.bottom), (middle, other.y))
        elif one.x == other.x:
            side = one.x + (_WIDTH if one.x == _RIGHT else 0)
            away = side + (12 if one.x == _RIGHT else -10)
            points = ((side, one.middle), (away, one.middle), (away, other.middle), (side, other.middle))
        else:
            begin, end = (one.x + _WIDTH, other.x) if one.x < other.x else (one.x, other.x + _WIDTH)
            middle = (begin + end) // 2
            points = ((begin, one.middle), (middle, one.middle), (middle, other.middle), (end, other.middle))
        self.arrows.append(_Arrow(points, state))


@dataclass
class _Steps:
    """Where the trace has got to: what was seen follows what was seen; what is missing follows what comes before it."""

    drawing: _Drawing
    seen: _Box
    missing: _Box | None = None
    top: int = 0

    def last(self, is_seen: bool) -> _Box:
        """What the next step follows."""
        return self.seen if is_seen or self.missing is None else self.missing

    def take(self, box: _Box) -> None:
        """Draws the way to the next step."""
        is_seen = box.hop.state != "missing"
        self.drawing.link(self.last(is_seen), box)
        if is_seen:
            self.seen = box
        else:
            self.missing = box


def figure(view: TraceView, title: str, standalone: bool = False) -> str:
    """The SVG of a trace.

    Args:
        title: what the picture is called to those who do not see it.
        standalone: whether it is a file of its own, and brings its colours along.
    """
    drawing = _Drawing([], [])
    client = drawing.put_left(view.client)
    steps = _Steps(drawing, client)
    stages = [view, *view.further]
    has_arrived = any(branch.destination is not None for stage in stages for branch in stage.branches)
    frames: list[_Frame] = []
    for stage in stages:
        if frames:
            drawing.left = drawing.right = max(drawing.left, frames[-1].bottom + _GAP)
        begun = len(drawing.boxes)
        by_cluster = _draw_envoy(drawing, steps, client, stage, is_first=not frames)
        if any(hop.state != "missing" for hop in stage.envoy) and not has_arrived and stage is stages[-1]:
            row = drawing.boxes[-1].y
            drawing.put_left(HopView("no destination", "nothing arrived", ("no destination logged a request",)), row)
        frames.append(_frame(drawing, stage, steps.top, begun))
        if stage is not stages[-1] and by_cluster:
            led = stages[len(frames)].passed_on_by
            steps.seen = by_cluster.get(led) or list(by_cluster.values())[-1]
    height = max(frames[-1].bottom, *(each.bottom for each in drawing.boxes)) + _PADDING
    return render(
        "trace.svg.j2",
        title=title,
        description=description(view),
        boxes=drawing.boxes,
        arrows=drawing.arrows,
        width=_TOTAL,
        height=height,
        frames=frames,
        standalone=standalone,
    )


@dataclass(frozen=True)
class _Frame:
    """What is drawn around an Envoy's hops.

    Args:
        is_past: whether traffic went past it.
    """

    title: str
    y: int
    height: int
    is_past: bool
    x: int = _RIGHT - _PADDING
    width: int = _WIDTH + 2 * _PADDING + 6

    @property
    def bottom(self) -> int:
        return self.y + self.height


def _frame(drawing: _Drawing, view: TraceView, top: int, begun: int) -> _Frame:
    """Around those of the boxes from `begun` on that are in Envoy."""
    in_envoy = [each for each in drawing.boxes[begun:] if each.x == _RIGHT]
    bottom = max((each.bottom for each in in_envoy), default=top + _FRAME + 44) + _PADDING
    return _Frame(fitting(f"Envoy {view.name}".rstrip(), FACT_FITS), top, bottom - top, not in_envoy)


def _draw_envoy(drawing: _Drawing, steps: "_Steps", client: _Box, view: TraceView, is_first: bool) -> dict[str, _Box]:
    """Draws what is before an Envoy, in it and behind it. Returns what comes last behind each cluster, by its name."""
    for hop in view.rules:
        steps.take(drawing.put_left(hop))
    steps.top = top = steps.seen.y if is_first or view.rules else drawing.right
    if view.refusal is not None:
        drawing.link(steps.seen, drawing.put_left(view.refusal))
    drawing.right = top + _FRAME
    for hop in filter(None, (view.hand_over, *view.envoy)):
        steps.take(drawing.put_right(hop))
    beside = steps.seen
    for hop in view.others:
        box = drawing.put_right(hop)
        middle = box.x + _WIDTH // 2
        drawing.arrows.append(_Arrow(((middle, beside.bottom), (middle, box.y)), "seen", is_beside=True))
        beside = box
    by_cluster = {}
    for branch in view.branches:
        last = _draw_branch(drawing, client if branch.is_direct else steps.last(branch.is_seen), branch)
        if branch.cluster is not None and branch.destination is None and branch.is_seen:
            by_cluster[branch.cluster.name] = last
    return by_cluster


def _draw_branch(drawing: _Drawing, last: _Box, branch: Branch) -> _Box:
    """Returns its last box."""
    row = 0
    if branch.cluster is not None:
        box = drawing.put_right(branch.cluster, drawing.left - _GAP if drawing.left > drawing.right else 0)
        drawing.link(last, box)
        last, row = box, box.y
    for hop in filter(None, (branch.released_by, branch.destination)):
        box = drawing.put_left(hop, row)
        drawing.link(last, box)
        last, row = box, 0
    drawing.right = max(drawing.right, drawing.left)
    return last


def description(view: TraceView) -> str:
    """The trace in words: what a picture's description says, and what there is to read where no picture is."""
    words = {"seen": "", "missing": " (missing)", "unexpected": " (not expected)"}
    told = [f"{view.client.kind} {view.client.name}{words[view.client.state]}"]
    for each in (view, *view.further):
        told += [f"Envoy {each.name}"] if each.name else []
        told += [f"{hop.kind} {hop.name}{words[hop.state]}" for hop in each.own_hops]
    return "; ".join(told)


def fitting(text: str, length: int) -> str:
    """The text, cut to so many characters: SVG wraps none."""
    return text if len(text) <= length else text[: length - 1] + "…"
