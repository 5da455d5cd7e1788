"""A check on the page: what is not as in production, coverage as a tree, differences at their place."""

import functools
import re
from pathlib import Path

from takeover.compare.comparison import compare
from takeover.compare.kinds import failing
from takeover.model.checked import Checked, ConfigPart, LeftOut, NotAsInProduction
from takeover.model.document import Document, Envoy, Observation, Outcome, ProbeResult
from takeover.model.request import ProbeRequest, ProbeTarget
from takeover.report.compared import Compared
from takeover.report.index import index
from takeover.scenario.library import Library


def document(name: str, status: int, reached: int) -> Document:
    request = ProbeRequest(source="given/client", to=ProbeTarget(port=80), protocol="http1")
    checked = Checked(
        "my <gateway>.yaml",
        "bootstrap",
        "given",
        1,
        [NotAsInProduction("names resolve to addresses of this run", "nobody else's are asked", "my.yaml:3")],
        [
            ConfigPart("listener web", "listener", "web", probes=1),
            ConfigPart(
                "listener web / route 0", "route", "first", "listener web", "my.yaml:7", reached, by=["routes/a"]
            ),
            ConfigPart("listener web / route 1", "route", "second", "listener web", why="its match is of chance"),
        ],
        left_out=[LeftOut(["1.40.0"], ["listener odd"], "no such field", "my.yaml:9")],
    )
    return Document(
        1,
        "2026-01-01T00:00:00+00:00",
        True,
        "local",
        Envoy(name, name, "", "", ""),
        [Outcome(f"check/given/probes.yaml::routes[envoy-{name}]", "given", "check/given/probes.yaml::routes", "pass")],
        [ProbeResult("given", "routes/a", request, Observation(status))],
        checked=checked,
    )


def page(*documents: Document, tmp_path: Path) -> str:
    read = {each.envoy.name: functools.partial(lambda each: each, each) for each in documents}
    compared = Compared(compare(read, []), failing(None))
    return index(Library(tmp_path), documents, [], compared)


def test_it_is_told_where_it_stands(tmp_path: Path) -> None:
    html = page(document("1.37.0", 200, 1), document("1.40.0", 404, 1), tmp_path=tmp_path)
    assert "my &lt;gateway&gt;.yaml on Envoy 1.37.0 and 1.40.0 (local): 1 probe; 1 difference from" in html
    check = html[html.index('<section id="check"') : html.index('<section id="matrix"')]
    text = re.sub(r"<[^>]*>", "", check)
    assert "Envoy 1.40.0 does not take listener odd (my.yaml:9): no such field" in text
    assert "names resolve to addresses of this run: nobody else's are asked my.yaml:3" in text.replace("&#39;", "'")
    assert re.search(r"routes\s*1 of 2\s*1 of 2", text)
    first, second = check.split("<strong>first</strong>")[1].split("<strong>second</strong>")
    [link] = re.findall(r'href="#difference-(\w+)">status', first)
    assert f'id="difference-{link}"' in html
    assert "1 probe on 1.37.0, 1 probe on 1.40.0; my.yaml:7" in first
    assert "not reached on 1.37.0, 1.40.0: its match is of chance" in second
    assert "Differs" not in second


def test_a_page_of_any_other_run_says_nothing_of_it(tmp_path: Path) -> None:
    other = document("1.37.0", 200, 1)
    other.checked = Document(1, "", True, "local", other.envoy).checked
    html = page(other, tmp_path=tmp_path)
    assert 'id="check"' not in html
    assert "#check" not in html
