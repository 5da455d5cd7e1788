import os
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from takeover.model.document import Document


class Tag:
    """Marks processes by their environment, which their children inherit, so that they can be found again.

    What gets an environment of its own is found by `argument`, where that is one of its arguments.
    Containers have an environment of their own. But when a node's first process is gone, so is everything in the node:
    the kernel waits for that.
    """

    def __init__(self) -> None:
        self._value = str(uuid.uuid4())
        self.environment = os.environ | {"TAKEOVER_TEST_TAG": self._value}
        self.argument = f"tag-{self._value}"

    def processes(self) -> list[str]:
        """The command lines of the processes that have it."""
        return [command for _, command in self._found()]

    def kill(self) -> None:
        """Ends them, and with them all that is in namespaces of theirs."""
        for process, _ in self._found():
            os.kill(process, signal.SIGKILL)

    def _found(self) -> Iterator[tuple[int, str]]:
        wanted = f"TAKEOVER_TEST_TAG={self._value}".encode()
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_text().replace("\0", " ")
                if self.argument in command or wanted in (folder / "environ").read_bytes().split(b"\0"):
                    yield int(folder.name), command
            except OSError:
                continue  # gone meanwhile, or not ours to read


@pytest.fixture(autouse=True, scope="session")
def _runs_are_their_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs that tests start leave their results apart from the user's own, and are no workers of another run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_ADDOPTS", f"--reports={tmp_path_factory.mktemp('reports')}")
        for name in [each for each in os.environ if each.startswith("PYTEST_XDIST_")]:
            patch.delenv(name)
        yield


@pytest.fixture
def new_tag() -> Callable[[], Tag]:
    """Makes a tag for processes."""
    return Tag


@pytest.fixture(autouse=True, scope="session")
def _ctrl_c_reaches_children() -> None:
    # What a script runs in the background (`./test &`) ignores Ctrl-C, and so would the runs that tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)


SEEN: dict[str, Any] = {
    "status": 200,
    "reason": "OK",
    "protocol": "HTTP/1.1",
    "headers": [("server", "envoy"), ("x-auth-user", "alice"), ("content-length", "2")],
    "body": "ok",
    "end": "open",
    "log": [{"flags": "-", "status": 200}],
    "stats": {"http.one.downstream_rq_total": 1},
}
REQUEST = {"from": "client/client", "to": {"service": "v1/app", "port": 80}, "protocol": "http1", "method": "GET",
           "path": "/", "version": "1.1", "host": "probe.example"}  # fmt: skip


@pytest.fixture
def document() -> Callable[..., Document]:
    """Makes a document: `seen` changes what is seen of each of two probes, other words change the document."""

    def make(name: str, seen: dict[str, Any] | None = None, version: str = "", **changed: Any) -> Document:
        probes = [
            {"scenario": scenario, "probe": "edges/plain", "request": REQUEST, "seen": SEEN | (seen or {})}
            for scenario in ("one", "two")
        ]
        data = {
            "schema": 1,
            "written": "2026-11-25T10:00:00+00:00",
            "complete": True,
            "engine": "local",
            "envoy": {"name": name, "version": version or name, "commit": "abc", "build": "Clean", "sha256": "0f"},
            "probes": probes,
        }
        return msgspec.convert(data | changed, Document)

    return make
