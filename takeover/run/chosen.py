"""Which tests a run has, and what each is about: known once they are collected, in the process that hears reports.

With xdist its controller collects nothing. All workers collect the same, and each tells it through a file in memory of
its own, as any of them may die: the first one is heard. None of the files is left when this process dies.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from takeover.run.record import Subject
from takeover.run.subject import subject_of

Chosen = Mapping[str, Subject]
"""By the tests' ids; those without an Envoy are left out."""

_FILE = "takeover_chosen"  # in a worker's input: where it tells


class ChosenTests:
    """Hands them on as soon as they are known.

    Args:
        take: each takes them, once.
    """

    def __init__(self, *take: Callable[[Chosen], None]) -> None:
        self._take = take
        self._is_heard = False

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tells a worker where to tell."""
        node.workerinput[_FILE] = f"/proc/{os.getpid()}/fd/{os.memfd_create('chosen')}"

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any) -> None:
        """With xdist."""
        if not self._is_heard:
            self._is_heard = True
            told = Path(node.workerinput[_FILE]).read_bytes()
            self._hand_on(msgspec.json.decode(told, type=dict[str, Subject]))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Without xdist."""
        self._hand_on(subjects(session.items))

    def _hand_on(self, chosen: Chosen) -> None:
        for take in self._take:
            take(chosen)


class ChosenTestsTeller:
    """In a worker."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @classmethod
    def of(cls, config: pytest.Config) -> "ChosenTestsTeller | None":
        """None in any other process."""
        file = getattr(config, "workerinput", {}).get(_FILE)
        return cls(Path(file)) if file else None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Comes before the controller hears that this worker has collected."""
        self._file.write_bytes(msgspec.json.encode(subjects(session.items)))


def subjects(items: Iterable[pytest.Item]) -> dict[str, Subject]:
    """What each of the items is about."""
    return {item.nodeid: subject for item in items if (subject := subject_of(item))}
