"""The lines of docs/building-a-mesh.md, typed one after the other: each shows what the page says."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from takeover.engines import choose
from takeover.envoy.releases import resolve
from takeover.scenario.library import Library
from takeover.scene import Scene
from tests.run.outside import ROOT

PAGE = ROOT / "docs/building-a-mesh.md"


@dataclass(frozen=True)
class Line:
    """A line that is typed in a container, and what it shows; … stands for anything."""

    where: str
    command: str
    shows: str

    def fits(self, shown: str) -> bool:
        parts = (re.escape(part) for part in self.shows.split("…"))
        return re.fullmatch(".*".join(parts), shown.strip(), re.DOTALL) is not None


def lines() -> Iterator[Line]:
    where = ""
    for block in re.findall(r"(?:^    .*\n|^\n(?=    \$))+", PAGE.read_text(), re.MULTILINE):
        for part in re.split(r"^    (?=\$ |# in )", block, flags=re.MULTILINE):
            first, _, rest = part.partition("\n")
            if first.startswith("# in "):
                where = first.removeprefix("# in ")
            elif first.startswith("$ "):
                yield Line(
                    where, first.removeprefix("$ "), "\n".join(each.strip() for each in rest.strip().split("\n"))
                )


def typed(scene: Scene, line: Line) -> str:
    pod, _, container = line.where.rpartition("/")
    ended = scene.pod(pod).container(container).exec(["sh", "-c", line.command])
    return (ended.stdout + ended.stderr).decode().replace("\r", "")


def test_every_line_shows_what_the_page_says() -> None:
    found = list(lines())
    assert len(found) == PAGE.read_text().count("\n    $ ") > 15
    [release, *_] = resolve(None)
    scenario = Library.bundled().scenario("mini-mesh")
    options = choose.EngineOptions("local", {})
    with (
        contextlib.closing(choose.engine(options, [release], lambda _: None)) as engine,
        contextlib.closing(Scene.deploy(engine, release, scenario)) as scene,
    ):
        for line in found:
            shown = show(scene, line)
            assert line.fits(shown), f"{line.where} $ {line.command}"


def show(scene: Scene, line: Line) -> str:
    """What a line shows, where it may still change for a moment: what was changed is in force milliseconds later."""
    # What counts or changes something is typed once.
    patience = 0 if "for i in" in line.command or "-X" in line.command else 60
    waiting = Retrying(
        retry=retry_if_result(lambda shown: not line.fits(shown)),
        stop=stop_after_delay(patience),
        wait=wait_fixed(0.05),
        retry_error_callback=lambda state: state.outcome and state.outcome.result(),
    )
    return str(waiting(typed, scene, line))
