"""The matrix of scenarios and Envoys as a picture of its own, for where no page can be shown. As SVG."""

from collections.abc import Sequence

from takeover.model.document import Document
from takeover.report.page import answer, sections
from takeover.report.templates import render
from takeover.report.trace_figure import fitting
from takeover.report.words import listed
from takeover.scenario.library import Library

_NAMES = 372
_NAME_FITS = 36
_CELL = (118, 42)
_CELL_FITS = 16
_HEAD = 50
_GAP = 4
_MARGIN = 14


def matrix(library: Library, documents: Sequence[Document]) -> str:
    """The SVG: a row for each scenario, a column for each document's Envoy, in each cell a sign and words."""
    width, height = _CELL
    columns = [_NAMES + number * (width + _GAP) for number in range(len(documents))]
    found = sections(library, documents, [])
    return render(
        "matrix.svg.j2",
        title=f"Each scenario on Envoy {listed([each.envoy.name for each in documents])}",
        description=answer(documents),
        width=columns[-1] + width + _MARGIN,
        height=_HEAD + len(found) * (height + _GAP) + _MARGIN,
        names_width=_NAMES,
        cell_width=width,
        cell_height=height,
        head=_HEAD,
        envoys=[
            {"x": x, "name": fitting(each.envoy.name, _CELL_FITS), "engine": fitting(each.engine, _CELL_FITS)}
            for x, each in zip(columns, documents, strict=True)
        ],
        rows=[
            {
                "y": _HEAD + number * (height + _GAP),
                "about": each.about,
                "title": fitting(each.about.title, _NAME_FITS),
                "cells": [
                    {
                        "x": x,
                        "state": cell.state,
                        "symbol": cell.symbol,
                        "worst": cell.parts[0],
                        "others": fitting(", ".join(cell.parts[1:]), _CELL_FITS),
                    }
                    for x, cell in zip(columns, each.cells, strict=True)
                ],
            }
            for number, each in enumerate(found)
        ],
    )
