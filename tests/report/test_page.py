"""The page in a real browser: Debian's chromium, by its driver. Opened from disk, as people open it."""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from takeover.compare.comparison import compare
from takeover.compare.kinds import failing
from takeover.model.document import Document
from takeover.report.compared import Compared, by_kind, views
from takeover.report.index import index
from takeover.report.matrix import matrix
from takeover.report.templates import render
from takeover.scenario.library import Library
from takeover.store import documents as store
from tests.report.conftest import ROOT
from tests.report.suite_that_fails import EVIL, EVIL_PATH

WIDTHS = (390, 820, 1400)
LIGHT, DARK = render("colours.css.j2").split("@media")
Open = Callable[..., webdriver.Chrome]


@pytest.fixture(scope="module")
def open_page(run_folder: Path) -> Iterator[Open]:
    """Opens the run's page in a new tab of the browser."""
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    options.binary_location = str(shutil.which("chromium") or shutil.which("google-chrome"))
    # Named, so that selenium does not look for one to download.
    with webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver"))) as driver:

        def open_it(
            width: int = 1400,
            scheme: str = "light",
            script: bool = True,
            page: str = (run_folder / "index.html").as_uri(),
        ) -> webdriver.Chrome:
            driver.get("about:blank")
            for kind in ("browser", "performance"):
                log(driver, kind)
            driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not script})
            features = [{"name": "prefers-color-scheme", "value": scheme}]
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": features})
            size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            driver.get(page)
            return driver

        yield open_it


def log(page: webdriver.Chrome, kind: str) -> list[dict[str, Any]]:
    """The entries of one of the browser's logs since it was last read."""
    found: list[dict[str, Any]] = page.get_log(kind)  # type: ignore[no-untyped-call]
    return found


def visible_scenarios(page: webdriver.Chrome) -> list[str]:
    return [each.get_attribute("id") for each in page.find_elements(By.CSS_SELECTOR, ".scenario:not([hidden])")]  # type: ignore[misc]


def test_it_opens_without_an_error_and_loads_nothing_else(open_page: Open) -> None:
    page = open_page()
    assert page.title.startswith("Envoy does not take over as it should on Envoy old and new (local): 10 of")
    assert log(page, "browser") == []
    events: list[dict[str, Any]] = [json.loads(each["message"])["message"] for each in log(page, "performance")]
    urls = [each["params"]["request"]["url"] for each in events if each["method"] == "Network.requestWillBeSent"]
    assert [url for url in urls if not url.startswith(("file:", "data:"))] == []
    assert len([url for url in urls if url.startswith("file:")]) == 1


def test_texts_from_outside_stay_texts(open_page: Open) -> None:
    page = open_page()
    page.find_element(By.ID, "unfold").click()
    assert "evil" not in page.title
    assert page.find_elements(By.CSS_SELECTOR, "main script, img, main iframe") == []
    body = page.find_element(By.TAG_NAME, "body").text
    assert EVIL in body
    svgs = page.find_elements(By.CSS_SELECTOR, "svg text")
    assert any(EVIL_PATH in str(each.get_property("textContent")) for each in svgs)


def test_links_lead_somewhere(open_page: Open, run_folder: Path) -> None:
    page = open_page()
    links = {each.get_dom_attribute("href") or "" for each in page.find_elements(By.TAG_NAME, "a")}
    assert len(links) > 20
    for link in links:
        if link.startswith("#"):
            assert len(page.find_elements(By.ID, link[1:])) == 1, link
        else:
            assert (run_folder / unquote(link)).is_file(), link
    ids = [each.get_attribute("id") for each in page.find_elements(By.CSS_SELECTOR, "[id]")]
    assert len(ids) == len(set(ids))


def test_it_filters_and_folds(open_page: Open) -> None:
    page = open_page()
    everything = visible_scenarios(page)
    assert everything[:2] == ["inbound-interception", "outbound-block-all"]

    page.find_element(By.ID, "find").send_keys("mesh")
    assert visible_scenarios(page) == ["outbound-mesh-service"]
    assert page.find_element(By.ID, "found").text == f"1 of {len(everything)} shown"
    rows = page.find_elements(By.CSS_SELECTOR, ".matrix tbody tr:not([hidden])")
    assert [each.get_attribute("data-scenario") for each in rows] == ["outbound-mesh-service"]

    page.find_element(By.ID, "find").clear()
    page.find_element(By.ID, "find").send_keys(" ", Keys.BACKSPACE)
    page.find_element(By.ID, "only-trouble").click()
    assert visible_scenarios(page) == ["inbound-interception", "outbound-allow-all", "outbound-mesh-service"]

    details = page.find_elements(By.TAG_NAME, "details")
    assert not any(each.get_property("open") for each in details)
    page.find_element(By.ID, "unfold").click()
    assert all(each.get_property("open") for each in details)
    page.find_element(By.ID, "fold").click()
    assert not any(each.get_property("open") for each in details)


def test_a_difference_unfolds_to_both_observations(open_page: Open) -> None:
    page = open_page()
    differences = page.find_elements(By.CSS_SELECTOR, "details.difference")
    assert all(each.text.startswith("✗ verdict") for each in differences)
    [difference] = [each for each in differences if "the way differs: test: pass → fail" in each.text]
    page.find_element(By.CSS_SELECTOR, "#outbound-mesh-service .links a").click()
    WebDriverWait(page, 10).until(lambda _: difference.get_property("open"))
    head = [each.text for each in difference.find_elements(By.CSS_SELECTOR, "thead th")]
    assert head == ["what was seen", "Envoy old", "Envoy new"]
    rows = [each.text for each in difference.find_elements(By.CSS_SELECTOR, "tr.differs")]
    assert rows[0] == "≠ state pass fail"
    # What is the same stands under both: an empty place would read as nothing seen.
    for row in difference.find_elements(By.CSS_SELECTOR, "tbody tr:not(.differs)"):
        one, other = row.find_elements(By.TAG_NAME, "td")
        assert one.text == other.text
    assert EVIL in difference.text
    commands = difference.find_element(By.TAG_NAME, "pre").text.splitlines()
    assert [each.startswith("pytest --envoy ") for each in commands] == [True, True]
    # The traces of the test that failed: where it passed, and where it broke off.
    failure = page.find_element(By.CSS_SELECTOR, "#outbound-mesh-service .failure")
    assert len(failure.find_elements(By.CSS_SELECTOR, "svg .hop.missing")) == 3
    assert "On others: the same test passed on Envoy old." in failure.text


def test_a_link_leads_to_one_of_several_that_are_folded_into_a_row(open_page: Open, tmp_path: Path) -> None:
    paths = [ROOT / "reports" / store.PUBLISHED / f"{version}.json" for version in ("1.37.0", "1.40.0")]
    published = [store.read(path) for path in paths]
    comparison = compare({each.envoy.name: lambda each=each: each for each in published})  # type: ignore[misc]
    compared = Compared(comparison, failing(None))
    kinds = {each.kind: each for each in by_kind(views(compared, published))}
    alike = next(row.alike for row in kinds["security-header"].rows if len(row.alike) > 1)
    file = tmp_path / "index.html"
    file.write_text(index(Library.bundled(), published, [], compared))
    for linked in (alike[1], kinds["statistic"].rows[3].alike[0]):
        page = open_page(page=f"{file.as_uri()}#difference-{linked.difference.id}")
        shown = page.find_element(By.ID, f"difference-{linked.difference.id}")
        assert shown.find_element(By.TAG_NAME, "table").is_displayed()


def test_a_failure_does_not_call_what_was_judged_expected(open_page: Open) -> None:
    page = open_page()
    told = [each.text for each in page.find_elements(By.CSS_SELECTOR, ".failure > p:first-of-type")]
    assert len(told) == 10
    assert not [each for each in told if each.startswith("Expected: assert")]
    assert [each for each in told if each.startswith("Judged by the test: ")]


def test_outcomes_of_authentication_say_in_which_test(open_page: Open) -> None:
    rows = [each.text for each in open_page().find_elements(By.CSS_SELECTOR, ".outcomes tbody tr")]
    assert "Bearer alice 200 200 passes - via_upstream alice who may pass reaches" in rows[0].replace("\n", " ")
    assert len(rows) == len(set(rows))


def test_the_keyboard_is_enough(open_page: Open) -> None:
    page = open_page()
    page.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    assert page.switch_to.active_element.text == "Skip to the matrix"
    summary = page.find_element(By.TAG_NAME, "summary")
    page.execute_script("arguments[0].focus()", summary)
    page.switch_to.active_element.send_keys(Keys.ENTER)
    assert page.find_element(By.TAG_NAME, "details").get_property("open")


def test_without_script_everything_is_there(open_page: Open) -> None:
    page = open_page(script=False)
    assert not page.find_element(By.CSS_SELECTOR, ".tools").is_displayed()
    assert page.find_element(By.CSS_SELECTOR, ".failure").is_displayed()
    details = page.find_element(By.TAG_NAME, "details")
    details.find_element(By.TAG_NAME, "summary").click()
    assert details.get_property("open")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_and_can_be_read(open_page: Open, width: int, scheme: str) -> None:
    page = open_page(width, scheme)
    page.find_element(By.ID, "unfold").click()
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    background = page.find_element(By.TAG_NAME, "body").value_of_css_property("background-color")
    assert (sum(map(int, re.findall(r"\d+", background)[:3])) > 382) == (scheme == "light")
    # Of two Envoys nothing of the matrix is out of sight, on a phone neither.
    matrix = page.find_element(By.CSS_SELECTOR, "#matrix .wide")
    assert page.execute_script("return arguments[0].scrollWidth <= arguments[0].clientWidth", matrix)
    # Nothing is smaller than can be read; what is wider scrolls in its own frame.
    plots = page.find_elements(By.CSS_SELECTOR, "svg.plot")
    assert len(plots) == 2  # one for each test that measured, of both Envoys
    for svg in [*page.find_elements(By.CSS_SELECTOR, "svg.trace")[:3], *plots]:
        assert svg.size["width"] >= 540
    for text in page.find_elements(By.CSS_SELECTOR, "svg.plot text"):
        assert text.size["height"] >= 12, text.text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_plot_has_the_colours_of_the_page(open_page: Open, scheme: str) -> None:
    page = open_page(scheme=scheme)
    style = "return getComputedStyle(arguments[0]).getPropertyValue('fill')"
    colours = dict(re.findall(r"--([\w-]+): #([0-9a-f]{6})", {"light": LIGHT, "dark": DARK}[scheme]))
    [weights] = page.find_elements(By.CSS_SELECTOR, "#gateway-weights svg.plot")
    seen = {page.execute_script(style, each) for each in weights.find_elements(By.CSS_SELECTOR, "path, text")}
    for name in ("link", "envoy", "paper", "ink", "quiet"):
        red, green, blue = (int(colours[name][place : place + 2], 16) for place in (0, 2, 4))
        assert f"rgb({red}, {green}, {blue})" in seen, name


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_paper_it_is_light_and_as_wide_as_the_paper(open_page: Open, scheme: str) -> None:
    page = open_page(794)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": features})
    page.execute_script("dispatchEvent(new Event('beforeprint'))")
    style = "return getComputedStyle(document.documentElement).getPropertyValue(arguments[0])"
    for name, value in re.findall(r"--([\w-]+-wash|pass|fail|link): (#[0-9a-f]{6})", LIGHT):
        assert page.execute_script(style, f"--{name}") == value
    assert page.execute_script("return document.documentElement.scrollWidth") <= 794
    assert not page.find_element(By.CSS_SELECTOR, ".tools").is_displayed()


def test_what_can_be_scrolled_and_seen_has_a_name(open_page: Open) -> None:
    page = open_page()
    for picture in page.find_elements(By.TAG_NAME, "svg"):
        assert picture.get_dom_attribute("role") == "img"
        assert picture.find_element(By.TAG_NAME, "title").get_property("textContent")
    for region in page.find_elements(By.CSS_SELECTOR, "[tabindex]:not(pre)"):
        assert region.get_dom_attribute("aria-label")
    broken = page.find_element(By.CSS_SELECTOR, "svg .hop.missing rect")
    assert broken.value_of_css_property("stroke-dasharray") != "none"


def test_no_text_of_the_matrix_leaves_its_place(open_page: Open, documents: Sequence[Document], tmp_path: Path) -> None:
    picture = tmp_path / "matrix.svg"
    picture.write_text(matrix(Library.bundled(), documents))
    page = open_page()
    page.get(picture.as_uri())
    places = page.find_elements(By.CSS_SELECTOR, "g")
    assert len(places) > 10
    for place in places:
        end = place.find_element(By.TAG_NAME, "rect").rect
        for text in place.find_elements(By.TAG_NAME, "text"):
            assert text.rect["x"] + text.rect["width"] <= end["x"] + end["width"], text.text


def test_the_colours_have_contrast() -> None:
    for scheme in (LIGHT, DARK):
        colours = dict(re.findall(r"--([\w-]+): #([0-9a-f]{6})", scheme))
        washes = [name for name in colours if name.endswith("-wash")]
        pairs = [(name, "paper") for name in ("ink", "quiet", "link", "pass", "fail", "known", "differs", "envoy")]
        pairs += [("ink", each) for each in (*washes, "raised")] + [("quiet", each) for each in (*washes, "raised")]
        pairs += [(each.removesuffix("-wash"), each) for each in washes]
        for one, other in pairs:
            assert contrast(colours[one], colours[other]) >= 4.5, (one, other)
    assert LIGHT != DARK


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2."""
    lights = sorted(map(luminance, (one, other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
