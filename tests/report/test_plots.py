"""Plots of real measurements, as the page has them."""

import re
from xml.etree import ElementTree

import pytest

from takeover.report.plots import Measurements, description, plot, ticks
from takeover.report.templates import render
from takeover.suite.buckets import Attempt, Bucket
from takeover.suite.statistics import Choice
from tests.report.suite_that_fails import EVIL

ATTEMPTS = [Attempt(at, at + 0.01, passed) for at, passed in ((0, True), (0.1, True), (0.2, False), (1.2, True))]
CHOICE = {name: Choice(2000, 0.5).measurement(counted, ("v1", "v2")) for name, counted in (("old", 990), ("new", 1200))}
BUCKET = {name: Bucket(2, 1, 1).measurement(attempts) for name, attempts in (("old", ATTEMPTS), ("new", ATTEMPTS[:2]))}
SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str, tag: str = "text") -> list[str]:
    return ["".join(each.itertext()) for each in ElementTree.fromstring(svg).iter(SVG + tag)]  # noqa: S314 - our own


def elements(svg: str, shown_as: str) -> list[ElementTree.Element]:
    return [each for each in ElementTree.fromstring(svg).iter() if each.get("class") == shown_as]  # noqa: S314 - our own


@pytest.mark.parametrize("measurements", [CHOICE, BUCKET])
def test_it_is_a_part_of_the_page(measurements: Measurements) -> None:
    svg = plot(measurements, "title")
    assert svg == plot(measurements, "title")
    # Nothing that would hold for all of the page, and no colours and letters but the page's own.
    assert not re.search(
        r"<style|<metadata|<\?xml|<!DOCTYPE|font-family|clip-path| id=|href| style=| fill=| stroke=", svg
    )
    styles = render("figures.css.j2") + render("plots.css.j2")
    shown = set(re.findall(r"[\w-]+", " ".join(re.findall(r'class="([^"]*)"', svg))))
    assert shown - {"plot"} <= set(re.findall(r"\.([\w-]+)", styles))
    colours = set(re.findall(r"(?:fill|stroke): ([^;}]*?) *[;}]", styles)) - {"none"}
    assert colours <= {f"var(--{each})" for each in re.findall(r"--([\w-]+):", render("colours.css.j2"))}


def test_bars_bounds_and_expectation_stand_where_the_axis_says() -> None:
    svg = plot(CHOICE, "")
    begin, end = (float(each.attrib["x"]) for each in elements(svg, "axis") if each.text in ("0%", "100%"))

    def share(shown_as: str, numbers: str) -> list[float]:
        drawn = [re.match(numbers, each.attrib["d"]) for each in elements(svg, shown_as)]
        return [round((float(found[1]) - begin) / (end - begin), 3) for found in drawn[:2] if found]

    assert share("side one", r"M([\d.]+) ") == [0, 0]
    assert share("side one", r"M[\d.]+ [\d.]+H([\d.]+)v") == [0.495, 0.6]
    assert share("side other", r"M([\d.]+) ") == [0.495, 0.6]
    assert share("side other", r"M[\d.]+ [\d.]+H([\d.]+)v") == [1, 1]
    assert share("reach", r"M([\d.]+) ") == [0.432, 0.432]
    assert share("reach", r"M[\d.]+ [\d.]+H([\d.]+)M") == [0.568, 0.568]
    assert share("expected", r"M([\d.]+) ") == [0.5, 0.5]


def test_each_envoy_has_its_counts_between_the_bounds() -> None:
    assert {"old", "v1: 990", "v2: 1010", "864", "1136", "new", "v1: 1200", "v2: 800"} <= set(texts(plot(CHOICE, "")))
    assert description(CHOICE).startswith("Envoy old: 990 v1 and 1010 v2, p = 0.671; Envoy new: 1200 v1")
    assert description(CHOICE).endswith("; of 2000 choices 864 to 1136 may be v1, and 1000 are expected")


def test_passed_and_limited_differ_by_words_and_by_shapes() -> None:
    svg = plot(BUCKET, "")
    assert {"3 passed", "1 limited", "2 passed", "0 limited", "2 tokens"} <= set(texts(svg))
    shapes = [[each.tag.removeprefix(SVG) for each in elements(svg, word)] for word in ("passed", "limited")]
    assert shapes == [["circle"] * 5, ["path"]]


def test_attempts_and_levels_stand_where_the_axes_say() -> None:
    svg = plot({"old": BUCKET["old"]}, "")
    at = {each.text: each for each in elements(svg, "axis")}
    begin, second = float(at["0.0"].attrib["x"]), float(at["1.0"].attrib["x"])
    empty, full = (float(at[each].attrib["y"]) for each in ("0", "2 tokens"))
    # As the letters' middle is above the line that they stand on.
    empty, full = empty - 4, full - 4
    measured = BUCKET["old"].attempts
    times = [round((float(each.attrib["cx"]) - begin) / (second - begin), 3) for each in elements(svg, "passed")]
    assert times == pytest.approx([each.seconds for each in measured if each.passed], abs=0.001)
    [limited] = elements(svg, "limited")
    x = float(limited.attrib["d"].removeprefix("M").split()[0])
    assert (x - begin) / (second - begin) == pytest.approx(measured[2].seconds, abs=0.001)
    points = [tuple(map(float, each.split(","))) for each in elements(svg, "level")[0].attrib["points"].split()]
    drawn = [((x - begin) / (second - begin), 2 * (empty - y) / (empty - full)) for x, y in points]
    fewest = [(each.seconds, each.tokens[0]) for each in measured]
    most = [(each.seconds, each.tokens[1]) for each in measured]
    assert [number for point in drawn for number in point] == pytest.approx(
        [number for point in fewest + most[::-1] for number in point], abs=0.001
    )


@pytest.mark.parametrize(
    ("end", "written"),
    [
        (0.1, "0.00 0.02 0.04 0.06 0.08 0.10"),
        (1.21, "0.0 0.2 0.4 0.6 0.8 1.0 1.2"),
        (3.2, "0.0 0.5 1.0 1.5 2.0 2.5 3.0"),
        (6.5, "0 1 2 3 4 5 6"),
        (7, "0 1 2 3 4 5 6 7"),
        (71, "0 20 40 60"),
        (360, "0 100 200 300"),
    ],
)
def test_ticks_are_round_numbers(end: float, written: str) -> None:
    assert [text for _, text in ticks(end)] == written.split()
    assert [float(text) for _, text in ticks(end)] == pytest.approx([number for number, _ in ticks(end)])


def test_without_attempts_there_is_an_empty_row() -> None:
    svg = plot({"old": Bucket(1, 1, 1).measurement([]), "new": BUCKET["new"]}, "")
    assert {"old", "new", "0 passed", "0 limited", "1 token"} <= set(texts(svg))


def test_of_a_single_envoy_the_caption_tells_which() -> None:
    assert "old" not in texts(plot({"old": BUCKET["old"]}, ""))
    assert description({"old": BUCKET["old"]}).startswith("3 passed and 1 limited in 1.21 s; the bucket holds 2 tokens")


def test_different_buckets_are_told_apart() -> None:
    told = description({"old": BUCKET["old"], "new": Bucket(1, 1, 1).measurement([])})
    assert re.fullmatch(r"Envoy old: .* \(the bucket holds 2 .*\); Envoy new: .* \(the bucket holds 1 token .*\)", told)


def test_texts_from_outside_stay_texts() -> None:
    sides = (EVIL, "$x^2$ 选")
    svg = plot({"new": Choice(10, 0.5).measurement(5, sides)}, EVIL)
    assert texts(svg, "title") == [EVIL]
    assert {f"{each}: 5" for each in sides} <= set(texts(svg))
    assert texts(plot({EVIL[:9]: BUCKET["old"], "new": BUCKET["new"]}, "")).count(EVIL[:9]) == 1
