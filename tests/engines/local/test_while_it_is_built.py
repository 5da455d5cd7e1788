"""The containers' root file system while it is built: nobody gets it before it is whole, and it is built once.

The programs that build it are a function here, which waits where a test wants it to.
"""

import contextlib
import fcntl
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from takeover.base.errors import TakeoverError
from takeover.engines.local import root_file_system
from takeover.node import host


class Builder:
    """What `mmdebstrap` and the others do: half of it is there until `goes_on` is set."""

    def __init__(self) -> None:
        self.builds = 0
        self.half, self.goes_on, self.is_waited_for = threading.Event(), threading.Event(), threading.Event()
        self.fails = False

    def run(self, _: object, command: list[str], what: str) -> str:
        match command[0]:
            case "env":
                self.builds += 1
                if self.builds > 1:
                    self.is_waited_for.set()  # it is not: somebody else builds, too
                Path(command[-1]).touch()
            case "tar":
                root = Path(command[2])
                (root / "first").touch()
                self.half.set()
                assert self.goes_on.wait(20)
                if self.fails:
                    raise TakeoverError(f"{what} failed")
                (root / "last").touch()
            case "rm":
                shutil.rmtree(command[-1])
            case "dpkg-query":
                return "nginx-light 1.22\n"
        return ""

    def flock(self, file: int, how: int) -> None:
        """The lock, and word of who would have to wait for it."""
        try:
            FLOCK(file, how | fcntl.LOCK_NB)
        except BlockingIOError:
            self.is_waited_for.set()
            FLOCK(file, how)


FLOCK = fcntl.flock


@pytest.fixture
def builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Builder]:
    builder = Builder()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(root_file_system, "_run", builder.run)
    monkeypatch.setattr(root_file_system, "errand_node", lambda *_, **__: contextlib.nullcontext())
    monkeypatch.setattr(fcntl, "flock", builder.flock)
    monkeypatch.setattr(host, "require_programs", lambda *_: None)
    yield builder
    builder.goes_on.set()


def taken() -> set[str]:
    """What is in it at the moment when somebody gets it."""
    with contextlib.closing(root_file_system.take()) as found:
        return {each.name for each in found.path.iterdir()}


def test_who_comes_while_it_is_built_waits_until_it_is_whole(builder: Builder) -> None:
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(taken)
        assert builder.half.wait(20)
        second: Future[set[str]] = pool.submit(taken)
        second.add_done_callback(lambda _: builder.is_waited_for.set())
        assert builder.is_waited_for.wait(20)
        builder.goes_on.set()
        assert [each.result(20) for each in (first, second)] == [{"first", "last"}] * 2
    assert builder.builds == 1


def test_of_a_build_that_fails_nothing_is_left_and_the_next_one_begins_anew(builder: Builder, tmp_path: Path) -> None:
    builder.goes_on.set()
    builder.fails = True
    with pytest.raises(TakeoverError, match="unpacking the containers' root file system failed"):
        taken()
    assert [each.name for each in (tmp_path / "envoy-takeover" / "lab").iterdir()] == ["lock"]

    builder.fails = False
    assert taken() == {"first", "last"}
    assert builder.builds == 2
