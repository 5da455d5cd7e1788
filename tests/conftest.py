import os
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


class Tag:
    """Marks processes by their environment, which their children inherit, so that they can be found again.

    Containers have an environment of their own. But when a node's first process is gone, so is everything in the node:
    the kernel waits for that.
    """

    def __init__(self) -> None:
        self._value = str(uuid.uuid4())
        self.environment = os.environ | {"TAKEOVER_TEST_TAG": self._value}

    def processes(self) -> list[str]:
        """The command lines of the processes that have it."""
        return list(self._found())

    def _found(self) -> Iterator[str]:
        wanted = f"TAKEOVER_TEST_TAG={self._value}".encode()
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if wanted in (folder / "environ").read_bytes().split(b"\0"):
                    yield (folder / "cmdline").read_text().replace("\0", " ")
            except OSError:
                continue  # gone meanwhile, or not ours to read


@pytest.fixture(autouse=True, scope="session")
def _reports_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs that tests start leave their results apart from the user's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_ADDOPTS", f"--reports={tmp_path_factory.mktemp('reports')}")
        yield


@pytest.fixture
def new_tag() -> Callable[[], Tag]:
    """Makes a tag for processes."""
    return Tag


@pytest.fixture(autouse=True, scope="session")
def _ctrl_c_reaches_children() -> None:
    # What a script runs in the background (`./test &`) ignores Ctrl-C, and so would the runs that tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
