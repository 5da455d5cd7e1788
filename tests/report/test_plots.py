"""Plots of real measurements, as the page has them."""

import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from takeover.report.plots import Measurements, description, plot
from takeover.report.templates import render
from takeover.suite.buckets import Attempt, Bucket
from takeover.suite.statistics import Choice
from tests.report.conftest import ROOT
from tests.report.suite_that_fails import EVIL

ATTEMPTS = [Attempt(at, at + 0.01, passed) for at, passed in ((0, True), (0.1, True), (0.2, False), (1.2, True))]
CHOICE = {name: Choice(2000, 0.5).measurement(counted, ("v1", "v2")) for name, counted in (("old", 990), ("new", 1200))}
BUCKET = {name: Bucket(2, 1, 1).measurement(attempts) for name, attempts in (("old", ATTEMPTS), ("new", ATTEMPTS[:2]))}
SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str, tag: str = "text") -> list[str]:
    return ["".join(each.itertext()) for each in ElementTree.fromstring(svg).iter(SVG + tag)]  # noqa: S314 - our own


@pytest.mark.parametrize("measurements", [CHOICE, BUCKET])
def test_it_is_a_part_of_the_page(measurements: Measurements) -> None:
    svg = plot(measurements, "title", "one")
    assert svg == plot(measurements, "title", "one")
    one, other = (set(re.findall(r' id="([^"]*)"', each)) for each in (svg, plot(measurements, "title", "other")))
    assert one
    assert not one & other
    assert one == set(re.findall(r'href="#([^"]*)"', svg))
    # Nothing that would hold for all of the page, and no colours and letters but the page's own.
    assert not re.search(r"<style|<metadata|<\?xml|<!DOCTYPE|font-family|clip-path", svg)
    colours = set(re.findall(r"(?:fill|stroke): ([^;\"]*)", svg)) - {"none"}
    assert colours <= {f"var(--{each})" for each in re.findall(r"--([\w-]+):", render("colours.css.j2"))}


def test_each_envoy_has_its_counts_between_the_bounds() -> None:
    assert {"old", "v1: 990", "v2: 1010", "864", "1136", "new", "v1: 1200", "v2: 800"} <= set(
        texts(plot(CHOICE, "", ""))
    )
    assert description(CHOICE).startswith("Envoy old: 990 v1 and 1010 v2, p = 0.671; Envoy new: 1200 v1")
    assert description(CHOICE).endswith("; of 2000 choices 864 to 1136 may be v1, and 1000 are expected")


def test_passed_and_limited_differ_by_words_and_by_shapes() -> None:
    svg = plot(BUCKET, "", "")
    assert {"3 passed", "1 limited", "2 passed", "0 limited", "2 tokens"} <= set(texts(svg))
    shapes = {colour: re.findall(rf'href="#(\w+)"[^>]*--{colour}\b', svg) for colour in ("pass", "fail")}
    assert [len(each) for each in shapes.values()] == [5, 1]
    assert len(set(shapes["pass"])) == 1
    assert not set(shapes["pass"]) & set(shapes["fail"])


def test_of_a_single_envoy_the_caption_tells_which() -> None:
    assert "old" not in texts(plot({"old": BUCKET["old"]}, "", ""))
    assert description({"old": BUCKET["old"]}).startswith("3 passed and 1 limited in 1.21 s; the bucket holds 2 tokens")


def test_different_buckets_are_told_apart() -> None:
    told = description({"old": BUCKET["old"], "new": Bucket(1, 1, 1).measurement([])})
    assert re.fullmatch(r"Envoy old: .* \(the bucket holds 2 .*\); Envoy new: .* \(the bucket holds 1 token .*\)", told)


def test_texts_from_outside_stay_texts() -> None:
    sides = (EVIL, "$x^2$ 选")
    svg = plot({"new": Choice(10, 0.5).measurement(5, sides)}, EVIL, EVIL)
    assert texts(svg, "title") == [EVIL]
    assert {f"{each}: 5" for each in sides} <= set(texts(svg))


def test_matplotlib_is_not_imported_before_something_is_drawn() -> None:
    code = "import sys, takeover.report.folder; print('matplotlib' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"
