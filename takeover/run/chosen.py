"""Which tests a run has, and what each is about: known once they are collected, in the process that hears reports.

With xdist its controller collects nothing. One worker tells for all, as they collect the same, through a file in
memory: none is left when this process dies.
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
_TELLER = "gw0"


class ChosenTests:
    """Hands them on as soon as they are known.

    Args:
        take: takes them, once.
    """

    def __init__(self, take: Callable[[Chosen], None]) -> None:
        self._take = take
        self._between = Path(f"/proc/{os.getpid()}/fd/{os.memfd_create('chosen')}")

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tells one worker where to tell."""
        if node.gateway.id == _TELLER:
            node.workerinput[_FILE] = str(self._between)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any) -> None:
        """With xdist."""
        if node.gateway.id == _TELLER:
            self._take(msgspec.json.decode(self._between.read_bytes(), type=dict[str, Subject]))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Without xdist."""
        self._take(_subjects(session.items))


class ChosenTestsTeller:
    """In the worker that tells."""

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
        self._file.write_bytes(msgspec.json.encode(_subjects(session.items)))


def _subjects(items: Iterable[pytest.Item]) -> dict[str, Subject]:
    return {item.nodeid: subject for item in items if (subject := subject_of(item))}
