"""Reads scenario.yaml: what a scenario is called, and its edits in data form."""

from dataclasses import dataclass
from pathlib import Path

from takeover.scenario.fields import Fields, single
from takeover.scenario.written_edits import LocatedEdit, read_edit

FILE = "scenario.yaml"


@dataclass(frozen=True, eq=False)
class ScenarioFile:
    """The fields of scenario.yaml: the article's section and heading, the chapter's marker, the run's own edits."""

    title: str
    chinese: str
    article: str
    chapter: str
    run: tuple[LocatedEdit, ...]


def read_scenario_file(path: Path) -> ScenarioFile:
    """Reads scenario.yaml, strictly. Raises: BadInputError "FILE:LINE: …"."""
    file = Fields(single(path))
    file.only("title", "chinese", "article", "chapter", "run")
    title, chinese, article, chapter = (file.take(key, str) for key in ("title", "chinese", "article", "chapter"))
    return ScenarioFile(title, chinese, article, chapter, tuple(read_edit(entry) for entry in file.children("run")))
