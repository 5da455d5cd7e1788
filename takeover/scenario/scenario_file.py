"""Reads scenario.yaml: what a scenario is called, its edits in data form, what it declares of Envoy's versions."""

from dataclasses import dataclass
from pathlib import Path

from takeover.scenario.declared import KnownFailure, Support, read_known_failures, read_support
from takeover.scenario.fields import Fields, single
from takeover.scenario.written_edits import LocatedEdit, read_edit

FILE = "scenario.yaml"


@dataclass(frozen=True, eq=False)
class ScenarioFile:
    """The fields of scenario.yaml: the article's section and heading, the chapter's marker, the run's own edits.

    Args:
        supports: the versions of Envoy that it supports; None for all.
        known_failures: tests that fail on some versions.
    """

    title: str
    chinese: str
    article: str
    chapter: str
    run: tuple[LocatedEdit, ...]
    supports: Support | None
    known_failures: tuple[KnownFailure, ...]


def read_scenario_file(path: Path) -> ScenarioFile:
    """Reads scenario.yaml, strictly. Raises: BadInputError "FILE:LINE: …"."""
    file = Fields(single(path))
    file.only("title", "chinese", "article", "chapter", "supports", "known_failures", "run")
    title, chinese, article, chapter = (file.take(key, str) for key in ("title", "chinese", "article", "chapter"))
    run = tuple(read_edit(entry) for entry in file.children("run"))
    return ScenarioFile(title, chinese, article, chapter, run, read_support(file), read_known_failures(file))
