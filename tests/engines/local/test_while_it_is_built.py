"""The containers' root file system while it is built: nobody gets it before it is whole, and it is built once.

The programs that build it are a function here, which waits where a test wants it to.
"""

import contextlib
import fcntl
import importlib.metadata
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from takeover.base.errors import TakeoverError
from takeover.engines.local import packages, root_file_system
from takeover.node import host


class Builder:
    """What `mmdebstrap` and the others do: half of it is there until `goes_on` is set."""

    def __init__(self) -> None:
        self.builds = 0
        self.half, self.goes_on, self.is_waited_for = threading.Event(), threading.Event(), threading.Event()
        self.fails = ""

    def run(self, _: object, command: list[str], what: str) -> str:
        if self.fails and self.fails in command:
            raise TakeoverError(f"{what} failed")
        match command[0]:
            case "env" if "pip" in command:
                target = next(each for each in command if each.startswith("--target=")).partition("=")[2]
                (Path(target) / "grpc").mkdir(parents=True)
            case "env":
                self.builds += 1
                if self.builds > 1:
                    self.is_waited_for.set()  # it is not: somebody else builds, too
                Path(command[-1]).touch()
            case "tar":
                root = Path(command[2])
                (root / "usr/bin").mkdir(parents=True)
                (root / "usr/bin/python3").symlink_to("python3.11")
                self.half.set()
                assert self.goes_on.wait(60)
                (root / "last").touch()
            case "rm":
                shutil.rmtree(command[-1])
            case "mv":
                Path(command[1]).rename(command[2])
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
    monkeypatch.setattr(root_file_system, "run_errand", builder.run)
    monkeypatch.setattr(root_file_system, "errand_node", lambda *_, **__: contextlib.nullcontext())
    monkeypatch.setattr(fcntl, "flock", builder.flock)
    monkeypatch.setattr(host, "require_programs", lambda *_: None)
    yield builder
    builder.goes_on.set()


def taken() -> set[str]:
    """What is in it at the moment when somebody gets it."""
    with contextlib.closing(root_file_system.take()) as found:
        return {f"{folder.name}/{each.name}" for folder in (found.path, found.packages) for each in folder.iterdir()}


WHOLE = {"root/usr", "root/last", "packages/grpc"}


def test_who_comes_while_it_is_built_waits_until_it_is_whole(builder: Builder) -> None:
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(taken)
        assert builder.half.wait(60)
        second: Future[set[str]] = pool.submit(taken)
        second.add_done_callback(lambda _: builder.is_waited_for.set())
        assert builder.is_waited_for.wait(60)
        builder.goes_on.set()
        assert [each.result(20) for each in (first, second)] == [WHOLE] * 2
    assert builder.builds == 1


@pytest.mark.parametrize(
    ("fails", "message"),
    [
        ("tar", "^unpacking the containers' root file system failed$"),
        (
            "pip",
            r"^cannot fetch the packages of the image peers \(.*\bgrpcio, .+\): pip failed; pip must reach .+`$",
        ),
        ("chroot", "^compiling the packages failed$"),
    ],
)
def test_of_a_build_that_fails_nothing_is_left_and_the_next_one_begins_anew(
    builder: Builder, tmp_path: Path, fails: str, message: str
) -> None:
    builder.goes_on.set()
    builder.fails = fails
    with pytest.raises(TakeoverError, match=message):
        taken()
    assert [each.name for each in (tmp_path / "envoy-takeover" / "lab").iterdir()] == ["lock"]

    builder.fails = ""
    assert taken() == WHOLE
    assert builder.builds == 2


def test_what_is_told_of_it_has_the_packages_of_the_image_peers(builder: Builder) -> None:
    builder.goes_on.set()
    taken()
    told = root_file_system.told()
    assert told is not None
    assert told.packages.keys() > {"nginx-light", "pypi:grpcio", "pypi:xds-protos"}
    assert told.packages["pypi:h2"] == importlib.metadata.version("h2")


def test_one_with_other_packages_of_the_image_peers_is_not_taken(
    builder: Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder.goes_on.set()
    taken()
    other = tmp_path / "requirements.txt"
    other.write_text(packages.REQUIREMENTS.read_text().replace("wsproto==", "wsproto==1"))
    monkeypatch.setattr(packages, "REQUIREMENTS", other)
    assert root_file_system.told() is None
    taken()
    assert builder.builds == 2
